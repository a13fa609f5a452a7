// SPDX-License-Identifier: Apache-2.0
// The points of a sweep: columns, filters, fronts. Knows nothing of the page.
'use strict';
(() => {
  /** The packed data: base64 of zlib of [length of header, header, columns]. */
  T.unpack = async text => {
    if (typeof DecompressionStream === 'undefined') {
      throw new Error('This browser cannot read the page: it lacks DecompressionStream, which browsers have since 2023.');
    }
    const packed = atob(text.trim());
    const bytes = new Uint8Array(packed.length);
    for (let i = 0; i < packed.length; ++i) bytes[i] = packed.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
    const raw = await new Response(stream).arrayBuffer();
    const length = new DataView(raw).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(raw, 4, length)));
    const start = Math.ceil((4 + length) / 8) * 8;
    header.columns = header.columns.map(c => decode(c, raw, start, header.rows));
    return header;
  };

  const arrays = {f64: Float64Array, u8: Uint8Array, u16: Uint16Array, u32: Uint32Array};
  /** A column with `values` (numbers, NaN where unknown) or `codes` into `dict` (texts, null first). */
  const decode = (c, raw, start, rows) => {
    const stored = new arrays[c.encoding](raw, start + c.offset, rows);
    const column = {...c, dict: undefined};
    if (c.type === 'text') {
      column.codes = stored;
      column.dict = [null, ...c.dict];
      column.at = i => column.dict[stored[i]];
    } else {
      let values = stored;
      if (c.dict) {
        values = new Float64Array(rows);
        for (let i = 0; i < rows; ++i) values[i] = stored[i] === 0 ? NaN : c.dict[stored[i] - 1];
      }
      column.values = values;
      column.at = i => Number.isNaN(values[i]) ? null : values[i];
    }
    return column;
  };

  /** The distinct values of a column over `rows`, sorted, at most `most`; null when there are more. */
  T.distinct = (column, rows, most) => {
    const seen = new Set();
    for (const i of rows) {
      const v = column.at(i);
      if (v === null) continue;
      seen.add(v);
      if (seen.size > most) return null;
    }
    return [...seen].sort(column.type === 'text' ? undefined : (a, b) => a - b);
  };

  const number = '[-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][-+]?\\d+)?';
  const range = new RegExp(`^(${number})\\s*\\.\\.\\s*(${number})$`);
  const compare = new RegExp(`^(<=|>=|<|>|=|!=)\\s*(${number})$`);
  /**
   * The test that a filter text stands for, or null when it is not understood. Numbers: 16, 16..64,
   * >=16, !=16; texts: a part of them, or =text for all of it. Alternatives are separated by |.
   */
  T.predicate = (column, text) => {
    const tests = [];
    for (const part of text.split('|').map(p => p.trim()).filter(p => p)) {
      if (column.type === 'text') {
        const whole = part.startsWith('=') ? part.slice(1).trim() : null;
        const low = part.toLowerCase();
        tests.push(v => v !== null && (whole !== null ? v === whole : v.toLowerCase().includes(low)));
        continue;
      }
      const between = part.match(range), single = part.match(compare);
      if (between) {
        const [lo, hi] = [Number(between[1]), Number(between[2])];
        tests.push(v => v >= lo && v <= hi);
      } else if (single) {
        const x = Number(single[2]);
        tests.push({'<': v => v < x, '>': v => v > x, '<=': v => v <= x, '>=': v => v >= x,
                    '=': v => v === x, '!=': v => v !== x && v !== null}[single[1]]);
      } else if (!Number.isNaN(Number(part))) {
        const x = Number(part);
        tests.push(v => v === x);
      } else {
        return null;
      }
    }
    if (tests.length === 0) return null;
    return v => tests.some(test => (v === null && column.type !== 'text' ? false : test(v)));
  };

  /** Row numbers out of `rows` that pass all filters (a Map of column to text). */
  T.filterRows = (rows, filters) => {
    let out = rows;
    for (const [column, text] of filters) {
      const test = T.predicate(column, text);
      if (!test) continue;
      // A text column is tested once per distinct value.
      const pass = column.type === 'text' ? column.dict.map(v => test(v)) : null;
      const next = new Uint32Array(out.length);
      let n = 0;
      for (const i of out) if (pass ? pass[column.codes[i]] : test(column.at(i))) next[n++] = i;
      out = next.subarray(0, n);
    }
    return out;
  };

  /**
   * Rows that no other row beats: at least as good in all columns and better in one. Columns have
   * best = 'min' or 'max'. Rows with an unknown value are left out; of equal rows all stay.
   */
  T.front = (rows, columns) => {
    const sign = columns.map(c => c.best === 'max' ? -1 : 1);
    const key = (i, k) => sign[k] * columns[k].values[i];
    const known = Array.from(rows).filter(i => columns.every(c => !Number.isNaN(c.values[i])));
    known.sort((a, b) => {
      for (let k = 0; k < columns.length; ++k) {
        const d = key(a, k) - key(b, k);
        if (d !== 0) return d;
      }
      return a - b;
    });
    const front = [];
    if (columns.length === 2) {
      let best = Infinity, at = NaN;  // the smallest second key so far, and the first key it came with
      for (const i of known) {
        const x = key(i, 0), y = key(i, 1);
        if (y < best || (y === best && x === at)) {
          front.push(i);
          best = y;
          at = x;
        }
      }
      return front;
    }
    // A point that beats one often beats the next ones, too: it is asked first.
    const window = [];
    const beats = (j, i) => {
      let better = false;
      for (let k = 0; k < columns.length; ++k) {
        const d = key(j, k) - key(i, k);
        if (d > 0) return false;
        if (d < 0) better = true;
      }
      return better;
    };
    for (const i of known) {
      const at = window.findIndex(j => beats(j, i));
      if (at < 0) {
        front.push(i);
        window.push(i);
      } else if (at > 0) {
        [window[0], window[at]] = [window[at], window[0]];
      }
    }
    return front;
  };

  /** Quartiles of numbers: [min, q1, median, q3, max], linear between ranks. */
  T.quartiles = values => {
    const v = Float64Array.from(values).sort();
    const at = p => {
      const x = p * (v.length - 1), lo = Math.floor(x);
      return lo + 1 < v.length ? v[lo] + (x - lo) * (v[lo + 1] - v[lo]) : v[lo];
    };
    return [v[0], at(0.25), at(0.5), at(0.75), v[v.length - 1]];
  };

  /**
   * What an axis alone explains of a metric: the variance between the means of its values over the
   * whole variance (correlation ratio), with log10 of the metric where all values are positive.
   * Returns {share, groups: [{label, rows, box}]}.
   */
  T.effect = (rows, axis, metric) => {
    const known = Array.from(rows).filter(i => !Number.isNaN(metric.values[i]));
    const positive = known.every(i => metric.values[i] > 0);
    const value = i => positive ? Math.log10(metric.values[i]) : metric.values[i];
    const groups = new Map();
    let total = 0;
    for (const i of known) {
      const label = axis.keys.map(c => c.at(i) ?? '–').join(' x ');
      if (!groups.has(label)) groups.set(label, {label, rows: [], sum: 0});
      const g = groups.get(label);
      g.rows.push(i);
      g.sum += value(i);
      total += value(i);
    }
    const mean = total / known.length;
    let all = 0, between = 0;
    for (const i of known) all += (value(i) - mean) ** 2;
    for (const g of groups.values()) between += g.rows.length * (g.sum / g.rows.length - mean) ** 2;
    const sorted = [...groups.values()].sort((a, b) => {
      for (const c of axis.keys) {
        const x = c.at(a.rows[0]), y = c.at(b.rows[0]);
        if (x !== y) return typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y));
      }
      return 0;
    });
    for (const g of sorted) g.box = T.quartiles(g.rows.map(i => metric.values[i]));
    return {share: all > 1e-18 * Math.max(1, mean * mean) * known.length ? between / all : 0, groups: sorted};
  };
})();
