/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest accelerator behind tactus_dut.h: maximum pooling, one window position a cycle. */
#include <stdio.h>

#include "tactus_dut.h"

uint32_t tactus_dut_abi_version(void) { return TACTUS_DUT_ABI_VERSION; }

tactus_dut* tactus_dut_create(const char* config_json, char* message, uint64_t message_bytes) {
  static int state; /* an accelerator without any */
  (void)config_json, (void)message, (void)message_bytes;
  return (tactus_dut*)&state;
}

int tactus_dut_supports(tactus_dut* dut, const struct tactus_dut_layer* l, char* why, uint64_t n) {
  (void)dut;
  if (l->op == TACTUS_DUT_MAXPOOL) return 1;
  snprintf(why, n, "it only pools");
  return 0;
}

int tactus_dut_run_layer(tactus_dut* dut, const struct tactus_dut_layer* l,
                         const int32_t* const* inputs, int32_t* output, uint64_t* cycles,
                         char* message, uint64_t message_bytes) {
  const struct tactus_dut_shape in = l->input[0].shape, out = l->output.shape;
  (void)dut, (void)message, (void)message_bytes;
  *cycles = (uint64_t)out.c * out.h * out.w * l->kernel_h * l->kernel_w;
  for (int i = 0; i < out.c * out.h * out.w; ++i) {
    int32_t best = INT32_MIN;
    for (int k = 0; k < l->kernel_h * l->kernel_w; ++k) {
      const int y = i / out.w % out.h * l->stride_h - l->padding_top + k / l->kernel_w;
      const int x = i % out.w * l->stride_w - l->padding_left + k % l->kernel_w;
      if (y < 0 || y >= in.h || x < 0 || x >= in.w) continue;
      const int32_t v = inputs[0][(i / out.w / out.h * in.h + y) * in.w + x];
      if (v > best) best = v;
    }
    output[i] = best;
  }
  return 0;
}

void tactus_dut_destroy(tactus_dut* dut) { (void)dut; }
