// SPDX-License-Identifier: Apache-2.0
// Conditions on design points: constraints of a spec and --where of a query.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace tactus::sweep {

/// Whole number, other number (results only) or word.
using Operand = std::variant<std::int64_t, double, std::string>;

/// Operators by rising strength: ||  &&  == !=  < <= > >=  + -  * / %  ! -; brackets. Whole numbers
/// stay whole (7 / 2 is 3). Names that the look-up does not know are words, for == and != only.
class Expression {
 public:
  /// Empty: not a name but a word. `nullopt` in place of a number (NULL) makes the whole expression
  /// false, as a division by 0 does.
  struct Found {
    bool known = false;
    std::optional<Operand> value;
  };
  using Lookup = std::function<Found(const std::string& name)>;

  /// Throws BadInput with the text and where it stops making sense.
  explicit Expression(std::string text);
  ~Expression();
  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;

  /// Throws BadInput for words used as numbers and for results beyond 64 bits.
  [[nodiscard]] bool holds(const Lookup& lookup) const;
  [[nodiscard]] const std::string& text() const { return text_; }

  struct Node;

 private:
  std::string text_;
  std::unique_ptr<Node> root_;
};

/// The text as a whole number, if it is one.
[[nodiscard]] std::optional<std::int64_t> whole_number(const std::string& text);

}  // namespace tactus::sweep
