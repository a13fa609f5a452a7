// SPDX-License-Identifier: Apache-2.0
#include "report/finding.hpp"

#include <algorithm>

namespace tactus {
namespace {

constexpr std::size_t label_width = 10;

/// `label  text`, broken at blanks so that no line is longer than `columns`.
void add(std::string& out, const std::string& label, const std::string& text, int columns) {
  const auto width = static_cast<std::size_t>(columns) - label_width - 4;
  std::string head = "  " + label + std::string(label_width - label.size() + 2, ' ');
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t count = std::min(width, text.size() - at);
    if (at + count < text.size()) {
      const std::size_t blank = text.rfind(' ', at + count);
      if (blank != std::string::npos && blank > at) count = blank - at;
    }
    out += head + text.substr(at, count) + "\n";
    at += count;
    while (at < text.size() && text[at] == ' ') ++at;
    head.assign(label_width + 4, ' ');
  }
}

std::string op_text(const FoundOp& op) {
  return op.layer + ", " + name_of(op.queue) + " op " + std::to_string(op.seq) + ": " + op.text;
}

std::string value_text(std::int64_t value, int bits) {
  return std::to_string(value) + (bits > 0 ? " = 0b" + binary(value, bits) : "");
}

}  // namespace

const char* name_of(FaultClass c) {
  constexpr const char* names[] = {"rounding",     "saturation",    "sign",        "zero point",
                                   "index",        "ordering",      "stale value", "lost bit",
                                   "accumulation", "missing token", "timing only", "counting only",
                                   "unknown"};
  return names[static_cast<unsigned>(c)];
}

std::string binary(std::int64_t value, int bits) {
  std::string text;
  for (int i = bits - 1; i >= 0; --i) {
    text += (static_cast<std::uint64_t>(value) >> i & 1U) != 0 ? '1' : '0';
  }
  return text;
}

std::string to_text(const Finding& f, int columns) {
  std::string out;
  if (f.op) add(out, "op", op_text(*f.op), columns);
  if (f.element) {
    const FoundElement& e = *f.element;
    add(out, "element",
        e.tensor + " n,c,y,x = " + std::to_string(e.n) + "," + std::to_string(e.c) + "," +
            std::to_string(e.y) + "," + std::to_string(e.x),
        columns);
  }
  if (!f.quantity.empty()) {
    std::string text = f.quantity;
    if (f.of > 0) {
      text += ", " + std::to_string(f.wrong) + " of " + std::to_string(f.of) + " differ";
    }
    add(out, "value", text, columns);
  }
  if (f.expected) add(out, "expected", value_text(*f.expected, f.bits), columns);
  if (f.actual) add(out, "actual", value_text(*f.actual, f.bits), columns);
  if (!f.step.empty()) add(out, "step", f.step, columns);
  if (f.cycle) add(out, "cycle", std::to_string(*f.cycle), columns);
  add(out, "class", std::string(name_of(f.fault_class)) + ": " + f.reason, columns);
  if (f.from) add(out, "suspect", op_text(*f.from), columns);
  if (f.window) {
    add(out, "window",
        "--trace-window " + std::to_string(f.window->first) + ":" +
            std::to_string(f.window->second),
        columns);
  }
  return out;
}

}  // namespace tactus
