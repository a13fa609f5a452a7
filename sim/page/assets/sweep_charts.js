// SPDX-License-Identifier: Apache-2.0
// The three charts of a sweep. Each draws what it is given and reports what the user does.
'use strict';
(() => {
  const scale = (column, log) => log ? 'log' : 'value';
  const canLog = (column, rows) => {
    for (const i of rows) if (!(column.values[i] > 0)) return false;
    return rows.length > 0;
  };
  T.canLog = canLog;
  /** Type, extent, ticks and labels of a value axis. */
  const valueAxis = (column, log, lo, hi, label) => {
    const ticks = log ? {customValues: T.logTicks(lo, hi)} : {showMinLabel: false, showMaxLabel: false};
    return {type: scale(column, log), min: lo, max: hi, axisTick: log ? ticks : {}, minorSplitLine: {show: false},
            axisLabel: {formatter: T.axisLabel(column.kind), hideOverlap: true, ...ticks, ...label}};
  };
  const title = c => c.label + (c.unit ? ` (${c.unit})` : '');
  const padded = (column, rows, log) => {
    let lo = Infinity, hi = -Infinity;
    for (const i of rows) {
      const v = column.values[i];
      if (v < lo) lo = v;
      if (v > hi) hi = v;
    }
    if (log) {
      const ratio = Math.max(1.02, (hi / lo) ** 0.05);
      return [lo / ratio, hi * ratio];
    }
    const pad = hi > lo ? 0.05 * (hi - lo) : Math.max(1e-9, Math.abs(hi) * 0.05);
    return [lo >= 0 && lo - pad < 0 ? 0 : lo - pad, hi + pad];
  };

  /** Rows by the value of a column, in at most ten groups with a name each. */
  const groupsOf = (rows, column) => {
    if (!column) return [{name: 'points', rows}];
    const values = T.distinct(column, rows, 9);
    if (values) {
      const groups = new Map(values.map(v => [v, []]));
      for (const i of rows) if (column.at(i) !== null) groups.get(column.at(i)).push(i);
      return values.map(v => ({name: `${column.label} ${T.show(v, column.kind)}`, rows: groups.get(v)}));
    }
    if (column.type === 'text') return [{name: 'points', rows}];
    const sorted = Float64Array.from(Array.from(rows, i => column.values[i]).filter(v => !Number.isNaN(v))).sort();
    const cuts = [...new Set([1, 2, 3, 4, 5, 6].map(k => sorted[Math.floor(k * sorted.length / 7)]))];
    const groups = Array.from({length: cuts.length + 1}, () => []);
    for (const i of rows) {
      const v = column.values[i];
      if (!Number.isNaN(v)) groups[cuts.filter(c => v >= c).length].push(i);
    }
    return groups.map((g, k) => ({rows: g, name: `${column.label} ` + (k === 0 ? `below ${T.show(cuts[0], column.kind)}`
      : `from ${T.show(cuts[k - 1], column.kind)}`)})).filter(g => g.rows.length > 0);
  };
  const shades = n => n <= 1 ? ['#4269d0'] : Array.from({length: n}, (_, k) => {
    const t = n === 1 ? 0 : k / (n - 1);  // dark blue over green to yellow
    const stops = [[58, 82, 139], [33, 145, 140], [94, 201, 98], [240, 200, 30]];
    const x = t * (stops.length - 1), a = stops[Math.floor(x)], b = stops[Math.min(3, Math.floor(x) + 1)];
    return `rgb(${a.map((v, j) => Math.round(v + (x - Math.floor(x)) * (b[j] - v))).join(',')})`;
  });

  const ring = state => {
    const x = state.x.values[state.chosen], y = state.y.values[state.chosen];
    return state.chosen < 0 || Number.isNaN(x) || Number.isNaN(y) ? [] : [[x, y]];
  };
  /** Moves the ring around the chosen point and leaves the rest, zoom included, as it is. */
  T.markChosen = (node, state) => {
    const chart = echarts.getInstanceByDom(node);
    if (chart && (chart.getOption().series || []).length > 0) chart.setOption({series: [{id: 'chosen', data: ring(state)}]});
  };

  /** chart of x against y; state: x, y, color, logx, logy (columns and flags), tip(row), onclick. */
  T.pareto = (node, rows, state) => {
    const known = Array.from(rows).filter(i => !Number.isNaN(state.x.values[i]) && !Number.isNaN(state.y.values[i]));
    const chart = T.chart(node, T.narrow() ? 400 : 500);
    if (known.length === 0) {
      chart.clear();
      chart.setOption({graphic: [{type: 'text', left: 'center', top: 'middle', style: {
        text: 'No point with both values passes the filters.', fill: '#5c6775', fontSize: 14}}]});
      return [];
    }
    const front = T.front(known, state.all ? state.objectives : [state.x, state.y]);
    front.sort((a, b) => state.x.values[a] - state.x.values[b] || state.y.values[a] - state.y.values[b]);
    const groups = groupsOf(known, state.color);
    const colors = state.color && state.color.type === 'text' ? T.palette : shades(groups.length);
    const [x0, x1] = padded(state.x, known, state.logx), [y0, y1] = padded(state.y, known, state.logy);
    const series = groups.map((g, k) => ({
      type: 'scatter', name: g.name, large: known.length > 3000, largeThreshold: 0,
      symbolSize: known.length > 20000 ? 3 : known.length > 3000 ? 4 : 7, progressive: 0,
      itemStyle: {color: colors[k % colors.length], opacity: known.length > 3000 ? 0.75 : 0.8},
      data: Array.from(g.rows, i => [state.x.values[i], state.y.values[i]]), rowsOf: g.rows}));
    const line = {
      type: state.all ? 'scatter' : 'line', name: 'Pareto front', step: state.x.best === 'max' ? 'start' : 'end', z: 10,
      symbol: 'circle', symbolSize: front.length > 120 ? 4 : 8, lineStyle: {color: '#b3261e', width: 1.6},
      itemStyle: {color: '#b3261e', borderColor: '#fff', borderWidth: front.length > 120 ? 0 : 1},
      data: front.map(i => [state.x.values[i], state.y.values[i]]), emphasis: {scale: false}};
    const mark = {
      type: 'scatter', id: 'chosen', name: 'chosen', z: 12, silent: true, symbolSize: 16,
      itemStyle: {color: 'transparent', borderColor: '#1b2330', borderWidth: 2}, data: ring(state)};
    const rowOf = p => p.seriesName === 'Pareto front' ? front[p.dataIndex]
      : p.seriesIndex < groups.length ? groups[p.seriesIndex].rows[p.dataIndex] : state.chosen;
    const axis = (c, log, lo, hi, gap) => ({
      ...valueAxis(c, log, lo, hi, {}), name: title(c) + (c.best === 'max' ? ', larger is better' : ', smaller is better'),
      nameLocation: 'middle', nameGap: gap});
    chart.setOption({
      ...T.baseOption(),
      grid: {left: 78, right: 22, top: 62, bottom: 48},
      legend: {type: 'scroll', top: 0, left: 0, right: 110, itemWidth: 12, itemHeight: 10, textStyle: {fontSize: 12},
               data: [...(groups.length > 1 ? groups.map(g => g.name) : []), 'Pareto front']},
      toolbox: {right: 0, top: -3, itemSize: 16, feature: {
        dataZoom: {filterMode: 'none', title: {zoom: 'zoom into a box', back: 'zoom back'}},
        restore: {title: 'show all'}, saveAsImage: {title: 'save as PNG', name: 'pareto'}}},
      xAxis: axis(state.x, state.logx, x0, x1, 28),
      yAxis: axis(state.y, state.logy, y0, y1, 60),
      dataZoom: [{type: 'inside', xAxisIndex: 0, filterMode: 'none'}, {type: 'inside', yAxisIndex: 0, filterMode: 'none'}],
      tooltip: {...T.baseOption().tooltip, trigger: 'item', formatter: p => state.tip(rowOf(p))},
      series: [...series, line, mark],
    }, true);
    chart.off('click');
    chart.on('click', p => { if (p.componentType === 'series') state.onclick(rowOf(p)); });
    return front;
  };

  /** Parallel coordinates of `lines` rows; onbrush(column, text or '') reports a selection. */
  T.parallel = (node, lines, columns, state) => {
    const chart = T.chart(node, 360);
    if (lines.length === 0) {
      chart.clear();
      chart.setOption({graphic: [{type: 'text', left: 'center', top: 'middle', style: {
        text: 'No point passes the filters.', fill: '#5c6775', fontSize: 14}}]});
      return;
    }
    const axes = columns.map((c, dim) => {
      // Few values stand at equal distances, so that 8, 16, 32, 64 can be told apart.
      const values = T.distinct(c, state.all, 24);
      const name = T.cut(c.label, 20);
      const base = {dim, id: `axis${dim}`, z: 20, name, nameTextStyle: {fontSize: 11.5}, nameGap: 14, nameTruncateLength: 20};
      if (values && (c.type === 'text' || c.role === 'axis')) {
        return {...base, type: 'category', data: values.map(v => T.cut(T.show(v, c.kind), 14)), values};
      }
      const log = canLog(c, state.all) && (() => {
        const [lo, hi] = padded(c, state.all, false);
        return hi / Math.max(lo, 1e-300) > 50;
      })();
      const [lo, hi] = padded(c, state.all, log);
      return {...base, type: scale(c, log), min: lo, max: hi,
              axisLabel: {formatter: T.axisLabel(c.kind), fontSize: 11, showMinLabel: false, showMaxLabel: false,
                          backgroundColor: 'rgba(255,255,255,0.8)', padding: [1, 2]}};
    });
    const position = columns.map((c, k) => axes[k].values ? new Map(axes[k].values.map((v, n) => [v, n])) : null);
    const data = lines.map(i => columns.map((c, k) => {
      const v = c.at(i);
      return v === null ? '-' : position[k] ? position[k].get(v) : v;
    }));
    const [lo, hi] = (() => {
      const v = lines.map(i => state.color.values[i]).filter(x => !Number.isNaN(x)).sort((a, b) => a - b);
      return v.length ? [v[0], v[Math.floor(0.95 * (v.length - 1))]] : [0, 1];
    })();
    const opacity = Math.max(0.06, Math.min(0.7, 90 / lines.length));
    const drawnFront = lines.filter(i => state.front.has(i)).length;
    const frontOpacity = Math.max(0.12, Math.min(0.9, 20 / Math.max(1, drawnFront)));
    const ramp = shades(16);
    const old = chart.getOption();
    const same = old && old.parallelAxis && old.parallelAxis.length === axes.length &&
                 old.parallelAxis.every((a, k) => a.name === axes[k].name);
    chart.setOption({
      ...T.baseOption(),
      tooltip: {show: false},
      parallel: {left: 54, right: 70, top: 40, bottom: 26,
                 axisExpandable: false,
                 parallelAxisDefault: {axisLabel: {fontSize: 11, backgroundColor: 'rgba(255,255,255,0.8)', padding: [1, 2]}, areaSelectStyle: {width: 16, opacity: 0.25}, realtime: false}},
      parallelAxis: axes.map(({values, ...a}) => a),
      series: [{type: 'parallel', smooth: false, progressive: 0, inactiveOpacity: 0.02, activeOpacity: opacity,
        data: data.map((value, n) => {
          const v = state.color.values[lines[n]];
          const t = hi > lo ? Math.max(0, Math.min(1, (v - lo) / (hi - lo))) : 0;
          const top = state.front.has(lines[n]);
          return {value, lineStyle: {color: top ? '#b3261e' : ramp[Math.round(15 * (Number.isNaN(t) ? 1 : t))],
                                     width: top && drawnFront < 40 ? 1.8 : 1, opacity: top ? frontOpacity : opacity}};
        })}],
    }, !same);
    chart.off('axisareaselected');
    chart.on('axisareaselected', event => {
      const k = axes.findIndex(a => a.id === event.parallelAxisId);
      if (k < 0) return;
      const parts = (event.intervals || []).map(([a, b]) => {
        if (!axes[k].values) return `${Math.min(a, b)}..${Math.max(a, b)}`;
        const from = Math.max(0, Math.round(Math.min(a, b))), to = Math.min(axes[k].values.length - 1, Math.round(Math.max(a, b)));
        return axes[k].values.slice(from, to + 1).map(v => (columns[k].type === 'text' ? '=' : '') + v).join('|');
      });
      state.onbrush(columns[k], parts.join('|'));
    });
  };

  /** A bar per axis, then a box plot per axis. */
  T.sensitivity = (node, rows, axes, metric, log) => {
    const bars = node.querySelector('#effect-chart'), panels = node.querySelector('.panels');
    for (const panel of panels.querySelectorAll('.chart')) {
      const old = echarts.getInstanceByDom(panel);
      if (old) { delete T.charts[panel.id]; old.dispose(); }
    }
    const effects = axes.map(axis => ({axis, ...T.effect(rows, axis, metric)}))
      .filter(e => e.groups.length > 1).sort((a, b) => b.share - a.share);
    if (effects.length === 0) {
      const old = echarts.getInstanceByDom(bars);
      if (old) old.dispose();
      bars.style.height = 'auto';
      bars.replaceChildren(T.el('p.empty', {}, 'No axis has two values among the points that pass the filters.'));
      panels.replaceChildren();
      return effects;
    }
    if (!echarts.getInstanceByDom(bars)) bars.replaceChildren();
    const chart = T.chart(bars, 40 + 24 * effects.length);
    const names = T.narrow() ? 110 : 240;
    chart.setOption({
      ...T.baseOption(),
      grid: {left: names + 12, right: 60, top: 4, bottom: 24},
      xAxis: {type: 'value', min: 0, max: 1, axisLabel: {formatter: v => `${Math.round(100 * v)} %`}},
      yAxis: {type: 'category', inverse: true, data: effects.map(e => e.axis.label), axisTick: {show: false},
              axisLabel: {width: names, overflow: 'truncate', interval: 0, fontSize: 12}},
      tooltip: {...T.baseOption().tooltip, trigger: 'item',
                formatter: p => T.tip(effects[p.dataIndex].axis.label, [['explains', T.show(p.value, 'ratio')],
                                                                         ['values', String(effects[p.dataIndex].groups.length)]])},
      series: [{type: 'bar', barMaxWidth: 15, data: effects.map(e => e.share), itemStyle: {color: '#4269d0'},
                label: {show: true, position: 'right', fontSize: 11.5, formatter: p => T.show(p.value, 'ratio')}}],
    }, true);
    const drawn = effects.slice(0, 12);
    const [low, high] = padded(metric, drawn[0].groups.flatMap(g => g.rows), log);
    panels.replaceChildren(...drawn.map((e, k) => T.el('div.panel', {}, T.el('h3', {}, e.axis.label),
      T.el('div.chart', {id: `box${k}`}))));
    drawn.forEach((e, k) => {
      const most = 24;  // boxes a panel has room for
      const step = Math.ceil(e.groups.length / most);
      const groups = e.groups.filter((g, n) => n % step === 0);
      T.chart(document.getElementById(`box${k}`), 190).setOption({
        ...T.baseOption(),
        grid: {left: 58, right: 8, top: 10, bottom: groups.some(g => g.label.length > 6) && groups.length > 4 ? 52 : 26},
        xAxis: {type: 'category', data: groups.map(g => T.cut(g.label, 16)),
                axisLabel: {fontSize: 11, rotate: groups.some(g => g.label.length > 6) && groups.length > 4 ? 35 : 0, hideOverlap: true}},
        yAxis: valueAxis(metric, log, low, high, {fontSize: 11}),
        tooltip: {...T.baseOption().tooltip, trigger: 'item', formatter: p => {
          const g = groups[p.dataIndex];
          return T.tip(`${e.axis.label} = ${g.label}`, [['points', T.show(g.rows.length)],
            ...['smallest', 'lower quartile', 'median', 'upper quartile', 'largest'].map((n, q) => [n, T.show(g.box[q], metric.kind)])]);
        }},
        series: [{type: 'boxplot', boxWidth: [6, 28], itemStyle: {color: '#cfe0f3', borderColor: '#2f6db3'},
                  data: groups.map(g => g.box)}],
      }, true);
    });
    return effects;
  };
})();
