// SPDX-License-Identifier: Apache-2.0
// The life of an element as text.
#include <algorithm>

#include "report/text_table.hpp"
#include "triage/element_life.hpp"

namespace tactus::triage {
namespace {

std::string number(std::int64_t v) { return std::to_string(v); }

std::string coordinates(int a, int b, int c) {
  return number(a) + "," + number(b) + "," + number(c);
}

/// Breaks a line at blanks; further lines are indented by `indent`.
std::string wrapped(const std::string& line, int columns, std::size_t indent) {
  std::string out, rest = line;
  while (rest.size() > static_cast<std::size_t>(columns)) {
    std::size_t cut = rest.rfind(' ', static_cast<std::size_t>(columns));
    if (cut == std::string::npos || cut <= indent) cut = static_cast<std::size_t>(columns);
    out += rest.substr(0, cut) + "\n";
    const std::size_t next = rest.find_first_not_of(' ', cut);
    rest = std::string(indent, ' ') + (next == std::string::npos ? "" : rest.substr(next));
  }
  return out + rest + "\n";
}

std::string fold_text(const ElementLife& life, int columns) {
  std::string out;
  const bool wide = columns >= 120;
  TextTable table;
  table.column("fold", 5);
  table.column("unit", 6);
  table.column("tap", 7);
  table.column("input c,y,x", 13);
  table.column("stored", 7);
  table.column("operand", 7);
  table.column("weight", 7);
  if (wide) {
    table.column("file index", 10);
    table.column("operand", 7);
  }
  table.column("product", 10);
  if (wide) table.column("sum", 12);
  for (const LifeFold& fold : life.folds) {
    std::int64_t sum = 0;
    for (const LifeTerm& t : fold.terms) {
      sum += t.product;
      std::vector<std::string> row{fold.number < 0 ? "-" : number(fold.number),
                                   t.unit < 0 ? "-" : number(t.unit),
                                   number(t.ky) + "," + number(t.kx),
                                   coordinates(t.c, t.y, t.x),
                                   t.padding ? "pad" : number(t.input),
                                   number(t.activation),
                                   number(t.weight)};
      if (wide) {
        row.push_back(number(t.weight_index));
        row.push_back(number(t.weight_operand));
      }
      row.push_back(number(t.product));
      if (wide) row.push_back(number(sum));
      table.row(row);
    }
    std::vector<std::string> row{
        fold.number < 0 ? "-" : number(fold.number), "", "", "sum " + number(fold.sum), "", "",
        fold.overflowed ? "acc ovf" : "acc"};
    if (wide) row.insert(row.end(), {"", ""});
    row.push_back(number(fold.accumulator));
    table.row(row);
  }
  return table.text();
}

std::string window_text(const ElementLife& life) {
  TextTable table;
  table.column("tap", 7);
  table.column("input c,y,x", 15);
  table.column("stored", 9);
  table.column("operand", 9);
  for (const LifeTerm& t : life.window) {
    table.row({number(t.ky) + "," + number(t.kx), coordinates(t.c, t.y, t.x),
               t.padding ? "pad" : number(t.input), t.padding ? "-" : number(t.activation)});
  }
  return table.text();
}

std::string steps_text(const std::vector<Step>& steps, int columns) {
  std::string out;
  for (const Step& s : steps) {
    std::string name = "  " + s.name;
    name.resize(std::max<std::size_t>(name.size() + 1, 16), ' ');
    out += wrapped(name + s.formula + " = " + number(s.value), columns, 16);
  }
  return out;
}

}  // namespace

std::string to_text(const ElementLife& life, const LifeCheck& check, int columns) {
  std::string out = life.layer + " (" + life.layer_op + ") n,c,y,x = " + number(life.n) + "," +
                    coordinates(life.c, life.y, life.x) + "\n";
  if (!life.input.empty()) out += "reads " + life.input + "\n";
  if (!life.second.empty()) out += "and   " + life.second + "\n";
  if (!life.weight_dataset.empty()) {
    std::string shape;
    for (const int s : life.weight_shape) shape += (shape.empty() ? "" : "x") + number(s);
    out += wrapped("weights " + life.weight_dataset + " (" + shape + ") of " + life.weight_file,
                   columns, 8);
  }
  if (!life.folds.empty()) out += "\n" + fold_text(life, columns);
  if (!life.window.empty()) out += "\n" + window_text(life);
  out += "\n";
  if (life.bias) out += "  bias          " + number(*life.bias) + "\n";
  if (life.accumulator) out += "  accumulator   " + number(*life.accumulator) + "\n";
  out += steps_text(life.steps, columns);
  out += "  value         " + number(life.value);
  if (check.reference) {
    out += *check.reference == life.value ? ", as the reference"
                                          : ", the reference has " + number(*check.reference);
  }
  if (check.golden) {
    out += *check.golden == life.value ? ", as the model file"
                                       : ", the model file has " + number(*check.golden);
  }
  out += "\n";
  if (life.continued_value) {
    out += "\nresidual add " + life.continued + "\n" + steps_text(life.continued_steps, columns);
    out += "  value         " + number(*life.continued_value) + "\n";
  }
  if (life.in_place) {
    out += "\nno tile op moves it: in memory it lies where " + life.from->tensor + " has it\n";
  }
  if (!life.ops.empty()) out += "\ntile ops\n";
  for (const LifeOp& o : life.ops) {
    out += wrapped("  " + std::string(name_of(o.queue)) + " op " + number(o.seq) + ", cycles " +
                       std::to_string(o.start) + " to " + std::to_string(o.retire) + ", " + o.role +
                       ": " + o.text,
                   columns, 4);
  }
  return out;
}

}  // namespace tactus::triage
