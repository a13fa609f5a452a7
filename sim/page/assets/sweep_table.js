// SPDX-License-Identifier: Apache-2.0
// A table of any number of rows: only the visible ones are elements.
'use strict';
(() => {
  const height = 26;

  /**
   * options: columns, total, filters (Map), onfilter(column, text), onsort(column, down),
   * onchoose(row). show(rows, sort, chosen) draws.
   */
  T.table = (node, options) => {
    const width = c => c.type === 'text' ? (c.role === 'reason' ? 420 : 150) : 128;
    const left = c => c.type === 'text';
    const full = options.columns.reduce((sum, c) => sum + width(c), 0);
    const cell = (c, child, attributes) =>
      T.el(left(c) ? 'div.cell.left' : 'div.cell', {style: `width:${width(c)}px`, ...attributes}, child);
    const marks = new Map(), inputs = new Map();
    let rows = [], chosen = -1, sort = null;

    const titles = options.columns.map(c => {
      const mark = T.el('span', {});
      marks.set(c, mark);
      return cell(c, T.el('button', {title: c.name + (c.unit ? `, ${c.unit}` : '') + ': sort',
        onclick: () => options.onsort(c, sort && sort.column === c ? !sort.down : false)}, c.label, mark));
    });
    const fields = options.columns.map(c => {
      const input = T.el('input', {type: 'search', 'aria-label': `filter ${c.name}`,
        placeholder: c.type === 'text' ? 'text' : 'e.g. >=16', title: c.type === 'text'
          ? 'part of the text, or =text; alternatives with |'
          : `16, 16..64, >=16, !=16${c.unit ? ` (in ${c.unit})` : ''}; alternatives with |`,
        onchange: () => options.onfilter(c, input.value)});
      inputs.set(c, input);
      return cell(c, input);
    });
    const body = T.el('div.body', {style: `width:${full}px`});
    const head = T.el('div.head', {style: `width:${full}px`}, T.el('div.row', {}, titles), T.el('div.row', {}, fields));
    node.replaceChildren(head, body);

    const draw = () => {
      const first = Math.max(0, Math.floor(node.scrollTop / height) - 8);
      const last = Math.min(rows.length, first + Math.ceil(node.clientHeight / height) + 16);
      const shown = [];
      for (let k = first; k < last; ++k) {
        const i = rows[k];
        shown.push(T.el('div.row' + (i === chosen ? '.chosen' : '') + (options.valid(i) ? '' : '.invalid'),
          {style: `top:${k * height}px;width:${full}px`, 'data-row': i, onclick: () => options.onchoose(i)},
          options.columns.map(c => {
            const text = T.show(c.at(i), c.kind);
            return cell(c, text, {title: text.length > 18 ? text : null});
          })));
      }
      if (rows.length === 0) shown.push(T.el('div.row', {style: 'cursor:default;padding:0 8px'}, 'No point passes the filters.'));
      body.replaceChildren(...shown);
    };
    node.addEventListener('scroll', draw);
    new ResizeObserver(draw).observe(node);
    return {
      show: (next, nextSort, nextChosen, filters) => {
        rows = next;
        sort = nextSort;
        chosen = nextChosen;
        body.style.height = `${Math.max(1, rows.length) * height}px`;
        for (const [c, mark] of marks) mark.textContent = sort && sort.column === c ? (sort.down ? ' ▼' : ' ▲') : '';
        for (const [c, input] of inputs) {
          const text = filters.get(c) || '';
          if (document.activeElement !== input) input.value = text;
          input.classList.toggle('problem', text !== '' && !T.predicate(c, text));
        }
        draw();
      },
    };
  };

  /** Row numbers in the order of a column; unknown values come last. */
  T.sortRows = (rows, sort) => {
    const out = Uint32Array.from(rows);
    if (!sort) return out;
    const sign = sort.down ? -1 : 1;
    if (sort.column.type === 'text') {
      const rank = new Int32Array(sort.column.dict.length);
      sort.column.dict.map((v, k) => [v, k]).filter(e => e[0] !== null)
        .sort((a, b) => a[0] < b[0] ? -1 : 1).forEach((e, order) => { rank[e[1]] = order; });
      const codes = sort.column.codes;
      return out.sort((a, b) => (codes[a] === 0) - (codes[b] === 0) || sign * (rank[codes[a]] - rank[codes[b]]) || a - b);
    }
    const v = sort.column.values;
    return out.sort((a, b) => (Number.isNaN(v[a]) - Number.isNaN(v[b])) || sign * (v[a] - v[b]) || a - b);
  };
})();
