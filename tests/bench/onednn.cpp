// SPDX-License-Identifier: Apache-2.0
// The speed limit to compare with: oneDNN's time for the convolutions of ResNet-18 at 224x224 and
// its last linear layer, u8 activations, s8 weights, u8 results after a scale and ReLU, batch 1.
// Weights and activations are in oneDNN's own formats beforehand. Prints a line of JSON; the sum is
// over the layers of the best time of several calls. Start it with OMP_NUM_THREADS=1 and
// ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <dnnl.hpp>
#include <exception>
#include <unordered_map>
#include <vector>

namespace {

/// A square convolution of ResNet-18 and how often the network has it.
struct Conv {
  int in_channels, out_channels, in_size, kernel, stride, times;
};

constexpr Conv layers[] = {
    {3, 64, 224, 7, 2, 1},   {64, 64, 56, 3, 1, 4},   {64, 128, 56, 3, 2, 1},
    {128, 128, 28, 3, 1, 3}, {64, 128, 56, 1, 2, 1},  {128, 256, 28, 3, 2, 1},
    {256, 256, 14, 3, 1, 3}, {128, 256, 28, 1, 2, 1}, {256, 512, 14, 3, 2, 1},
    {512, 512, 7, 3, 1, 3},  {256, 512, 14, 1, 2, 1}, {512, 1000, 1, 1, 1, 1},
};
constexpr int calls = 20;

double best_seconds(const Conv& conv, const dnnl::engine& engine, dnnl::stream& stream) {
  using dt = dnnl::memory::data_type;
  using tag = dnnl::memory::format_tag;
  const int pad = conv.kernel / 2;
  const int out_size = (conv.in_size + 2 * pad - conv.kernel) / conv.stride + 1;
  const dnnl::memory::desc src({1, conv.in_channels, conv.in_size, conv.in_size}, dt::u8, tag::any);
  const dnnl::memory::desc weights({conv.out_channels, conv.in_channels, conv.kernel, conv.kernel},
                                   dt::s8, tag::any);
  const dnnl::memory::desc dst({1, conv.out_channels, out_size, out_size}, dt::u8, tag::any);
  const dnnl::convolution_forward::desc what(dnnl::prop_kind::forward_inference,
                                             dnnl::algorithm::convolution_direct, src, weights, dst,
                                             {conv.stride, conv.stride}, {pad, pad}, {pad, pad});
  dnnl::post_ops relu;
  relu.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
  dnnl::primitive_attr attributes;
  attributes.set_output_scales(0, {0.001F});
  attributes.set_post_ops(relu);
  const dnnl::convolution_forward::primitive_desc how(what, attributes, engine);
  const dnnl::convolution_forward primitive(how);
  dnnl::memory in(how.src_desc(), engine), w(how.weights_desc(), engine),
      out(how.dst_desc(), engine);
  const auto fill = [](const dnnl::memory& memory, unsigned seed) {
    auto* bytes = static_cast<unsigned char*>(memory.get_data_handle());
    for (std::size_t i = 0; i < memory.get_desc().get_size(); ++i) {
      seed = seed * 1664525U + 1013904223U;
      bytes[i] = static_cast<unsigned char>(seed >> 24U);
    }
  };
  fill(in, 1);
  fill(w, 2);
  const std::unordered_map<int, dnnl::memory> arguments{
      {DNNL_ARG_SRC, in}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, out}};
  double best = 1e9;
  for (int i = 0; i < calls; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    primitive.execute(stream, arguments);
    stream.wait();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    best = std::min(best, time.count());
  }
  return best;
}

}  // namespace

int main() {
  try {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(engine);
    double seconds = 0;
    for (const Conv& conv : layers) seconds += conv.times * best_seconds(conv, engine, stream);
    const bool vnni = (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) &
                       static_cast<unsigned>(dnnl::cpu_isa::avx512_core_vnni)) ==
                      static_cast<unsigned>(dnnl::cpu_isa::avx512_core_vnni);
    std::printf("{\"seconds\": %.6f, \"vnni\": %s}\n", seconds, vnni ? "true" : "false");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "oneDNN: %s\n", error.what());
    return 3;
  }
}
