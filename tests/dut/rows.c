/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of version 2 of tactus_dut.h in plain C, written from the header's text: values
 * only, no cycles. Conventions: mul_shift with the roundings half_even and half_up. */
#include <stdio.h>

#include "tactus_dut.h"

typedef __int128 wide;

uint32_t tactus_dut_abi_version(void) { return 2; }

tactus_dut* tactus_dut_create(const char* config_json, char* message, uint64_t message_bytes) {
  static int state;
  (void)config_json, (void)message, (void)message_bytes;
  return (tactus_dut*)&state;
}

int tactus_dut_supports(tactus_dut* dut, const struct tactus_dut_layer* l, char* why, uint64_t n) {
  const struct tactus_dut_requant* r = &l->requant;
  (void)dut;
  snprintf(why, n, "it has the operations of version 2 only");
  if (l->op < TACTUS_DUT_REQUANT) return 0;
  snprintf(why, n, "softmax by table only");
  if (l->op == TACTUS_DUT_SOFTMAX) return l->softmax.kind == TACTUS_DUT_SOFTMAX_LUT;
  snprintf(why, n, "mul_shift with half_even and half_up only");
  const int plain = l->op == TACTUS_DUT_MAXIMUM || l->op == TACTUS_DUT_MINIMUM ||
                    l->op == TACTUS_DUT_LUT || l->op == TACTUS_DUT_TRANSPOSE ||
                    l->op == TACTUS_DUT_UPSAMPLE;
  return plain || (r->convention == TACTUS_DUT_MUL_SHIFT && r->rounding <= TACTUS_DUT_HALF_UP);
}

static int64_t round_by(wide v, int bits, int even) {
  if (bits == 0) return (int64_t)v;
  const wide half = (wide)1 << (bits - 1);
  const wide up = (v + half) >> bits;
  return (int64_t)((even && (v & (2 * half - 1)) == half && (up & 1)) ? up - 1 : up);
}

static int64_t clamp(int64_t v, int64_t low, int64_t high) {
  return v < low ? low : v > high ? high : v;
}

static int64_t lowest(const struct tactus_dut_format* f) {
  return f->is_signed ? -(INT64_C(1) << (f->bits - 1)) : 0;
}

static int32_t requantise(const struct tactus_dut_layer* l, int channel, int64_t acc) {
  const struct tactus_dut_requant* r = &l->requant;
  const int64_t mult = r->mult[r->mult_count == 1 ? 0 : channel];
  const int32_t shift = r->shift[r->shift_count == 1 ? 0 : channel];
  const int64_t add = r->add_count == 0 ? 0 : r->add[r->add_count == 1 ? 0 : channel];
  const int64_t v = round_by((wide)acc * mult + add, shift, r->rounding == TACTUS_DUT_HALF_EVEN);
  return (int32_t)clamp(v + l->output.format.zero_point, r->clamp_min, r->clamp_max);
}

/* Element (c, y, x) of input i, of which one channel, row or column may stand for all. */
static int64_t get(const struct tactus_dut_layer* l, const int32_t* const* in, int i, int c, int y,
                   int x) {
  const struct tactus_dut_shape s = l->input[i].shape;
  return in[i][((s.c == 1 ? 0 : c) * s.h + (s.h == 1 ? 0 : y)) * s.w + (s.w == 1 ? 0 : x)];
}

static int64_t norm(const struct tactus_dut_layer* l, const int32_t* const* in, int c, int y,
                    int x) {
  const int64_t n = l->input[0].shape.c, zero = l->input[0].format.zero_point;
  int64_t sum = 0, squares = 0, q = 0;
  for (int i = 0; i < n; ++i) {
    const int64_t z = get(l, in, 0, i, y, x) - zero;
    if (l->op == TACTUS_DUT_LAYERNORM) sum += z;
    squares += z * z;
  }
  int64_t v = n * squares - sum * sum + l->eps, k = 0;
  for (v = v ? v : 1; v < INT64_C(1) << 60; v *= 4) ++k;
  for (int64_t bit = INT64_C(1) << 30; bit != 0; bit /= 2) {
    if ((q + bit) * (q + bit) <= v) q += bit;
  }
  const int64_t d = n * (get(l, in, 0, c, y, x) - zero) - sum;
  return round_by((wide)d * ((INT64_C(1) << 61) / q), (int)(41 - k), 0);
}

static int64_t softmax(const struct tactus_dut_layer* l, const int32_t* const* in, int c, int y,
                       int x) {
  const int length = l->input[0].shape.c / l->heads, first = c / length * length;
  int64_t m = INT64_MIN, s = 0, own = 0, h = 32;
  for (int i = first; i < first + length; ++i) {
    const int64_t v = get(l, in, 0, i, y, x);
    m = v > m ? v : m;
  }
  for (int i = first; i < first + length; ++i) {
    const int64_t d = m - get(l, in, 0, i, y, x), last = (int64_t)l->table_count - 1;
    const int64_t e = l->table[d < last ? d : last];
    s += e;
    if (i == c) own = e;
  }
  for (int64_t v = s; v != 0; v /= 2) --h;
  const struct tactus_dut_format* f = &l->output.format;
  const int64_t r = (INT64_C(1) << 62) / (s << h);
  return clamp(round_by((wide)own * l->softmax.one * r, (int)(62 - h), 0) + f->zero_point,
               lowest(f), lowest(f) + (INT64_C(1) << f->bits) - 1);
}

static int64_t look_up(const struct tactus_dut_layer* l, int64_t v) {
  const int s = l->interpolate_bits;
  const int64_t d = v - lowest(&l->input[0].format), i = d >> s;
  if (s == 0) return l->table[i];
  const int64_t f = d & ((1 << s) - 1);
  return l->table[i] + round_by((l->table[i + 1] - l->table[i]) * f, s, 0);
}

static int64_t product_of_rows(const struct tactus_dut_layer* l, const int32_t* const* in, int c,
                               int x) {
  const int terms = l->input[0].shape.c / l->heads, columns = l->input[1].shape.w;
  int64_t acc = 0;
  for (int k = c / columns * terms; k < (c / columns + 1) * terms; ++k) {
    acc += (in[0][k * l->input[0].shape.w + x] - l->input[0].format.zero_point) *
           (in[1][k * columns + c % columns] - l->input[1].format.zero_point);
  }
  return acc;
}

static int64_t element(const struct tactus_dut_layer* l, const int32_t* const* in, int c, int y,
                       int x) {
  const int two = l->input_count == 2;
  const struct tactus_dut_requant* r = &l->requant;
  const int64_t za = l->input[0].format.zero_point, zb = l->input[1].format.zero_point;
  const struct tactus_dut_shape s = l->input[0].shape;
  if (l->op == TACTUS_DUT_MATMUL) return requantise(l, c, product_of_rows(l, in, c, x));
  if (l->op == TACTUS_DUT_TRANSPOSE) return in[0][(c / s.w * (s.c / l->heads) + x) * s.w + c % s.w];
  if (l->op == TACTUS_DUT_UPSAMPLE) {
    if (!l->nearest && (y % l->stride_h || x % l->stride_w)) return za;
    return get(l, in, 0, c, y / l->stride_h, x / l->stride_w);
  }
  const int64_t a = get(l, in, 0, c, y, x), b = two ? get(l, in, 1, c, y, x) : 0;
  switch (l->op) {
    case TACTUS_DUT_REQUANT: return requantise(l, c, a - za);
    case TACTUS_DUT_MUL: return requantise(l, 0, (a - za) * (b - zb));
    case TACTUS_DUT_MAXIMUM: return clamp(a > b ? a : b, r->clamp_min, r->clamp_max);
    case TACTUS_DUT_MINIMUM: return clamp(a < b ? a : b, r->clamp_min, r->clamp_max);
    case TACTUS_DUT_LUT: return look_up(l, a);
    case TACTUS_DUT_SOFTMAX: return softmax(l, in, c, y, x);
    default: return requantise(l, c, norm(l, in, c, y, x));
  }
}

int tactus_dut_run_layer(tactus_dut* dut, const struct tactus_dut_layer* l,
                         const int32_t* const* inputs, int32_t* output, uint64_t* cycles,
                         char* message, uint64_t message_bytes) {
  const struct tactus_dut_shape out = l->output.shape;
  (void)dut, (void)message, (void)message_bytes;
  *cycles = TACTUS_DUT_NO_CYCLES;
  for (int i = 0; i < out.c * out.h * out.w; ++i) {
    output[i] =
        (int32_t)element(l, inputs, i / out.w / out.h, i / out.w % out.h, i % out.w);
  }
  return 0;
}

void tactus_dut_destroy(tactus_dut* dut) { (void)dut; }
