// SPDX-License-Identifier: Apache-2.0
// The row streamer behind tactus_dut.h: a Verilated model and a host that drives its ports.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "Vrow_streamer.h"
#include "tactus_dut.h"
#include "verilated.h"

namespace {

constexpr int64_t lanes = 8, act_words = 1 << 16, wgt_words = 1 << 14, channel_limit = 1 << 9;

struct Shape {
  int64_t in_c, in_h, in_w, kernel_h, kernel_w, stride_h, stride_w, top, left, out_h, out_w, out_c;
  [[nodiscard]] int64_t taps() const { return in_c * kernel_h * kernel_w; }
};

/// A linear layer is a convolution of 1x1 pixels.
Shape shape_of(const tactus_dut_layer& l) {
  const tactus_dut_shape &in = l.input[0].shape, &out = l.output.shape;
  if (l.op == TACTUS_DUT_LINEAR) return {l.in_channels, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, out.c};
  return {in.c,       in.h,          in.w,           l.kernel_h, l.kernel_w, l.stride_h,
          l.stride_w, l.padding_top, l.padding_left, out.h,      out.w,      out.c};
}

template <typename T>
int64_t of_channel(const T* values, uint32_t count, int64_t channel) {
  return count == 0 ? 0 : values[count == 1 ? 0 : channel];
}

const char* problem(const tactus_dut_layer& l) {
  if (l.op != TACTUS_DUT_CONV2D && l.op != TACTUS_DUT_LINEAR) return "it only has multipliers";
  const tactus_dut_requant& r = l.requant;
  if (l.input[0].format.bits > 15) return "activations have at most 15 bits";
  if (l.op == TACTUS_DUT_CONV2D && (l.groups != 1 || l.dilation_h != 1 || l.dilation_w != 1)) {
    return "no groups, no dilation";
  }
  if (r.convention != TACTUS_DUT_NONE && r.convention != TACTUS_DUT_MUL_SHIFT) {
    return "its requantiser does mul_shift";
  }
  if (r.convention == TACTUS_DUT_MUL_SHIFT && r.rounding > TACTUS_DUT_HALF_AWAY) {
    return "its requantiser rounds to the nearest only";
  }
  if (l.weight_format.bits > 8 || l.weight_format.is_signed == 0 ||
      l.weight_zero_point_count != 0) {
    return "weights have at most 8 bits, signed, without a zero point";
  }
  const Shape s = shape_of(l);
  const int64_t groups = (s.out_c + lanes - 1) / lanes;
  if (s.in_c * s.in_h * s.in_w > act_words || groups * s.taps() > wgt_words ||
      s.out_c > channel_limit) {
    return "it does not fit the memories";
  }
  // The accumulators have 32 bits, the products of the requantiser 64.
  const tactus_dut_format& in = l.input[0].format;
  const int64_t largest = (int64_t{1} << in.bits) + std::abs(in.zero_point);
  for (int64_t o = 0; o < s.out_c; ++o) {
    int64_t bound = std::abs(of_channel(l.bias, l.bias_count, o));
    for (int64_t k = 0; k < s.taps(); ++k) bound += largest * std::abs(l.weight[o * s.taps() + k]);
    if (bound >= int64_t{1} << 31) return "its accumulators have 32 bits";
  }
  if (r.convention == TACTUS_DUT_MUL_SHIFT && (r.mult_bits > 31 || r.add_bits > 60)) {
    return "its multiplier has 31 bits";
  }
  return nullptr;
}

}  // namespace

struct tactus_dut {
  VerilatedContext context;
  Vrow_streamer top{&context};

  tactus_dut() {
    top.rst = 1;
    clock();
    top.rst = 0;
  }
  ~tactus_dut() { top.final(); }

  void clock() {
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
  }
  void write(int space, int64_t address, int64_t data) {
    top.wr_en = 1;
    top.wr_space = static_cast<uint8_t>(space);
    top.wr_addr = static_cast<uint16_t>(address);
    top.wr_data = static_cast<uint64_t>(data);
    clock();
    top.wr_en = 0;
  }

  void load(const tactus_dut_layer& l, const int32_t* input) {
    const Shape s = shape_of(l);
    const tactus_dut_requant& r = l.requant;
    const int64_t registers[] = {s.in_c,
                                 s.in_h,
                                 s.in_w,
                                 s.kernel_h,
                                 s.kernel_w,
                                 s.stride_h,
                                 s.stride_w,
                                 s.top,
                                 s.left,
                                 s.out_h,
                                 s.out_w,
                                 s.out_c,
                                 l.input[0].format.zero_point,
                                 l.output.format.zero_point,
                                 r.clamp_min,
                                 r.clamp_max,
                                 r.rounding,
                                 r.convention == TACTUS_DUT_NONE ? 1 : 0};
    for (int i = 0; i < 18; ++i) write(0, i, registers[i]);
    for (int64_t i = 0; i < s.in_c * s.in_h * s.in_w; ++i) write(1, i, input[i]);
    for (int64_t o = 0; o < s.out_c; o += lanes) {
      for (int64_t k = 0; k < s.taps(); ++k) {
        uint64_t word = 0;
        for (int64_t i = 0; i < lanes && o + i < s.out_c; ++i) {
          word |= uint64_t{static_cast<uint8_t>(l.weight[(o + i) * s.taps() + k])} << (8 * i);
        }
        write(2, o / lanes * s.taps() + k, static_cast<int64_t>(word));
      }
    }
    for (int64_t o = 0; o < s.out_c; ++o) {
      write(3, 4 * o, of_channel(l.bias, l.bias_count, o));
      write(3, 4 * o + 1, of_channel(r.mult, r.mult_count, o));
      write(3, 4 * o + 2, of_channel(r.shift, r.shift_count, o));
      write(3, 4 * o + 3, of_channel(r.add, r.add_count, o));
    }
  }

  /// Cycles from go to the last result; 0 when it stands still.
  uint64_t run(const tactus_dut_layer& l, int32_t* output) {
    const Shape s = shape_of(l);
    const int64_t count = s.out_h * s.out_w * s.out_c;
    const uint64_t limit = 1000 + static_cast<uint64_t>((s.taps() + lanes) * count);
    top.go = 1;
    clock();
    top.go = 0;
    top.m_ready = 1;
    int64_t done = 0;
    uint64_t cycles = 1;
    while (done < count && cycles < limit) {
      top.clk = 0;
      top.eval();
      if (top.m_valid != 0) {  // row, pixel, channel; tactus wants channel, row, pixel
        const int64_t pixel = done / s.out_c, channel = done % s.out_c;
        output[channel * s.out_h * s.out_w + pixel] = static_cast<int32_t>(top.m_data);
        ++done;
      }
      top.clk = 1;
      top.eval();
      ++cycles;
    }
    return done == count ? cycles : 0;
  }
};

extern "C" {

uint32_t tactus_dut_abi_version(void) { return TACTUS_DUT_ABI_VERSION; }

tactus_dut* tactus_dut_create(const char*, char*, uint64_t) { return new tactus_dut; }

int tactus_dut_supports(tactus_dut*, const tactus_dut_layer* layer, char* why, uint64_t bytes) {
  const char* text = problem(*layer);
  if (text != nullptr) std::snprintf(why, bytes, "%s", text);
  return text == nullptr ? 1 : 0;
}

int tactus_dut_run_layer(tactus_dut* dut, const tactus_dut_layer* layer,
                         const int32_t* const* inputs, int32_t* output, uint64_t* cycles,
                         char* message, uint64_t message_bytes) {
  dut->load(*layer, inputs[0]);
  *cycles = dut->run(*layer, output);
  if (*cycles != 0) return 0;
  std::snprintf(message, message_bytes, "the row streamer stands still");
  return 1;
}

void tactus_dut_destroy(tactus_dut* dut) { delete dut; }

}  // extern "C"
