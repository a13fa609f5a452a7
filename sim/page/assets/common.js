// SPDX-License-Identifier: Apache-2.0
// What both pages share: elements, numbers with units, charts that follow their size.
'use strict';
const T = {};

T.palette = ['#4269d0', '#efb118', '#e4572e', '#6cc5b0', '#3ca951', '#c264a8', '#8a63d2', '#97bbf5',
             '#9c6b4e', '#8d949e'];
T.stallColors = {ifmap: '#efb118', weight: '#e4572e', param: '#8a63d2', psum: '#6cc5b0',
                 store: '#c264a8', token: '#8d949e'};

/** el('p.note', {title: 't'}, 'text', child ...) */
T.el = (spec, attributes, ...children) => {
  const [tag, ...classes] = spec.split('.');
  const node = document.createElement(tag || 'div');
  if (classes.length) node.className = classes.join(' ');
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
};

T.escape = text => String(text).replace(/[&<>"']/g, c =>
  ({'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;'})[c]);

// Numbers. Whole counts are shown with all digits, others with about four.
const group = new Intl.NumberFormat('en-US', {maximumFractionDigits: 0});
const scaled = (value, steps, base) => {
  let i = 0, v = Math.abs(value);
  while (v >= base * 0.99995 && i + 1 < steps.length) { v /= base; ++i; }
  const digits = v >= 1000 ? 0 : v >= 100 ? 1 : v >= 10 ? 2 : 3;
  return [(value < 0 ? '-' : '') + String(Number(v.toFixed(digits))), steps[i]];
};
const small = value => {
  if (value === 0) return '0';
  const a = Math.abs(value);
  return a >= 0.001 ? String(Number(value.toPrecision(4))) : value.toExponential(2);
};
/** 12345678 is "12.35M": for axes. */
T.short = value => {
  if (value !== 0 && Math.abs(value) < 1) return small(value);
  return scaled(value, ['', 'k', 'M', 'G', 'T', 'P'], 1000).join('');
};
T.units = {
  count: v => Number.isInteger(v) ? group.format(v) : small(v),
  energy: v => scaled(v, ['pJ', 'nJ', 'µJ', 'mJ', 'J', 'kJ'], 1000).join(' '),
  bytes: v => v < 1024 ? `${small(v)} B` : scaled(v / 1024, ['KiB', 'MiB', 'GiB', 'TiB'], 1024).join(' '),
  seconds: v => v === 0 ? '0 s' : scaled(v * 1e9, ['ns', 'µs', 'ms', 's'], 1000).join(' '),
  ratio: v => `${(100 * v).toFixed(Math.abs(v) < 0.1 ? 2 : 1)} %`,
};
/** A value with the unit of its kind; unknown values are a dash. */
T.show = (value, kind) => {
  if (value === null || value === undefined || value === '') return '–';
  if (typeof value !== 'number') return String(value);
  if (!Number.isFinite(value)) return '–';
  return (T.units[kind] || T.units.count)(value);
};
T.axisLabel = kind => value =>
  kind === 'count' || !T.units[kind] ? T.short(value) : T.show(value, kind);

/** Text in at most n characters, the cut marked. */
T.cut = (text, n) => text.length <= n ? text : text.slice(0, n - 1) + '…';

/** The same with the cut in the middle: names of layers differ at both ends. */
T.middle = (text, n) => text.length <= n ? text
  : text.slice(0, Math.ceil((n - 1) / 2)) + '…' + text.slice(text.length - Math.floor((n - 1) / 2));

T.swatch = color => T.el('span', {style:
  `display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:7px;background:${color}`});

T.tile = (name, value, more, tone) =>
  T.el('div.tile' + (tone ? '.' + tone : ''), {}, T.el('div.name', {}, name),
       T.el('div.value', {}, value), more ? T.el('div.more', {}, more) : null);

T.card = (id, title, note, ...children) =>
  T.el('section.card', {id}, title ? T.el('h2', {}, title) : null, note ? T.el('p.note', {}, note) : null, ...children.flat());

T.pairs = entries => T.el('div.pairs', {}, entries.map(([name, value]) =>
  T.el('div', {}, T.el('span', {}, name), T.el('span.mono', {}, String(value)))));

T.select = (label, options, value, change) => {
  const node = T.el('select', {'aria-label': label, onchange: () => change(node.value)},
    options.map(([key, text]) => T.el('option', {value: key, selected: key === value ? '' : null}, text)));
  return T.el('label', {}, label, node);
};

T.check = (label, value, change) => {
  const node = T.el('input', {type: 'checkbox', onchange: () => change(node.checked)});
  node.checked = value;
  return T.el('label', {}, node, label);
};

// Charts, by the id of their element; tests and the console find them here.
T.charts = {};
T.chart = (node, height) => {
  node.style.height = `${height}px`;
  let chart = echarts.getInstanceByDom(node);
  if (!chart) {
    chart = echarts.init(node, null, {renderer: 'canvas'});
    new ResizeObserver(() => chart.resize()).observe(node);
  } else {
    chart.resize();
  }
  T.charts[node.id] = chart;
  return chart;
};

T.baseOption = () => ({
  animation: false,
  color: T.palette,
  textStyle: {fontFamily: 'system-ui, "Liberation Sans", sans-serif', color: '#1b2330'},
  tooltip: {confine: true, transitionDuration: 0, textStyle: {fontSize: 12.5},
            extraCssText: 'max-width:min(420px,90vw);white-space:normal'},
});
/** Labels and ticks of a logarithmic axis; few decades get 1, 2, 5 or all digits. */
T.logTicks = (lo, hi) => {
  const decades = Math.log10(hi / lo);
  const digits = decades > 3 ? [1] : decades > 1.2 ? [1, 2, 5] : decades > 0.5 ? [1, 1.5, 2, 3, 4, 5, 6, 8] : null;
  const customValues = [];
  if (digits) {
    for (let e = Math.floor(Math.log10(lo)); e <= Math.ceil(Math.log10(hi)); ++e) {
      for (const d of digits) if (d * 10 ** e > lo && d * 10 ** e < hi) customValues.push(Number((d * 10 ** e).toPrecision(3)));
    }
  } else {
    const step = 10 ** Math.floor(Math.log10((hi - lo) / 3));
    const width = step * [5, 2, 1].find(k => (hi - lo) / (k * step) >= 3);
    for (let v = Math.ceil(lo / width) * width; v < hi; v += width) customValues.push(Number(v.toPrecision(6)));
  }
  return customValues;
};
T.narrow = () => document.documentElement.clientWidth < 640;

/** Rows of a tooltip; values are escaped. */
T.tip = (title, rows) =>
  `<b style="overflow-wrap:anywhere">${T.escape(title)}</b><table style="font-size:12px;width:auto">` +
  rows.map(([name, value, color]) =>
    '<tr><td style="text-align:left;border:0;padding:0 10px 0 0">' +
    (color ? `<span style="display:inline-block;width:9px;height:9px;border-radius:2px;margin-right:5px;background:${color}"></span>` : '') +
    `${T.escape(name)}</td><td style="border:0;padding:0;white-space:normal;overflow-wrap:anywhere">` +
    `${T.escape(value)}</td></tr>`).join('') + '</table>';

T.fail = message => {
  const page = document.getElementById('page');
  page.replaceChildren(T.el('p.problem', {id: 'problem'}, message));
  document.body.dataset.state = 'failed';
};
/** Marks the page as complete, for tests and for printing. */
T.done = counts => {
  for (const [key, value] of Object.entries(counts)) document.body.dataset[key] = String(value);
  document.body.dataset.state = 'ready';
};
