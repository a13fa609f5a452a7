/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tactus_dut.h, version 2: an accelerator of your own behind five C functions.
 *
 * Compile them into a shared object and run
 *
 *     tactus check MODEL --dut ./libmine.so
 *
 * For every layer of the model tactus asks whether the accelerator supports it, hands it the
 * reference's inputs, and compares each output value. Cycles are shown beside those of tactus'
 * own accelerator; they are yours to define and fail a check only with --compare cycles.
 *
 * The library runs in a process of its own: a crash ends the check with a sentence that names the
 * layer, never tactus itself. Calls come one at a time, from one thread. What the library writes
 * to standard output appears on standard error.
 *
 * Conventions of every structure below:
 *   - Tensors are arrays of int32_t in the order channel, row, column, without gaps and without a
 *     batch; element [c][y][x] of a tensor of shape {C, H, W} is at (c * H + y) * W + x.
 *   - The real value of a stored integer q is scale * (q - zero_point). Scales are not handed over:
 *     all arithmetic is integer, and the results are defined exactly.
 *   - "Per channel" arrays have one entry, which holds for all output channels, or one entry per
 *     output channel; their count says which. A count of 0 means that the array is absent (NULL).
 *   - Pointers are valid during the call only.
 *   - Fields that an operation does not use are 0 or NULL.
 * Layers may get further fields at their end in later versions; struct_bytes is the size that the
 * caller has filled in. Version 2 added the operations from REQUANT on, ADD with operands of two
 * shapes, ADD_TFLITE_SINGLE, and the fields behind operand_scale. A library that was compiled for
 * version 1 still works: it is not asked for layers that version 1 does not describe.
 */
#ifndef TACTUS_DUT_H
#define TACTUS_DUT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TACTUS_DUT_ABI_VERSION 2u

/* What a layer does. All sums are exact: accumulators must be wide enough, or the layer refused. */
enum tactus_dut_op {
  /* acc[o][y][x] = bias[o] + sum over c, ky, kx of
   *     (in[g * in_channels + c][y * stride_h - padding_top + ky * dilation_h]
   *        [x * stride_w - padding_left + kx * dilation_w] - input zero_point)
   *     * (weight[o][c][ky][kx] - weight zero point of o)
   * with g = o / (output channels / groups); positions outside the input add 0.
   * out = requantise(acc). */
  TACTUS_DUT_CONV2D = 0,
  /* acc[o] = bias[o] + sum over i of (in[i] - input zero_point) * (weight[o][i] - zero point),
   * i running over the whole input in its C, H, W order. out = requantise(acc). */
  TACTUS_DUT_LINEAR = 1,
  /* Element by element over two inputs, see "residual operands". Of an input with one channel, one
   * row or one column that one stands for all. */
  TACTUS_DUT_ADD = 2,
  /* out = min(max(in, clamp_min), clamp_max) */
  TACTUS_DUT_CLAMP = 3,
  /* Maximum of the window; positions outside the input do not take part. */
  TACTUS_DUT_MAXPOOL = 4,
  /* acc = sum of (in - input zero_point) over the window, positions outside the input add 0.
   * out = requantise(acc). Convention AVG_TFLITE instead: acc = sum of in over the n positions
   * inside the input, out = clamp(acc / n rounded to the nearest, ties away from 0). */
  TACTUS_DUT_AVGPOOL = 5,
  /* As AVGPOOL with the whole input as window. */
  TACTUS_DUT_GLOBAL_AVGPOOL = 6,
  /* out = in; the shape becomes {C * H * W, 1, 1}. */
  TACTUS_DUT_FLATTEN = 7,

  /* --- Version 2 --- */
  /* out = requantise(in - input zero_point), one more version of a tensor in another format. */
  TACTUS_DUT_REQUANT = 8,
  /* Two inputs as for ADD. out = requantise((in_0 - zero_point_0) * (in_1 - zero_point_1)). */
  TACTUS_DUT_MUL = 9,
  /* Two inputs of one format, as for ADD: the larger, the smaller one, clamped. */
  TACTUS_DUT_MAXIMUM = 10,
  TACTUS_DUT_MINIMUM = 11,
  /* With s = interpolate_bits, d = in - the smallest value of the input format, i = d >> s:
   * out = table[i] for s = 0, else with f = the low s bits of d
   * out = table[i] + floor(((table[i + 1] - table[i]) * f + 2^(s-1)) / 2^s). */
  TACTUS_DUT_LUT = 12,
  /* Over the channels of each pixel, which are `heads` rows of equal length; see "softmax". */
  TACTUS_DUT_SOFTMAX = 13,
  /* Over the n channels of each pixel, z = in - input zero_point, all integers:
   *   LAYERNORM: D = n * z - sum(z), V = n * sum(z * z) - sum(z)^2 + eps
   *   RMSNORM:   D = n * z,          V = n * sum(z * z) + eps
   * V = 0 counts as 1. With the k for which 2^60 <= V * 4^k < 2^62:
   *   R = floor(2^61 / floor(sqrt(V * 4^k)))
   *   H = floor((D * R + 2^(40 - k)) / 2^(41 - k)), out = requantise(H) */
  TACTUS_DUT_LAYERNORM = 14,
  TACTUS_DUT_RMSNORM = 15,
  /* Inputs {heads * K, 1, M} and {heads * K, 1, N}, output {heads * N, 1, M}: out[h * N + j][i] =
   * requantise(sum over k of (in_0[h * K + k][i] - zero_point_0)
   *                        * (in_1[h * K + k][j] - zero_point_1)) */
  TACTUS_DUT_MATMUL = 16,
  /* Input {heads * R, 1, T}, output {heads * T, 1, R}: out[h * T + t][r] = in[h * R + r][t]. */
  TACTUS_DUT_TRANSPOSE = 17,
  /* out[c][y][x] = in[c][y / stride_h][x / stride_w]; without `nearest` only where both divisions
   * have no remainder, else the input zero_point. */
  TACTUS_DUT_UPSAMPLE = 21
};

/* round(v / 2^s) to an integer. */
enum tactus_dut_rounding {
  TACTUS_DUT_HALF_EVEN = 0, /* nearest, ties to the even neighbour */
  TACTUS_DUT_HALF_UP = 1,   /* nearest, ties towards +infinity */
  TACTUS_DUT_HALF_AWAY = 2, /* nearest, ties away from zero */
  TACTUS_DUT_HALF_DOWN = 3, /* nearest, ties towards -infinity */
  TACTUS_DUT_FLOOR = 4,
  TACTUS_DUT_CEIL = 5,
  TACTUS_DUT_TRUNC = 6 /* towards zero */
};

/* How an accumulator becomes an output value. mult, shift and add are those of the output channel,
 * an absent add is 0, zp is the output zero point, clamp(v) is min(max(v, clamp_min), clamp_max).
 * Intermediates are exact. */
enum tactus_dut_convention {
  TACTUS_DUT_NONE = 0,      /* out = the low 32 bits of acc */
  TACTUS_DUT_MUL_SHIFT = 1, /* out = clamp(round((acc * mult + add) / 2^shift) + zp), shift 0..63 */
  TACTUS_DUT_POW2 = 2,      /* out = clamp(round(acc / 2^shift) + zp), shift 0..63 */
  /* TensorFlow Lite; shift -31..30, positive = left; the field rounding is not used.
   * double(x): a = the low 32 bits of x * 2^max(shift, 0), signed
   *            h = floor((a * mult + 2^30) / 2^31), but 2^31 - 1 instead of 2^31
   *            double(x) = h / 2^max(-shift, 0), rounded to the nearest, ties away from zero */
  TACTUS_DUT_TFLITE_DOUBLE = 3, /* out = clamp(double(acc) + zp) */
  TACTUS_DUT_TFLITE_SINGLE = 4, /* out = clamp(round_half_up(acc * mult / 2^(31 - shift)) + zp) */
  /* m = 32767 if mult >= 0x7FFF0000, else round_half_up(mult / 2^16);
   * out = clamp(round_half_up(acc * m / 2^(15 - shift)) + zp) */
  TACTUS_DUT_TFLITE_S64 = 5,
  TACTUS_DUT_ADD_MUL_SHIFT = 6, /* ADD only, see "residual operands" */
  TACTUS_DUT_ADD_TFLITE = 7,    /* ADD only */
  TACTUS_DUT_AVG_TFLITE = 8,    /* AVGPOOL and GLOBAL_AVGPOOL only */
  TACTUS_DUT_ADD_TFLITE_SINGLE = 9 /* ADD only; version 2 */
};

struct tactus_dut_shape {
  int32_t c, h, w;
};

struct tactus_dut_format {
  int32_t bits;       /* activations and weights 1..16, outputs 1..32 */
  int32_t is_signed;  /* 1: two's complement, 0: unsigned */
  int32_t bipolar;    /* 1: 1-bit weights whose two values are -1 and +1 */
  int64_t zero_point; /* of weights: 0, see weight_zero_point */
};

/* One input or the output of a layer. */
struct tactus_dut_tensor {
  const char* name; /* layer id or network input that it comes from */
  struct tactus_dut_shape shape;
  struct tactus_dut_format format;
};

struct tactus_dut_requant {
  int32_t convention; /* enum tactus_dut_convention */
  int32_t rounding;   /* enum tactus_dut_rounding */
  int64_t clamp_min, clamp_max; /* inclusive, inside the output format */
  int32_t mult_bits, add_bits;  /* declared widths of mult and add, two's complement */
  uint32_t mult_count, shift_count, add_count;
  const int64_t* mult;
  const int32_t* shift;
  const int64_t* add;
};

/* Residual operands. ADD with convention ADD_MUL_SHIFT:
 *   term_i = ((in_i - zero_point_i) * mult_i) * 2^left_shift_i
 *   out = clamp(round((term_0 + term_1 + add) / 2^shift) + zp), shift and add of `requant`
 * ADD_TFLITE, with double() of TFLITE_DOUBLE:
 *   term_i = double((in_i - zero_point_i) * 2^left_shift_i) with mult_i and shift_i
 *   out = clamp(double(term_0 + term_1) + zp) with mult and shift of `requant`
 * ADD_TFLITE_SINGLE: the same with single(x) = round_half_up(x * mult / 2^(31 - shift)) of the low
 * 32 bits of x in the place of double(x). */
struct tactus_dut_operand_scale {
  int64_t mult;
  int32_t left_shift; /* 0..31 */
  int32_t shift;      /* ADD_TFLITE only */
};

/* Softmax of a row x with m = its largest value; out is clamped to the output format.
 * SOFTMAX_LUT: e = table[min(m - x, table_count - 1)], S = sum of the row's e,
 *   h = leading zeros of S in 32 bits, R = floor(2^62 / (S * 2^h)),
 *   out = round_half_up(e * one * R / 2^(62 - h)) + output zero_point
 * SOFTMAX_TFLITE8, SOFTMAX_TFLITE16: TensorFlow Lite's integer softmax of int8 and int16 inputs with
 * its parameters; tables of 513 entries of exp and of 1 / (1 + x) for the second. Step by step in
 * models/numerics/softmax.hpp; `tactus explain` shows the steps of an element. */
enum tactus_dut_softmax_kind {
  TACTUS_DUT_SOFTMAX_TFLITE8 = 0,
  TACTUS_DUT_SOFTMAX_TFLITE16 = 1,
  TACTUS_DUT_SOFTMAX_LUT = 2
};

struct tactus_dut_softmax {
  int32_t kind;     /* enum tactus_dut_softmax_kind */
  int32_t shift;    /* TFLITE8: 0..31, left; TFLITE16: -31..30, positive = left */
  int64_t mult;     /* TFLITE8, TFLITE16 */
  int64_t diff_min; /* TFLITE8: exponentials of x - m below it are 0 */
  int64_t one;      /* LUT: what probability 1 becomes */
};

struct tactus_dut_layer {
  uint32_t struct_bytes;   /* sizeof(struct tactus_dut_layer) of the caller */
  int32_t op;              /* enum tactus_dut_op */
  const char* id;          /* unique in the model, e.g. 003_layer1_conv2 */
  const char* source_name; /* the toolkit's name, may be empty */

  uint32_t input_count; /* 2 for ADD, MUL, MAXIMUM, MINIMUM and MATMUL, else 1 */
  struct tactus_dut_tensor input[2];
  struct tactus_dut_tensor output;

  /* CONV2D, MAXPOOL, AVGPOOL, GLOBAL_AVGPOOL */
  int32_t kernel_h, kernel_w, stride_h, stride_w;
  int32_t padding_top, padding_left, padding_bottom, padding_right;
  /* CONV2D */
  int32_t dilation_h, dilation_w, groups;

  /* CONV2D: [output channel][in_channels][kernel_h][kernel_w]; LINEAR: [output channel][in_channels]
   * in row-major order */
  const int16_t* weight;
  int32_t in_channels; /* per group; LINEAR: length of the flattened input */
  struct tactus_dut_format weight_format;
  uint32_t weight_zero_point_count, bias_count;
  const int64_t* weight_zero_point;
  const int64_t* bias; /* at most 48 bits */

  struct tactus_dut_requant requant;
  struct tactus_dut_operand_scale operand_scale[2]; /* ADD */

  /* --- Version 2 --- */
  int32_t heads;           /* SOFTMAX, MATMUL, TRANSPOSE */
  int32_t interpolate_bits; /* LUT, 0..8 */
  int32_t nearest;         /* UPSAMPLE: 1 copies, 0 zero points behind each pixel */
  int64_t eps;             /* LAYERNORM, RMSNORM */
  uint32_t table_count, inverse_table_count;
  const int64_t* table;         /* LUT, SOFTMAX */
  const int64_t* inverse_table; /* SOFTMAX_TFLITE16 */
  struct tactus_dut_softmax softmax;
};

/* Written to *cycles by an accelerator that does not count them. */
#define TACTUS_DUT_NO_CYCLES UINT64_MAX

/* An accelerator; what it points to is the library's own. */
typedef struct tactus_dut tactus_dut;

/* --- The functions that the library defines -------------------------------------------------- */

/* Returns TACTUS_DUT_ABI_VERSION. Called first; a version above the tool's ends the check. */
uint32_t tactus_dut_abi_version(void);

/* Makes an accelerator, in the state after reset. config_json is the content of --dut-config FILE,
 * "{}" without that option; tactus does not look into it. Returns NULL when it cannot, with a
 * sentence in message (room for message_bytes with the final 0). */
tactus_dut* tactus_dut_create(const char* config_json, char* message, uint64_t message_bytes);

/* Whether the accelerator can run the layer: 1 or 0. With 0 a sentence in why. */
int tactus_dut_supports(tactus_dut* dut, const struct tactus_dut_layer* layer, char* why,
                        uint64_t why_bytes);

/* Runs one layer, which supports() has accepted. inputs[i] is the data of layer->input[i]; output
 * has room for the layer's output and must be filled completely. cycles receives the accelerator's
 * count for this layer or TACTUS_DUT_NO_CYCLES. Returns 0, or another number with a sentence in
 * message. A layer may be run many times. */
int tactus_dut_run_layer(tactus_dut* dut, const struct tactus_dut_layer* layer,
                         const int32_t* const* inputs, int32_t* output, uint64_t* cycles,
                         char* message, uint64_t message_bytes);

/* Called once, last, with what create() returned. */
void tactus_dut_destroy(tactus_dut* dut);

#ifdef __cplusplus
}
#endif

#endif
