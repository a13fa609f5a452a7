// SPDX-License-Identifier: Apache-2.0
// The page of a sweep. What is shown is one state - axes of the chart, filters, order, chosen
// point - that the address of the page carries behind #, so that a view can be sent on.
'use strict';
(() => {
  const mostLines = 1500;

  T.sweep = data => {
    const columns = data.columns, byName = new Map(columns.map(c => [c.name, c]));
    const status = byName.get('status');
    const every = Uint32Array.from({length: data.rows}, (_, i) => i);
    const okCode = status.dict.indexOf('ok');
    const isOk = i => status.codes[i] === okCode;
    const ok = every.filter(isOk);
    const hasValues = c => c.type === 'number' && ok.some(i => !Number.isNaN(c.values[i]));
    const varies = c => T.distinct(c, ok, 1) === null;
    const metrics = columns.filter(c => c.role === 'metric' && hasValues(c));
    const axes = data.axes.map(a => ({...a, keys: a.keys.map(k => byName.get(k))}))
      .filter(a => a.keys.every(c => c) && a.keys.some(varies));
    const keys = axes.flatMap(a => a.keys);
    // Coupled keys that move together are one line of the parallel coordinates.
    const lineKeys = axes.flatMap(a => {
      const together = new Set(Array.from(ok, i => a.keys.map(c => c.at(i)).join('|'))).size;
      const alone = a.keys.find(c => (T.distinct(c, ok, together) || []).length === together);
      return alone ? [alone] : a.keys;
    }).filter(varies);
    const objectives = data.objectives.map(n => byName.get(n)).filter(c => c && hasValues(c));
    const first = objectives[0] || metrics[0], second = objectives.find(c => c !== first) || metrics.find(c => c !== first) || first;

    const state = {x: first, y: second, color: null, logx: false, logy: false, metric: first,
                   filters: new Map(), sort: null, chosen: -1, invalid: false, all: false};
    const page = document.getElementById('page');
    page.replaceChildren(...headOf(data, columns, ok, every, status, axes));
    if (ok.length === 0 || !first) {
      page.append(T.card('nothing', 'No point is valid', 'There is nothing to draw. The table says why each point was refused.'));
      state.invalid = true;
    }
    const drawable = ok.length > 0 && first;
    if (drawable) {
      const wide = c => { const b = T.quartiles(Array.from(ok, i => c.values[i]).filter(v => !Number.isNaN(v))); return b[0] > 0 && b[4] / b[0] > 20; };
      state.logx = wide(first);
      state.logy = wide(second);
      state.color = byName.get('model') && varies(byName.get('model')) ? byName.get('model') : keys.find(varies) || null;
    }
    readAddress();

    // The filters of the page, as chips.
    const chips = T.el('div.controls', {id: 'chips'});
    const filterCard = T.card('filters', null, null, chips);
    page.append(filterCard);

    const detail = T.el('div.detail', {id: 'detail'});
    const paretoNode = T.el('div.chart', {id: 'pareto-chart'});
    const controls = T.el('div.controls', {});
    const frontNote = T.el('p.note', {id: 'front-note'});
    const lineNote = T.el('p.note', {id: 'line-note'});
    const effectControls = T.el('div.controls', {});
    if (drawable) {
      page.append(
        T.card('pareto', 'Pareto front', 'Wheel: zoom; drag: move; the tools at the right: zoom into a box, back, all. Hover shows a point\'s configuration, a click keeps it at the side.',
               controls, T.el('div.twin', {}, T.el('div', {}, paretoNode, frontNote), detail)),
        T.card('parallel', 'Parallel coordinates', 'Drag along an axis to keep, on the whole page, only the points between two of its values; click the axis to let go. Red: the front above.',
               T.el('div.scroll', {style: 'border:none'}, T.el('div.chart', {id: 'parallel-chart', style: `min-width:${Math.max(300, 105 * (lineKeys.length + objectives.length + 1))}px`})), lineNote),
        T.card('sensitivity', 'Sensitivity to each axis', 'How much of the metric\'s variance (of its logarithm where all values are positive) the axis alone explains; boxes: smallest, quartiles and largest value of the metric.',
               effectControls, T.el('div', {id: 'effects'}, T.el('div.chart', {id: 'effect-chart'}), T.el('div.panels', {}))));
    }
    const tableNode = T.el('div.grid.scroll', {id: 'point-table', tabindex: 0});
    const countNote = T.el('p.note', {id: 'count-note'});
    const tableControls = T.el('div.controls', {});
    page.append(T.card('points', 'Points', 'A click on a title sorts. The fields filter the whole page: 16, 16..64, >=16, !=16, text, =text, alternatives with |.', tableControls, countNote, tableNode));
    page.append(T.el('details.card', {}, T.el('summary', {}, 'Specification and base architecture'),
      T.el('pre', {}, data.spec || 'not recorded'), T.pairs(Object.entries(data.config))));

    const shownColumns = columns.filter(c => c.role !== 'hidden');
    const table = T.table(tableNode, {
      columns: shownColumns, valid: isOk,
      onsort: (column, down) => { state.sort = {column, down}; update({charts: false}); },
      onfilter: (column, text) => setFilter(column, text),
      onchoose: i => choose(i)});

    const describe = i => [
      ...keys.map(c => [c.name, T.show(c.at(i), c.kind)]),
      ...(byName.get('model') && !keys.includes(byName.get('model')) ? [['model', byName.get('model').at(i)]] : [])];
    const measured = i => [...new Set([state.x, state.y, ...objectives, ...metrics.slice(0, 5)])]
      .map(c => [c.label, T.show(c.at(i), c.kind)]);
    const tip = i => T.tip(`point ${byName.get('point') ? byName.get('point').at(i) : i}`, [...describe(i), ...measured(i)]);

    function setFilter(column, text) {
      if (text.trim() === '') state.filters.delete(column);
      else state.filters.set(column, text.trim());
      update({});
    }
    function choose(i) {
      state.chosen = i;
      update({only: true});
    }

    function drawDetail() {
      const i = state.chosen;
      if (i < 0) {
        detail.replaceChildren(T.el('h3', {}, 'Chosen point'), T.el('p.note', {}, 'Click a point of the chart or a row of the table.'));
        return;
      }
      const rest = columns.filter(c => c.at(i) !== null && !keys.includes(c));
      const flags = keys.filter(c => c.name.includes('.')).map(c => `--${c.name}=${c.at(i)}`).join('\n');
      const model = data.models.find(m => m.label === (byName.get('model') && byName.get('model').at(i)));
      detail.replaceChildren(
        T.el('div.pair', {style: 'align-items:center;margin-bottom:4px'},
          T.el('h3', {}, `Point ${byName.get('point') ? byName.get('point').at(i) : i}`),
          T.el('button', {onclick: () => choose(-1)}, 'let go')),
        ...describe(i).map(([n, v]) => T.el('div.pair', {}, T.el('span', {}, n), T.el('span.mono', {}, v))),
        T.el('hr', {style: 'border:none;border-top:1px solid var(--line)'}),
        ...rest.map(c => T.el('div.pair', {}, T.el('span', {}, c.label), T.el('span.mono', {}, T.show(c.at(i), c.kind)))),
        flags ? T.el('pre', {title: 'over the base architecture of the specification'}, `${model ? model.file + '\n' : ''}${flags}`) : null);
    }

    function drawControls() {
      const options = list => list.map(c => [c.name, c.label]);
      const numeric = [...metrics, ...keys.filter(c => c.type === 'number')];
      const set = key => name => { state[key] = byName.get(name) || null; update({}); };
      controls.replaceChildren(
        T.select('x', options(numeric), state.x.name, name => { state.logx = state.logx && T.canLog(byName.get(name), ok); set('x')(name); }),
        T.select('y', options(numeric), state.y.name, name => { state.logy = state.logy && T.canLog(byName.get(name), ok); set('y')(name); }),
        T.select('colour', [['', 'none'], ...options([...keys, ...metrics])], state.color ? state.color.name : '', set('color')),
        T.canLog(state.x, ok) ? T.check('log x', state.logx, v => { state.logx = v; update({}); }) : null,
        T.canLog(state.y, ok) ? T.check('log y', state.logy, v => { state.logy = v; update({}); }) : null,
        objectives.length > 2 ? T.check(`front of ${objectives.map(c => c.label).join(', ')}`, state.all,
          v => { state.all = v; update({}); }) : null);
      effectControls.replaceChildren(T.select('metric', options(metrics), state.metric.name, set('metric')));
    }

    function drawChips() {
      filterCard.hidden = state.filters.size === 0;
      const parts = [...state.filters].map(([c, text]) => T.el('span.chip', {}, `${c.name}: ${T.cut(text, 60)}`,
        T.el('button', {'aria-label': `remove the filter on ${c.name}`, onclick: () => setFilter(c, '')}, '×')));
      if (parts.length > 1) parts.push(T.el('button', {onclick: () => { state.filters.clear(); update({}); }}, 'remove all'));
      chips.replaceChildren(T.el('b', {}, 'Filters'), ...parts);
    }

    /** What is drawn of the rows in the parallel coordinates: the front, then every n-th of the others. */
    function linesOf(rows, front) {
      if (rows.length <= mostLines) return Array.from(rows);
      const kept = front.slice(0, mostLines / 3), in_front = new Set(kept);
      const count = mostLines - kept.length, step = rows.length / count;
      // One out of each part, at changing places, so that no axis is in step with the choice.
      for (let k = 0; k < count; ++k) {
        const i = rows[Math.floor((k + (k * 0.6180339887) % 1) * step)];
        if (!in_front.has(i)) kept.push(i);
      }
      return kept.reverse();
    }

    function update({charts = true, only = false}) {
      const base = state.invalid ? every : ok;
      const rows = T.filterRows(base, state.filters);
      const drawn = drawable ? rows.filter(isOk) : [];
      if (drawable && only) {
        T.markChosen(paretoNode, state);
        drawDetail();
      } else if (drawable && charts) {
        const front = T.pareto(paretoNode, drawn, {...state, objectives, tip, onclick: choose});
        const different = new Set(front.map(i => (state.all ? objectives : [state.x, state.y]).map(c => c.values[i]).join(' '))).size;
        frontNote.textContent = `${T.show(front.length)} of ${T.show(drawn.length)} points are on the front of ` +
          `${(state.all ? objectives : [state.x, state.y]).map(c => c.label).join(', ')}` +
          (different < front.length ? `, with ${T.show(different)} different results.` : '.');
        document.body.dataset.front = String(front.length);
        const lines = linesOf(drawn, front);
        const dims = [...lineKeys, ...new Set([...objectives, state.x, state.y])].filter((c, k, all) => all.indexOf(c) === k);
        const shownDims = dims.slice(0, 16);
        T.parallel(document.getElementById('parallel-chart'), lines, shownDims,
          {all: ok, color: state.y, front: new Set(front), onbrush: setFilter});
        lineNote.textContent = lines.length < drawn.length
          ? `${T.show(lines.length)} of ${T.show(drawn.length)} lines are drawn: the front and an even choice of the others. Filters look at all points. Colour: ${state.y.label}, dark is small.`
          : `${T.show(lines.length)} lines. Colour: ${state.y.label}, dark is small.`;
        if (dims.length > shownDims.length) lineNote.textContent += ` Left out: ${dims.slice(16).map(c => c.label).join(', ')}.`;
        const effects = T.sensitivity(document.getElementById('effects'), drawn, axes, state.metric, T.canLog(state.metric, drawn) && state.metric.kind !== 'ratio');
        document.body.dataset.effects = effects.map(e => `${e.axis.label}=${e.share.toFixed(4)}`).join(';');
        drawControls();
        drawDetail();
      }
      drawChips();
      table.show(T.sortRows(rows, state.sort), state.sort, state.chosen, state.filters);
      countNote.textContent = `${T.show(rows.length)} of ${T.show(data.rows)} points` + (state.sort ? `, by ${state.sort.column.label}, ${state.sort.down ? 'largest' : 'smallest'} first` : '');
      document.body.dataset.shown = String(rows.length);
      writeAddress();
    }

    function readAddress() {
      const query = new URLSearchParams(location.hash.slice(1));
      for (const [key, text] of query) {
        if (['x', 'y', 'metric'].includes(key)) {
          const c = byName.get(text);
          if (c && c.type === 'number') state[key] = c;
        } else if (key === 'color') state.color = byName.get(text) || null;
        else if (key === 'logx' || key === 'logy') state[key] = text === '1' && T.canLog(state[key[3]], ok);
        else if (key === 'invalid') state.invalid = text === '1';
        else if (key === 'all') state.all = text === '1' && objectives.length > 2;
        else if (key === 'sort') {
          const column = byName.get(text.replace(/^-/, ''));
          if (column) state.sort = {column, down: text.startsWith('-')};
        } else if (key === 'point') {
          const number = byName.get('point');
          if (number) state.chosen = number.values.indexOf(Number(text));
        } else if (key.startsWith('f.')) {
          const c = byName.get(key.slice(2));
          if (c) state.filters.set(c, text);
        }
      }
    }
    function writeAddress() {
      const query = new URLSearchParams();
      if (drawable) {
        query.set('x', state.x.name);
        query.set('y', state.y.name);
        query.set('metric', state.metric.name);
        query.set('color', state.color ? state.color.name : '');
        query.set('logx', state.logx ? '1' : '0');
        query.set('logy', state.logy ? '1' : '0');
      }
      if (state.invalid) query.set('invalid', '1');
      if (state.all) query.set('all', '1');
      if (state.sort) query.set('sort', (state.sort.down ? '-' : '') + state.sort.column.name);
      if (state.chosen >= 0 && byName.get('point')) query.set('point', String(byName.get('point').at(state.chosen)));
      for (const [c, text] of state.filters) query.set('f.' + c.name, text);
      history.replaceState(null, '', '#' + query);
    }

    if (ok.length < data.rows) {
      tableControls.append(T.check('invalid points too', state.invalid, v => { state.invalid = v; update({charts: false}); }));
    }
    update({});
    T.done({kind: 'sweep', points: data.rows, ok: ok.length});
  };

  const headOf = (data, columns, ok, every, status, axes) => {
    const count = name => {
      const code = status.dict.indexOf(name);
      return code < 0 ? 0 : every.reduce((n, i) => n + (status.codes[i] === code ? 1 : 0), 0);
    };
    const bad = ['invalid', 'excluded', 'failed'].map(s => [s, count(s)]).filter(e => e[1] > 0);
    const tiles = [T.tile('points', T.show(data.rows), data.missing > 0 ? `${T.show(data.missing)} of the specification not there yet` : 'all of the specification'),
                   T.tile('valid', T.show(ok.length), bad.map(([s, n]) => `${T.show(n)} ${s}`).join(', ') || 'all')];
    for (const c of data.objectives.map(n => columns.find(x => x.name === n)).filter(c => c)) {
      let best = -1;
      for (const i of ok) {
        if (Number.isNaN(c.values[i])) continue;
        if (best < 0 || (c.best === 'max' ? c.values[i] > c.values[best] : c.values[i] < c.values[best])) best = i;
      }
      if (best >= 0) tiles.push(T.tile(`${c.best === 'max' ? 'largest' : 'smallest'} ${c.label}`, T.show(c.at(best), c.kind),
        axes.flatMap(a => a.keys).map(k => `${k.name.replace(/^\w+\./, '')} ${T.show(k.at(best), k.kind)}`).slice(0, 4).join(', ')));
    }
    if (data.audits.count > 0) {
      tiles.push(T.tile('audit', data.audits.different ? `${T.show(data.audits.different)} differ` : 'no difference',
        `${T.show(data.audits.count)} runs on ${data.audits.backends.join(', ')}`, data.audits.different ? 'bad' : 'good'));
    }
    const reasons = data.reasons.length === 0 ? [] : [T.el('details.card', {}, T.el('summary', {}, 'Why points are not valid'),
      T.pairs(data.reasons.map(r => [r.reason, T.show(r.count)])))];
    return [
      T.el('h1', {}, `Sweep ${data.file}`),
      T.el('p.sub', {}, `${data.tool} · ${T.show(data.models.length)} model${data.models.length === 1 ? '' : 's'}: ` +
        `${T.cut(data.models.map(m => m.label).join(', '), 120)} · ${T.show(axes.length)} ${axes.length === 1 ? 'axis' : 'axes'} with more than one value` +
        (data.shard ? ` · shard ${data.shard}` : '')),
      T.el('div.tiles', {id: 'tiles'}, tiles), ...reasons];
  };
})();
