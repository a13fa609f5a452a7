// SPDX-License-Identifier: Apache-2.0
#include "fast/activation_packer.hpp"

#include <algorithm>
#include <cstring>

#include "dataflow/output_stationary.hpp"

namespace tactus::fast {
void ActivationPacker::pack(const ComputeOp& op, const OperandLayout& layout,
                            const PackShape& shape, const BankedHalf& ifmap, bool uniform,
                            PackedActivations& packed) {
  const OperandWidth width = activation_width(op, layout);
  parts_ = width.parts();
  word_bytes_ = layout.word_bits / 8;
  pixels_ = pixels(op);
  bank_per_pixel_ = op.dataflow == output_stationary::code && !uniform;
  grid_ = {op.out_h, op.out_w, op.step_x, op.step_y};
  if (grid_.step_y == grid_.step_x * grid_.width) {
    grid_.width *= grid_.height;
    grid_.height = 1;
  }
  packed.zeros = 0;
  // Bytes are operands: no need to collect them first. The step is one that gather has a loop for.
  const bool bytes = word_bytes_ == 1 && width.bits == 8 && !bank_per_pixel_ && op.step_x <= 2;
  if (bytes && !count_elements_) return pack_bytes(op, layout, shape, ifmap, width, packed);
  const auto size = static_cast<std::size_t>(packed.panels * panel_pixels + line_slack);
  for (auto& l : lines_) {
    if (l.size() < size) l.resize(size);
  }
  if (words_.size() < size) words_.resize(size);
  out_ = packed.data;
  odd_ = false;
  const OperandFormat byte_format{width.is_signed, static_cast<std::int16_t>(width.zero_point)};
  const std::int64_t last_field = (std::int64_t{1} << op.act_pack) - 1;
  std::int64_t in_fold = 0;
  for (const PackedUnit& unit : packed_units(op, layout, shape)) {
    std::int64_t collected = -1;
    for (std::int64_t e = 0; e < shape.elements; ++e) {
      const std::int64_t element = unit.window * shape.elements + e;
      if (bytes) {
        const std::int64_t bank = op.dataflow == output_stationary::code ? 0 : unit.row;
        kernels_.gather(ifmap.bank(bank) + op.ifmap_base + unit.offset + element, grid_,
                        byte_format, line(0));
      } else {
        const std::int64_t word = element >> op.act_pack;
        if (word != collected) collect_word(op, ifmap, unit, word);
        collected = word;
        if (parts_ == 1) {
          kernels_.extract(
              words_.data(), pixels_,
              {static_cast<int>((element & last_field) * width.bits), static_cast<int>(width.bits),
               width.is_signed, width.is_bipolar, static_cast<std::int16_t>(width.zero_point)},
              line(0));
        } else {
          split_parts(words_.data(), pixels_, width, line(0), line(1));
        }
      }
      finish_element(unit.count, packed);
    }
    if (++in_fold == shape.per_fold) {
      finish_fold(packed);
      in_fold = 0;
    }
  }
  finish_fold(packed);
}

void ActivationPacker::pack_bytes(const ComputeOp& op, const OperandLayout& layout,
                                  const PackShape& shape, const BankedHalf& ifmap,
                                  const OperandWidth& width, PackedActivations& packed) {
  const OperandFormat format{width.is_signed, static_cast<std::int16_t>(width.zero_point)};
  // Of pixels that only fill the last panel, and of no element: its operand is not 0.
  const auto filler = static_cast<std::uint8_t>(width.zero_point ^ 1);
  const std::int64_t whole = packed.panels * panel_pixels;
  for (auto& line : byte_lines_) line.assign(static_cast<std::size_t>(whole + line_slack), filler);
  std::int16_t* out = packed.data;
  std::size_t next = 0;  // 1: the even element of the pair is there
  const auto finish_pair = [&](const std::uint8_t* odd, std::int64_t users) {
    packed.zeros += users * kernels_.pair_bytes(byte_lines_[0].data(), odd, format, packed.panels,
                                                packed.panel_stride, out);
    out += panel_step;
    next = 0;
  };
  std::int64_t in_fold = 0;
  const bool has_rest = whole > pixels_;
  for (const PackedUnit& unit : packed_units(op, layout, shape)) {
    const std::int64_t bank = op.dataflow == output_stationary::code ? 0 : unit.row;
    const std::uint8_t* from = ifmap.bank(bank) + op.ifmap_base + unit.offset;
    for (std::int64_t e = 0; e < shape.elements; ++e) {
      std::uint8_t* line = byte_lines_[next].data();
      kernels_.collect_bytes(from + unit.window * shape.elements + e, grid_, line);
      if (has_rest) std::memset(line + pixels_, filler, panel_pixels);
      if (next == 1) {
        finish_pair(line, unit.count);  // both elements are of this unit where it has several
      } else {
        next = 1;
      }
    }
    if (++in_fold == shape.per_fold) {
      if (next == 1) finish_pair(byte_lines_[2].data(), 1);
      in_fold = 0;
    }
  }
  if (next == 1) finish_pair(byte_lines_[2].data(), 1);
}

void ActivationPacker::collect_word(const ComputeOp& op, const BankedHalf& ifmap,
                                    const PackedUnit& unit, std::int64_t word) {
  const std::int64_t address = op.ifmap_base + unit.offset + word * word_bytes_;
  if (!bank_per_pixel_) {
    const std::int64_t bank = op.dataflow == output_stationary::code ? 0 : unit.row;
    kernels_.collect(ifmap.bank(bank) + address, grid_, word_bytes_, words_.data());
    return;
  }
  for (std::int64_t m = 0; m < pixels_; ++m) {
    const std::uint8_t* from = ifmap.bank(m % op.rows_used) + address + m / op.out_w * op.step_y +
                               m % op.out_w * op.step_x;
    words_[static_cast<std::size_t>(m)] =
        static_cast<std::uint16_t>(word_bytes_ == 1 ? from[0] : from[0] | from[1] << 8);
  }
}

void ActivationPacker::finish_element(std::int64_t users, PackedActivations& packed) {
  if (count_elements_ || parts_ > 1) {
    const std::int16_t* low = line(0);
    const std::int16_t* high = line(1);
    std::int32_t zeros = 0;  // as many as pixels at most
    if (parts_ == 1) {
      for (std::int64_t i = 0; i < pixels_; ++i) zeros += low[i] == 0 ? 1 : 0;
    } else {
      for (std::int64_t i = 0; i < pixels_; ++i) zeros += (low[i] | high[i]) == 0 ? 1 : 0;
    }
    packed.zeros += zeros * users;
    if (count_elements_) packed.element_zeros.push_back(zeros);
  }
  // Pixels that only fill the last panel must not count as zeros.
  for (std::int64_t part = 0; part < parts_; ++part) {
    std::fill(line(part) + pixels_, line(part) + packed.panels * panel_pixels, std::int16_t{1});
  }
  if (odd_) finish_pair(users, packed);
  odd_ = !odd_;
}

void ActivationPacker::finish_pair(std::int64_t users, PackedActivations& packed) {
  std::int64_t zeros = 0;
  for (std::int64_t part = 0; part < parts_; ++part) {
    const std::int16_t* even = lines_[static_cast<std::size_t>(2 * part)].data();
    const std::int16_t* odd = lines_[static_cast<std::size_t>(2 * part + 1)].data();
    zeros += kernels_.interleave(even, odd, packed.panels, packed.panel_stride,
                                 out_ + part * packed.part_stride);
  }
  if (!count_elements_ && parts_ == 1) packed.zeros += zeros * users;
  out_ += panel_step;
}

void ActivationPacker::finish_fold(PackedActivations& packed) {
  if (!odd_) return;
  // No K element: its packed weight is 0.
  for (std::int64_t part = 0; part < parts_; ++part) {
    std::fill_n(line(part), packed.panels * panel_pixels, std::int16_t{1});
  }
  finish_pair(1, packed);
  odd_ = false;
}

}  // namespace tactus::fast
