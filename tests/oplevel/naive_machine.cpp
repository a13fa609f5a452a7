// SPDX-License-Identifier: Apache-2.0
#include "naive_machine.hpp"

#include <algorithm>

namespace tactus::oplevel {

namespace {
std::int64_t up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
std::size_t z(std::int64_t v) { return static_cast<std::size_t>(v); }
}  // namespace

RunResult run_naive(const Program& program, const ArchConfig& config) {
  NaiveMachine machine(config, program.image);
  RunResult result;
  std::array<std::uint32_t, queue_count> seq{};
  for (const TileOp& op : program.ops) {
    RetireRecord record = machine.execute(op);
    record.queue = queue_of(op);
    record.seq = seq[static_cast<std::size_t>(record.queue)]++;
    result.retired.push_back(record);
  }
  std::stable_sort(result.retired.begin(), result.retired.end(),
                   [](const RetireRecord& a, const RetireRecord& b) { return a.queue < b.queue; });
  result.memory = machine.take_memory();
  return result;
}

NaiveMachine::NaiveMachine(const ArchConfig& config, std::vector<std::uint8_t> memory)
    : config_(config), memory_(std::move(memory)) {
  for (std::size_t h = 0; h < 2; ++h) {
    ifmap_[h].assign(z(config.hw_array_rows), Bytes(z(config.ifmap_bank_bytes())));
    ofmap_[h].assign(z(config.hw_array_cols), Bytes(z(config.ofmap_bank_bytes())));
    const auto row = config.hw_array_cols * config.word_bytes();
    weight_[h].resize(z(config.weight_rows() * row));
    index_[h].resize(z(config.index_rows() * row));
    param_[h].resize(z(config.param_records() * 32));
    inst_[h].resize(z(config.hw_segment_ops * 64));
    psum_[h].resize(z(config.psum_entries() * config.hw_array_cols));
  }
}

RetireRecord NaiveMachine::execute(const TileOp& op) {
  record_ = {};
  std::visit([&](const auto& body) { run(body); }, op.body);
  return record_;
}

void NaiveMachine::term(std::int64_t a, std::uint64_t v) {
  std::uint64_t h = v ^ (static_cast<std::uint64_t>(a) * 0x9E3779B97F4A7C15ULL);
  h *= 0xC2B2AE3D27D4EB4FULL;
  record_.digest += h ^ (h >> 32U);
}

std::int64_t NaiveMachine::policy(Wide value) {
  const Wide limit = Wide{1} << (config_.hw_acc_bits - 1);
  if (value >= -limit && value < limit) return static_cast<std::int64_t>(value);
  ++event(Event::acc_overflow);
  if (config_.hw_acc_overflow == "saturate") {
    return static_cast<std::int64_t>(value < 0 ? -limit : limit - 1);
  }
  while (value >= limit) value -= 2 * limit;
  while (value < -limit) value += 2 * limit;
  return static_cast<std::int64_t>(value);
}

void NaiveMachine::run(const LoadOp& op) {
  const std::int64_t beat_bytes = config_.beat_bytes();
  const std::int64_t beats = up(op.line_bytes, beat_bytes);
  std::int64_t number = 0;
  for (std::int64_t p = 0; p < op.planes; ++p) {
    for (std::int64_t l = 0; l < op.lines; ++l) {
      event(Event::mem_rd_req) += static_cast<std::uint64_t>(up(beats, config_.mem_burst_beats));
      for (std::int64_t t = 0; t < beats; ++t, ++number) {
        const std::uint8_t* data = memory_.data() + op.mem_addr + p * op.plane_stride +
                                   l * op.line_stride + t * beat_bytes;
        std::uint64_t folded = 0;
        for (std::int64_t i = 0; i < beat_bytes; ++i) {
          folded ^= std::uint64_t{data[i]} << (8 * (i % 8));
        }
        term(number, folded);
        const std::int64_t valid = std::min(beat_bytes, op.line_bytes - t * beat_bytes);
        if (op.dest == 3 && (op.log2_pack != 0 || op.log2_bundle != 0)) {
          unpack_beat(op, p, l, t, valid, data);
        } else {
          load_beat(op, p, l, t, valid, data);
        }
      }
    }
  }
  const auto total = static_cast<std::uint64_t>(number);
  const std::int64_t group = std::int64_t{1} << op.log2_group;
  event(Event::mem_rd_beat) = total;
  constexpr Event written[] = {Event::ifmap_wr, Event::weight_wr, Event::param_wr,
                               Event::ofmap_wr, Event::inst_wr,   Event::index_wr};
  std::uint64_t banks = 1;
  if (op.dest == 0) banks = static_cast<std::uint64_t>(config_.hw_array_rows / group);
  if (op.dest == 3) banks = static_cast<std::uint64_t>(config_.hw_array_cols / group);
  event(written[op.dest]) = total * banks;
}

void NaiveMachine::load_beat(const LoadOp& op, std::int64_t plane, std::int64_t line,
                             std::int64_t beat, std::int64_t valid, const std::uint8_t* data) {
  const std::int64_t beat_bytes = config_.beat_bytes();
  const std::int64_t group = std::int64_t{1} << op.log2_group;
  const std::int64_t at =
      (op.dst_base + plane / group * op.dst_slot_stride + line * op.dst_line_stride + beat) *
      beat_bytes;
  const auto half = z(op.half);
  if (op.dest == 0 || op.dest == 3) {
    Banks& banks = op.dest == 0 ? ifmap_[half] : ofmap_[half];
    for (std::size_t b = 0; b < banks.size(); ++b) {
      if (static_cast<std::int64_t>(b) % group != plane % group) continue;
      for (std::int64_t i = 0; i < valid; ++i) banks[b].at(z(at + i)) = data[i];
    }
    return;
  }
  Bytes& bytes = op.dest == 1   ? weight_[half]
                 : op.dest == 2 ? param_[half]
                 : op.dest == 4 ? inst_[half]
                                : index_[half];
  for (std::int64_t i = 0; i < beat_bytes; ++i) bytes.at(z(at + i)) = i < valid ? data[i] : 0;
}

void NaiveMachine::unpack_beat(const LoadOp& op, std::int64_t plane, std::int64_t line,
                               std::int64_t beat, std::int64_t valid, const std::uint8_t* data) {
  const std::int64_t word_bytes = config_.word_bytes();
  const std::int64_t pack = std::int64_t{1} << op.log2_pack;
  const std::int64_t bundle = std::int64_t{1} << op.log2_bundle;
  const std::int64_t group = std::int64_t{1} << op.log2_group;
  const std::int64_t bits = config_.hw_operand_bits / pack;
  const std::int64_t line_at =
      (op.dst_base + plane / group * op.dst_slot_stride + line * op.dst_line_stride) *
      config_.beat_bytes();
  for (std::int64_t i = 0; i < valid / word_bytes; ++i) {
    const std::int64_t g = beat * (config_.beat_bytes() / word_bytes) + i;
    std::uint64_t word = 0;
    for (std::int64_t k = 0; k < word_bytes; ++k) {
      word |= std::uint64_t{data[i * word_bytes + k]} << (8 * k);
    }
    for (std::int64_t s = 0; s < pack; ++s) {
      std::uint64_t v = (word >> (s * bits)) & ((std::uint64_t{1} << bits) - 1);
      if (op.unpack_signed != 0 && (v >> (bits - 1) & 1U) != 0) v |= ~std::uint64_t{0} << bits;
      const std::int64_t j = g % bundle * pack + s;
      for (std::int64_t b = j; b < config_.hw_array_cols; b += pack * bundle) {
        if (b / (pack * bundle) % group != plane % group) continue;
        for (std::int64_t k = 0; k < word_bytes; ++k) {
          ofmap_[z(op.half)][z(b)].at(z(line_at + g / bundle * word_bytes + k)) =
              static_cast<std::uint8_t>(v >> (8 * k));
        }
      }
    }
  }
}

void NaiveMachine::run(const FillOp& op) {
  Banks& banks = op.dest == 0 ? ifmap_[z(op.half)] : ofmap_[z(op.half)];
  const std::int64_t beat_bytes = config_.beat_bytes();
  for (Bytes& bank : banks) {
    for (std::int64_t i = 0; i < op.beats * beat_bytes; ++i) {
      bank.at(z(op.dst_base * beat_bytes + i)) =
          static_cast<std::uint8_t>(op.value >> (8 * (i % 4)));
    }
  }
  event(op.dest == 0 ? Event::ifmap_wr : Event::ofmap_wr) =
      static_cast<std::uint64_t>(op.beats) * banks.size();
  term(op.beats, static_cast<std::uint64_t>(op.value));
}

std::uint8_t NaiveMachine::stored_byte(const StoreOp& op, std::int64_t plane, std::int64_t line,
                                       std::int64_t byte) const {
  const std::int64_t word_bytes = config_.word_bytes();
  const std::int64_t columns = config_.hw_array_cols;
  const auto channel_byte = [&](std::int64_t n, std::int64_t offset) {
    const std::int64_t slot = (op.bank0 + n) / columns;
    const std::int64_t at = (op.src_base + slot * op.src_slot_stride + line * op.src_line_stride) *
                                config_.beat_bytes() +
                            offset;
    return ofmap_[z(op.half)][z((op.bank0 + n) % columns)].at(z(at));
  };
  if (op.transposed != 0) return transposed_byte(op, plane, byte);
  if (op.log2_pack == 0 && op.log2_bundle == 0) return channel_byte(plane, byte);
  const std::int64_t pack = std::int64_t{1} << op.log2_pack;
  const std::int64_t bundle = std::int64_t{1} << op.log2_bundle;
  const std::int64_t bits = config_.hw_operand_bits / pack;
  const std::int64_t word = byte / word_bytes;  // of the line
  std::uint64_t value = 0;
  for (std::int64_t s = 0; s < pack; ++s) {
    const std::int64_t n = plane * pack * bundle + word % bundle * pack + s;
    if (n >= op.channels) continue;
    std::uint64_t element = 0;
    for (std::int64_t k = 0; k < word_bytes; ++k) {
      element |= std::uint64_t{channel_byte(n, word / bundle * word_bytes + k)} << (8 * k);
    }
    value |= (element & ((std::uint64_t{1} << bits) - 1)) << (s * bits);
  }
  return static_cast<std::uint8_t>(value >> (8 * (byte % word_bytes)));
}

std::uint8_t NaiveMachine::transposed_byte(const StoreOp& op, std::int64_t plane,
                                           std::int64_t byte) const {
  const std::int64_t pack = std::int64_t{1} << op.log2_pack;
  const std::int64_t bytes = std::int64_t{1} << op.log2_bytes;
  const std::int64_t bits = 8 * bytes / pack;
  const Bytes& bank = ofmap_[z(op.half)].at(z(op.bank0 + byte / bytes));
  std::uint64_t value = 0;
  for (std::int64_t s = 0; s < pack; ++s) {
    const std::int64_t channel = plane * pack + s;
    if (channel >= op.channels) continue;
    const std::int64_t at = op.src_base * config_.beat_bytes() + channel * bytes;
    std::uint64_t element = 0;
    for (std::int64_t k = 0; k < bytes; ++k) {
      element |= std::uint64_t{bank.at(z(at + k))} << (8 * k);
    }
    value |= (element & ((std::uint64_t{1} << bits) - 1)) << (s * bits);
  }
  return static_cast<std::uint8_t>(value >> (8 * (byte % bytes)));
}

void NaiveMachine::run(const StoreOp& op) {
  const std::int64_t beat_bytes = config_.beat_bytes();
  std::int64_t number = 0;
  for (std::int64_t p = 0; p < op.planes; ++p) {
    for (std::int64_t l = 0; l < op.lines; ++l) {
      for (std::int64_t t = 0; t < up(op.line_bytes, beat_bytes); ++t, ++number) {
        std::uint64_t folded = 0;
        for (std::int64_t i = 0; i < beat_bytes && t * beat_bytes + i < op.line_bytes; ++i) {
          const std::uint8_t byte = stored_byte(op, p, l, t * beat_bytes + i);
          folded ^= std::uint64_t{byte} << (8 * (i % 8));
          memory_.at(z(op.mem_addr + p * op.plane_stride + l * op.line_stride + t * beat_bytes +
                       i)) = byte;
        }
        term(number, folded);
      }
    }
  }
  event(Event::mem_wr_beat) = static_cast<std::uint64_t>(number);
  event(Event::ofmap_rd) = static_cast<std::uint64_t>(number) << (op.log2_pack + op.log2_bundle);
  if (op.transposed != 0) {
    event(Event::ofmap_rd) = static_cast<std::uint64_t>(number * (beat_bytes >> op.log2_bytes));
  }
}

}  // namespace tactus::oplevel
