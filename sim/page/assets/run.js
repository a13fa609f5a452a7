// SPDX-License-Identifier: Apache-2.0
// The page of one run: where cycles, operations and energy of its layers went.
'use strict';
(() => {
  const causes = ['ifmap', 'weight', 'param', 'psum', 'store', 'token'];
  const causeText = {
    ifmap: 'waits for activations', weight: 'waits for weights', param: 'waits for constants',
    psum: 'waits for the post-processor', store: 'waits for a store', token: 'dispatch, instructions'};

  const worst = layer => {
    const cause = causes.reduce((a, b) => layer.stalls[b] > layer.stalls[a] ? b : a);
    return layer.stalls[cause] > 0 ? cause : '–';
  };
  const stallsOf = layer => causes.reduce((sum, c) => sum + layer.stalls[c], 0);
  const nameOf = layer => layer.id;

  /** Bars from top to bottom, one per layer; long names are cut on the axis and whole on hover. */
  const barChart = (id, layers, series, format, extra) => {
    const node = document.getElementById(id);
    const chart = T.chart(node, Math.max(150, 84 + layers.length * 22));
    const names = T.narrow() ? 118 : 190;
    const rows = series.length > 5 && !T.narrow() ? 2 : 1;  // of the legend
    chart.setOption({
      ...T.baseOption(),
      grid: {left: names + 12, right: 26, top: 14 + 22 * rows, bottom: 28},
      legend: {show: series.length > 1, top: 0, left: 0, type: rows > 1 ? 'plain' : 'scroll', itemWidth: 12, itemHeight: 10, textStyle: {fontSize: 12}},
      xAxis: {type: 'value', axisLabel: {formatter: format, hideOverlap: true}, ...extra.xAxis},
      yAxis: {type: 'category', inverse: true, data: layers.map(nameOf), axisTick: {show: false},
              axisLabel: {formatter: name => T.middle(name, Math.floor(names / 6.4)), fontSize: T.narrow() ? 11 : 12, interval: 0}},
      series,
      tooltip: {...T.baseOption().tooltip, trigger: 'axis', axisPointer: {type: 'shadow'},
                formatter: items => extra.tip(layers[items[0].dataIndex], items[0].dataIndex)},
    }, true);
  };

  const bar = (name, data, color, stack) => ({
    type: 'bar', name, data, stack, barMaxWidth: 14, itemStyle: {color}, emphasis: {disabled: true}});

  const drawCycles = (layers, share) => {
    const part = (layer, value) => {
      if (!share) return value;
      const whole = layer.compute_cycles + stallsOf(layer);
      return whole > 0 ? value / whole : 0;
    };
    const series = [bar('array busy', layers.map(l => part(l, l.compute_cycles)), '#4269d0', 'a')];
    for (const cause of causes) {
      if (!layers.some(l => l.stalls[cause] > 0)) continue;
      series.push(bar(`${cause}: ${causeText[cause]}`, layers.map(l => part(l, l.stalls[cause])),
                      T.stallColors[cause], 'a'));
    }
    if (!share) {
      series.push({type: 'scatter', name: 'cycles of the layer', symbol: 'rect', symbolSize: [3, 16],
                   itemStyle: {color: '#1b2330'}, data: layers.map((l, i) => [l.cycles, i]), z: 5});
    }
    barChart('cycles-chart', layers, series, share ? v => `${Math.round(100 * v)} %` : T.short, {
      xAxis: share ? {max: 1} : {name: 'cycles', nameLocation: 'end', nameGap: 4,
                                  nameTextStyle: {align: 'right', verticalAlign: 'top', padding: [10, 0, 0, 0]}},
      tip: layer => T.tip(layer.id, [
        ['operation', layer.op + (layer.source_name ? `, ${layer.source_name}` : '')],
        ['cycles', T.show(layer.cycles)],
        ['array busy', T.show(layer.compute_cycles), '#4269d0'],
        ...causes.filter(c => layer.stalls[c] > 0).map(c =>
          [`stalled, ${causeText[c]}`, T.show(layer.stalls[c]), T.stallColors[c]])]),
    });
  };

  const drawUtilization = layers => {
    const weighted = layers.filter(l => l.macs_executed > 0);
    barChart('utilization-chart', weighted,
      [bar('utilisation', weighted.map(l => l.utilization), '#3ca951')], v => `${Math.round(100 * v)} %`,
      {xAxis: {min: 0, max: 1},
       tip: layer => T.tip(layer.id, [
         ['utilisation', T.show(layer.utilization, 'ratio')],
         ['multiplications executed', T.show(layer.macs_executed)],
         ['of the dense layer', T.show(layer.macs)],
         ['cycles', T.show(layer.cycles)]])});
  };

  const drawEnergy = (layers, rows, split, share) => {
    const part = (row, value) => {
      const whole = row.reduce((a, b) => a + b, 0);
      return !share ? value : whole > 0 ? value / whole : 0;
    };
    const used = split.groups.map((name, g) => g).filter(g => rows.some(row => row[g] > 0));
    barChart('energy-chart', layers,
      used.map(g => bar(split.groups[g], rows.map(row => part(row, row[g])),
                        T.palette[g % T.palette.length], 'a')),
      share ? v => `${Math.round(100 * v)} %` : T.axisLabel('energy'),
      {xAxis: share ? {max: 1} : {},
       tip: (layer, i) => T.tip(layer.id, [
         ['energy', `${T.show(layer.energy_pj.value, 'energy')} [${T.show(layer.energy_pj.lo, 'energy')} … ` +
                    `${T.show(layer.energy_pj.hi, 'energy')}]`],
         ...used.map(g => [split.groups[g], T.show(rows[i][g], 'energy'),
                           T.palette[g % T.palette.length]])])});
  };

  const drawEnergyTotal = split => {
    const total = split.total.reduce((a, b) => a + b, 0);
    const data = split.groups.map((name, g) => ({name, value: split.total[g],
      itemStyle: {color: T.palette[g % T.palette.length]}})).filter(d => d.value > 0);
    const chart = T.chart(document.getElementById('energy-total'), 250);
    chart.setOption({
      ...T.baseOption(),
      tooltip: {...T.baseOption().tooltip, trigger: 'item',
                formatter: p => T.tip(p.name, [['energy', T.show(p.value, 'energy')],
                                               ['share', T.show(p.value / total, 'ratio')]])},
      title: {text: T.show(total, 'energy'), left: 'center', top: 'middle', textStyle: {fontSize: 17, fontWeight: 600}},
      series: [{type: 'pie', radius: ['50%', '88%'], center: ['50%', '50%'],
                data, label: {show: false}, emphasis: {scale: false}}],
    }, true);
    document.getElementById('energy-list').replaceChildren(...data.map(d => T.el('tr', {},
      T.el('td.left', {}, T.swatch(d.itemStyle.color), d.name), T.el('td', {}, T.show(d.value, 'energy')),
      T.el('td', {}, T.show(d.value / total, 'ratio')))));
  };

  const drawRoofline = (layers, roof) => {
    const points = layers.filter(l => l.macs_executed > 0 && l.cycles > 0).map(layer => {
      const bytes = Math.max(layer.events.mem_rd_beat, layer.events.mem_wr_beat) * roof.beat_bytes;
      return {layer, bytes, x: bytes > 0 ? layer.macs_executed / bytes : Infinity,
              y: layer.macs_executed / layer.cycles};
    });
    const drawn = points.filter(p => Number.isFinite(p.x));
    const node = document.getElementById('roofline-chart');
    if (drawn.length === 0) {
      node.replaceChildren(T.el('p.empty', {}, 'No layer of this run multiplies and moves data off chip.'));
      return;
    }
    const chart = T.chart(node, 380);
    const rate = roof.bytes_per_cycle, peak = Math.max(...roof.lanes) * roof.pes;
    const ridge = roof.lanes.map(l => l * roof.pes / rate);
    const from = Math.min(...drawn.map(p => p.x), ridge[0]) / 2;
    const to = Math.max(...drawn.map(p => p.x), ...ridge) * 2;
    const low = Math.min(...drawn.map(p => p.y), peak / 16) / 2;
    const lines = roof.lanes.map(l => ({
      type: 'line', name: `peak with ${l} lane${l > 1 ? 's' : ''} a PE`, symbol: 'none', silent: true,
      itemStyle: {color: '#e4572e'},
      lineStyle: {color: '#e4572e', width: 1.5, type: l === Math.max(...roof.lanes) ? 'solid' : 'dashed'},
      data: [[l * roof.pes / rate, l * roof.pes], [to, l * roof.pes]],
      endLabel: {show: true, formatter: `${T.short(l * roof.pes)} MAC/cycle`, offset: [-118, -9],
                 color: '#e4572e', fontSize: 11.5}}));
    lines.push({type: 'line', name: 'off-chip bandwidth', symbol: 'none', silent: true,
                itemStyle: {color: '#8a63d2'}, lineStyle: {color: '#8a63d2', width: 1.5}, data: [[from, from * rate], [peak / rate, peak]]});
    chart.setOption({
      ...T.baseOption(),
      grid: {left: 62, right: 20, top: 36, bottom: 46},
      legend: {top: 0, left: 0, type: 'scroll', itemWidth: 16, itemHeight: 8},
      xAxis: {type: 'log', min: from, max: to, name: 'MAC per off-chip byte of the busier channel',
              nameLocation: 'middle', nameGap: 26, axisLabel: {formatter: T.short, hideOverlap: true, showMinLabel: false, showMaxLabel: false},
              minorSplitLine: {show: false}},
      yAxis: {type: 'log', min: low, max: peak * 2, name: 'MAC per cycle', nameLocation: 'middle',
              nameGap: 44, axisLabel: {formatter: T.short, showMinLabel: false, showMaxLabel: false}},
      tooltip: {...T.baseOption().tooltip, trigger: 'item',
                formatter: p => {
                  const {layer, x, y, bytes} = drawn[p.dataIndex];
                  const bound = Math.min(peak, x * rate);
                  return T.tip(layer.id, [
                    ['MAC per cycle', small4(y)], ['MAC per off-chip byte', small4(x)],
                    ['bound at this intensity', `${small4(bound)} MAC per cycle`],
                    ['reached', T.show(y / bound, 'ratio')],
                    ['bytes of the busier channel', T.show(bytes, 'bytes')], ['mostly stalled by', worst(layer)]]);
                }},
      series: [...lines, {type: 'scatter', name: 'layers', symbolSize: 10, z: 4,
        itemStyle: {color: '#4269d0', opacity: 0.8},
        data: drawn.map(p => ({value: [p.x, p.y], name: p.layer.id,
                             label: {position: p.x * p.x > from * to ? 'left' : 'right'}})),
        label: {show: drawn.length <= 60, position: 'right', fontSize: 11, formatter: p => T.cut(p.name.split('_')[0], 12)}, labelLayout: {hideOverlap: true, moveOverlap: 'shiftY'}}],
    }, true);
    const onChip = points.length - drawn.length;
    if (onChip > 0) {
      node.after(T.el('p.note', {}, `${onChip} layer${onChip > 1 ? 's have' : ' has'} no off-chip traffic ` +
                      'and no place on this chart.'));
    }
  };
  const small4 = v => String(Number(v.toPrecision(4)));

  const drawTable = (layers, beatBytes) => {
    const columns = [
      ['layer', l => l.id, 'left'], ['source', l => l.source_name, 'left'],
      ['operation', l => l.fused_into ? `${l.op}, in ${l.fused_into}` : l.op, 'left'],
      ['cycles', l => l.cycles, 'count'], ['array busy', l => l.compute_cycles, 'count'],
      ['stalled', stallsOf, 'count'], ['mostly', worst, 'left'],
      ['utilisation', l => l.macs_executed > 0 ? l.utilization : null, 'ratio'],
      ['MACs executed', l => l.macs_executed, 'count'],
      ['energy', l => l.energy_pj.value, 'energy'],
      ['read', l => l.events.mem_rd_beat * beatBytes, 'bytes'],
      ['written', l => l.events.mem_wr_beat * beatBytes, 'bytes'],
      ['overflows', l => l.events.acc_overflow, 'count'],
      ['safe acc. bits', l => l.accumulator ? l.accumulator.worst_case_bits : null, 'count'],
    ];
    const state = {column: -1, down: false, text: ''};
    const body = T.el('tbody', {});
    const marks = columns.map(() => T.el('span', {}));
    const fill = () => {
      let rows = layers.filter(l => (l.id + ' ' + l.source_name + ' ' + l.op).toLowerCase().includes(state.text));
      if (state.column >= 0) {
        const key = columns[state.column][1];
        const order = (a, b) => typeof a === 'string' || typeof b === 'string'
          ? String(a).localeCompare(String(b)) : (a ?? -1) - (b ?? -1);
        rows = rows.slice().sort((a, b) => (state.down ? -1 : 1) * order(key(a), key(b)));
      }
      marks.forEach((mark, i) => { mark.textContent = i !== state.column ? '' : state.down ? ' ▼' : ' ▲'; });
      body.replaceChildren(...rows.map(l => T.el(l.fused_into ? 'tr.fused' : 'tr', {}, columns.map(([, key, kind]) => {
        const value = key(l);
        const text = T.show(value, kind);
        return T.el(kind === 'left' ? 'td.left.clip' : 'td', {title: kind === 'left' && text.length > 30 ? text : null}, text);
      }))));
      if (rows.length === 0) body.append(T.el('tr', {}, T.el('td.left', {colspan: columns.length}, 'No layer has this text.')));
    };
    const head = T.el('tr', {}, columns.map(([title, , kind], i) => T.el(kind === 'left' ? 'th.left' : 'th', {},
      T.el('button', {onclick: () => {
        state.down = state.column === i ? !state.down : kind !== 'left';
        state.column = i;
        fill();
      }}, title, marks[i]))));
    const input = T.el('input', {type: 'search', size: 28, placeholder: 'filter by name or operation', 'aria-label': 'filter layers',
                                 oninput: () => { state.text = input.value.toLowerCase(); fill(); }});
    fill();
    const box = T.el('div.scroll', {style: 'max-height:560px'}, T.el('table', {id: 'layer-table'}, T.el('thead', {}, head), body));
    return [T.el('div.controls', {}, input), box];
  };

  const verdictTiles = (run, pairs) => {
    const tiles = [];
    if (run.outputs) {
      const bad = run.outputs.mismatches;
      tiles.push(T.tile('golden values', bad ? `${T.show(bad)} differ` : 'all equal',
        bad ? run.outputs.first_mismatch : `${T.show(run.outputs.compared)} compared`, bad ? 'bad' : 'good'));
    }
    if (run.accuracy && run.accuracy.count > 0) {
      tiles.push(T.tile('accuracy (top-1)', T.show(run.accuracy.top1, 'ratio'),
        `${T.show(run.accuracy.correct)} of ${T.show(run.accuracy.count)}`));
    }
    for (const p of pairs || []) {
      const equal = p.outputs_equal && p.cycles_equal !== false && p.events_equal !== false;
      const what = p.cycles_equal === null ? 'outputs' : 'outputs, cycles and events';
      tiles.push(T.tile(`${p.a} and ${p.b}`, equal ? 'agree' : 'differ',
        equal ? what : p.first_difference, equal ? 'good' : 'bad'));
    }
    return tiles;
  };

  T.run = data => {
    const run = data.run, totals = run.totals, values = run.config.values;
    const page = document.getElementById('page');
    const executed = run.layers.filter(l => !l.fused_into);
    const timed = totals.cycles > 0;
    const split = data.energy_split;
    const many = totals.inferences !== 1;
    page.replaceChildren(
      T.el('h1', {}, `${run.model.name} on ${run.backend}`),
      T.el('p.sub', {}, `${run.tool} · configuration ${run.config.hash.slice(0, 16)} · ` +
        `${values['hw.array_rows']} x ${values['hw.array_cols']} PEs at ${values['hw.clock_mhz']} MHz · ` +
        `${T.show(run.layers.length)} layers · model ${run.model.sha256.slice(0, 16)}`),
      T.el('div.tiles', {id: 'tiles'},
        timed ? T.tile('cycles', T.show(totals.cycles), many ? `${T.show(totals.inferences)} inferences, the last one ${T.show(totals.cycles_steady)}`
                                                            : '1 inference') : null,
        timed ? T.tile('time at the clock', T.show(totals.seconds_at_clock, 'seconds'),
          `${T.short(totals.inferences / totals.seconds_at_clock)} inferences per second`) : null,
        timed ? T.tile('utilisation', T.show(totals.utilization, 'ratio'), `${T.show(totals.macs_executed)} of ${T.show(totals.macs)} MACs executed`) : null,
        timed ? T.tile('energy', T.show(totals.energy_pj.value, 'energy'),
          `${T.show(totals.energy_pj.lo, 'energy')} … ${T.show(totals.energy_pj.hi, 'energy')}, counts x table ${totals.energy_table}`) : null,
        timed ? T.tile('off-chip traffic', T.show(totals.offchip_bytes_read + totals.offchip_bytes_written, 'bytes'),
          `${T.show(totals.offchip_bytes_read, 'bytes')} read, ${T.show(totals.offchip_bytes_written, 'bytes')} written`) : null,
        totals.events.acc_overflow > 0 ? T.tile('accumulator overflows', T.show(totals.events.acc_overflow), `policy ${values['hw.acc_overflow']}`, 'bad') : null,
        verdictTiles(run, run.pairs)));
    if (!timed) {
      page.append(T.card('untimed', 'No cycles', `Back end ${run.backend} computes values only: there is nothing to draw. ` +
                         'Run fast, systemc or rtl for cycles, stalls and energy.'));
    } else {
      const cyclesControls = T.el('div.controls', {}, T.check('as shares', false, share => drawCycles(executed, share)));
      page.append(
        T.card('cycles', 'Cycles and stalls per layer',
          'Coloured: cycles in which the array worked for the layer, and its idle cycles before the layer\'s operations by what came last. ' +
          'The black mark is the layer\'s share of the run, from the last retire of the layers before to its own; these sum to the total. ' +
          'A layer can work or wait while the one before is not finished, so bar and mark may differ.',
          cyclesControls, T.el('div.chart', {id: 'cycles-chart'})),
        T.el('div.columns', {},
          T.card('roofline', 'Roofline', `Each point is a layer: executed multiplications per cycle against those per byte of the busier off-chip channel. ` +
            `A channel moves at most ${small4(data.roof.bytes_per_cycle)} bytes per cycle. A layer whose data came while the layer before ran can lie above the line.`, T.el('div.chart', {id: 'roofline-chart'})),
          T.card('energy-split', 'Energy by component', split ? `Event counts times the table ${totals.energy_table}; its bounds move all components together.` : null,
            split ? [T.el('div.chart', {id: 'energy-total'}), T.el('table', {id: 'energy-list', style: 'margin-top:10px'})] : T.el('p.empty', {}, data.energy_note))),
        T.el('div.columns', {},
          T.card('utilization', 'Utilisation per layer', 'Executed multiplications / (cycles x PEs x lanes). Layers without multiplications are left out.',
            T.el('div.chart', {id: 'utilization-chart'})),
          T.card('energy', 'Energy per layer', null,
            split ? T.el('div.controls', {}, T.check('as shares', false, share => drawEnergy(executed, data.energy_rows, split, share))) : null,
            split ? T.el('div.chart', {id: 'energy-chart'}) : T.el('p.empty', {}, data.energy_note))));
    }
    page.append(T.card('layers', 'Layers', many ? `Sums over ${T.show(totals.inferences)} inferences.` : null, ...drawTable(run.layers, data.roof.beat_bytes)));
    page.append(T.el('details.card', {}, T.el('summary', {}, 'Architecture'), T.pairs(Object.entries(values))));
    page.append(T.el('details.card', {}, T.el('summary', {}, 'Events'),
      T.pairs(data.event_text.map(e => [`${e.name}: ${e.doc} (${e.unit})`, T.show(totals.events[e.name] ?? 0)]))));
    if (timed) {
      drawCycles(executed, false);
      drawRoofline(executed, data.roof);
      drawUtilization(executed);
      if (split) {
        data.energy_rows = run.layers.map((l, i) => split.layers[i]).filter((row, i) => !run.layers[i].fused_into);
        drawEnergy(executed, data.energy_rows, split, false);
        drawEnergyTotal(split);
      }
    }
    T.done({kind: 'run', layers: run.layers.length, cycles: totals.cycles});
  };
})();
