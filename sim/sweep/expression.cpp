// SPDX-License-Identifier: Apache-2.0
#include "sweep/expression.hpp"

#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <vector>

#include "numerics/errors.hpp"

namespace tactus::sweep {

/// An operator with its arguments, or a leaf: a constant or a name.
struct Expression::Node {
  std::string op;  ///< operator, "name" or "constant"
  std::string name;
  Operand constant;
  std::unique_ptr<Node> left, right;
};

namespace {

using Node = Expression::Node;

/// Makes an expression false: a division by 0, a value that is not there.
struct Nothing {};

/// Binary operators by rising strength.
const std::vector<std::vector<std::string>> levels = {
    {"||"}, {"&&"}, {"==", "!="}, {"<=", ">=", "<", ">"}, {"+", "-"}, {"*", "/", "%"}};

class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text) {}

  std::unique_ptr<Node> parse() {
    auto root = level(0);
    skip();
    if (at_ < text_.size()) fail("an operator");
    return root;
  }

 private:
  [[noreturn]] void fail(const std::string& wanted) {
    skip();
    const std::string found = at_ < text_.size() ? "'" + text_.substr(at_, 12) + "'" : "its end";
    throw BadInput("expression '" + text_ + "' needs " + wanted + " where it has " + found);
  }

  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }

  bool take(const std::string& token) {
    skip();
    if (text_.compare(at_, token.size(), token) != 0) return false;
    at_ += token.size();
    return true;
  }

  std::unique_ptr<Node> level(std::size_t depth) {
    if (depth == levels.size()) return unary();
    auto left = level(depth + 1);
    for (bool more = true; more;) {
      more = false;
      for (const auto& op : levels[depth]) {
        if (!take(op)) continue;
        auto node = std::make_unique<Node>();
        node->op = op;
        node->left = std::move(left);
        node->right = level(depth + 1);
        left = std::move(node);
        more = true;
        break;
      }
    }
    return left;
  }

  std::unique_ptr<Node> unary() {
    if (++depth_ > 200) throw BadInput("expression '" + text_ + "' is nested too deeply");
    std::unique_ptr<Node> node;
    if (take("(")) {
      node = level(0);
      if (!take(")")) fail("a closing bracket");
    } else if (take("!") || take("-")) {
      node = std::make_unique<Node>();
      node->op = text_[at_ - 1] == '!' ? "not" : "minus";
      node->left = unary();
    } else {
      node = leaf();
    }
    --depth_;
    return node;
  }

  std::unique_ptr<Node> leaf() {
    skip();
    std::size_t end = at_;
    const auto part = [&](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
    };
    while (end < text_.size() && part(text_[end])) ++end;
    if (end == at_) fail("a number, a key or a word");
    const std::string word = text_.substr(at_, end - at_);
    auto node = std::make_unique<Node>();
    node->op = "constant";
    if (const auto number = whole_number(word)) {
      node->constant = *number;
    } else if (std::isdigit(static_cast<unsigned char>(word[0])) != 0) {
      double real = 0;
      const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), real);
      if (error != std::errc{} || stop != word.data() + word.size()) fail("a number or a key");
      node->constant = real;
    } else {
      node->op = "name";
      node->name = word;
    }
    at_ = end;
    return node;
  }

  const std::string& text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

class Evaluator {
 public:
  Evaluator(const std::string& text, const Expression::Lookup& lookup)
      : text_(text), lookup_(lookup) {}

  bool truth(const Node& node) {
    const Operand v = value(node);
    check_number(v);
    return std::holds_alternative<double>(v) ? std::get<double>(v) != 0
                                             : std::get<std::int64_t>(v) != 0;
  }

 private:
  void check_number(const Operand& v) const {
    if (const auto* word = std::get_if<std::string>(&v)) {
      throw BadInput("expression '" + text_ + "': " + *word +
                     " is not a known number, and words have == and != only");
    }
  }

  Operand value(const Node& node) {
    if (node.op == "constant") return node.constant;
    if (node.op == "name") {
      const Expression::Found found = lookup_(node.name);
      if (!found.known) return node.name;
      if (!found.value) throw Nothing{};
      return *found.value;
    }
    if (node.op == "||") return std::int64_t{truth(*node.left) || truth(*node.right)};
    if (node.op == "&&") return std::int64_t{truth(*node.left) && truth(*node.right)};
    if (node.op == "not") return std::int64_t{!truth(*node.left)};
    if (node.op == "minus") return arithmetic("-", std::int64_t{0}, value(*node.left));
    const Operand a = value(*node.left), b = value(*node.right);
    if (std::holds_alternative<std::string>(a) && std::holds_alternative<std::string>(b)) {
      if (node.op == "==") return std::int64_t{a == b};
      if (node.op == "!=") return std::int64_t{a != b};
    }
    return arithmetic(node.op, a, b);
  }

  Operand arithmetic(const std::string& op, const Operand& a, const Operand& b) const {
    check_number(a);
    check_number(b);
    if (std::holds_alternative<double>(a) || std::holds_alternative<double>(b)) {
      return reals(op, real(a), real(b));
    }
    return wholes(op, std::get<std::int64_t>(a), std::get<std::int64_t>(b));
  }

  static double real(const Operand& v) {
    const auto* whole = std::get_if<std::int64_t>(&v);
    return whole != nullptr ? static_cast<double>(*whole) : std::get<double>(v);
  }

  template <typename T>
  static std::optional<std::int64_t> compared(const std::string& op, T a, T b) {
    if (op == "==") return a == b;
    if (op == "!=") return a != b;
    if (op == "<=") return a <= b;
    if (op == ">=") return a >= b;
    if (op == "<") return a < b;
    if (op == ">") return a > b;
    return std::nullopt;
  }

  static Operand reals(const std::string& op, double a, double b) {
    if (const auto result = compared(op, a, b)) return *result;
    if (op == "+") return a + b;
    if (op == "-") return a - b;
    if (op == "*") return a * b;
    if (op == "/" && b != 0) return a / b;
    throw Nothing{};
  }

  [[nodiscard]] Operand wholes(const std::string& op, std::int64_t a, std::int64_t b) const {
    if (const auto result = compared(op, a, b)) return *result;
    std::int64_t out = 0;
    bool overflow = false;
    if (op == "+") overflow = __builtin_add_overflow(a, b, &out);
    if (op == "-") overflow = __builtin_sub_overflow(a, b, &out);
    if (op == "*") overflow = __builtin_mul_overflow(a, b, &out);
    if (op == "/" || op == "%") {
      if (b == 0) throw Nothing{};
      overflow = a == std::numeric_limits<std::int64_t>::min() && b == -1;
      if (!overflow) out = op == "/" ? a / b : a % b;
    }
    if (overflow) throw BadInput("expression '" + text_ + "' has a result of more than 64 bits");
    return out;
  }

  const std::string& text_;
  const Expression::Lookup& lookup_;
};

}  // namespace

std::optional<std::int64_t> whole_number(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

Expression::Expression(std::string text) : text_(std::move(text)) { root_ = Parser(text_).parse(); }
Expression::~Expression() = default;
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;

bool Expression::holds(const Lookup& lookup) const {
  try {
    return Evaluator(text_, lookup).truth(*root_);
  } catch (const Nothing&) {
    return false;
  }
}

}  // namespace tactus::sweep
