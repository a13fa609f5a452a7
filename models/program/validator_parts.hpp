// SPDX-License-Identifier: Apache-2.0
// The parts of validate_program; private to models/program.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "program/program.hpp"

namespace tactus {

struct ValidatorInput {
  const Program& program;
  const ArchConfig& config;
};

/// Throws the InternalError of op `index`.
[[noreturn]] void refuse_op(const Program& program, std::size_t index, const std::string& why);

void check_fields(const ValidatorInput& in);
void check_segments(const ValidatorInput& in);

/// Start order and happens-before of a program that does not deadlock.
struct Ordering {
  /// before[i][q]: so many ops of queue q have surely retired when op i starts.
  std::vector<std::array<std::uint32_t, queue_count>> before;
  std::vector<std::uint32_t> seq;                         ///< position in its queue
  std::array<std::vector<std::size_t>, queue_count> ops;  ///< op indices by queue
  /// a has retired before b starts; ops of different queues.
  [[nodiscard]] bool precedes(std::size_t a, Queue queue_of_a, std::size_t b) const {
    return before[b][static_cast<std::size_t>(queue_of_a)] > seq[a];
  }
};

/// Checks waits, pushes, deadlock and token bounds.
[[nodiscard]] Ordering check_tokens(const ValidatorInput& in);
void check_ownership(const ValidatorInput& in, const Ordering& order);
void check_memory_order(const ValidatorInput& in, const Ordering& order);

}  // namespace tactus
