// SPDX-License-Identifier: Apache-2.0
// Random tile programs, fields far from what the frontend emits included: the fast back end against
// the SystemC model, op by op.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "backend/retire_checker.hpp"
#include "fast_programs.hpp"
#include "systemc/systemc_backend.hpp"

using namespace tactus;
using namespace tactus::fast_test;

namespace {

/// Off-chip memory: random bytes, then records of three kinds, then room for stores.
constexpr std::int64_t data_bytes = 8192, shift_records_at = 8192, tflite_records_at = 12288,
                       add_records_at = 16384, out_at = 20480, program_at = 49152,
                       image_bytes = 65536;
constexpr std::int64_t records = 64;  // of each kind: 2 KiB

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15U + 1) {
    config_.hw_array_rows = 1 << in(1, 3);
    config_.hw_array_cols = std::min<std::int64_t>(1 << in(2, 4), 4 * config_.hw_array_rows);
    config_.hw_post_lanes = 1 << in(0, 2);
    config_.hw_queue_depth = 2 << in(0, 1);
    config_.hw_segment_ops = 128;
    config_.hw_acc_bits = pick({12, 16, 20, 32, 40, 48});
    constexpr const char* policies[] = {"wrap", "saturate", "error"};
    config_.hw_acc_overflow = policies[in(0, 2)];
    config_.hw_fold_overlap = in(0, 1) != 0;
    config_.buf_ifmap_kib = config_.buf_ofmap_kib = 64;
    config_.buf_weight_kib = 16;
    config_.buf_param_kib = config_.buf_psum_kib = 8;
    config_.mem_data_bits = std::min<std::int64_t>(32 << in(0, 2), 8 * config_.hw_array_cols);
    config_.mem_latency_cycles = in(1, 30);
    config_.mem_cycles_per_beat = in(1, 3);
    config_.mem_burst_beats = pick({1, 4, 16});
    beat_ = config_.beat_bytes();
  }

  const ArchConfig& config() const { return config_; }

  /// With `serial`, each op waits for the one before it; else every op may wait for one earlier op.
  Program program(bool serial) {
    ops_ = {tile(load_into(Dest::ifmap)), tile(load_into(Dest::weight))};
    for (std::int64_t left = in(8, 24); left > 0; --left) append_any();
    for (std::size_t i = 1; i < ops_.size(); ++i) {
      if (!serial && in(0, 2) != 0) continue;
      const std::size_t from =
          serial ? i - 1 : static_cast<std::size_t>(in(0, static_cast<std::int64_t>(i) - 1));
      // Chains of a random program share no op, so pushes and waits keep their order.
      if (!serial && (ops_[from].push != 0 || ops_[i].wait != 0)) continue;
      ops_[from].push = bit_of(queue_of(ops_[i]));
      ops_[i].wait = bit_of(queue_of(ops_[from]));
    }
    // Concurrent ops may read records in the middle of a load: zeros are valid as any record.
    Program program =
        make_program(std::move(ops_), serial ? image() : std::vector<std::uint8_t>(image_bytes));
    program.prog_addr = program_at;
    for (std::size_t i = 0; i < program.ops.size(); ++i) {
      const EncodedOp bytes = encode(program.ops[i]);
      std::copy(bytes.begin(), bytes.end(),
                program.image.begin() + static_cast<std::ptrdiff_t>(program_at + op_bytes * i));
    }
    return program;
  }

 private:
  static std::uint8_t bit_of(Queue queue) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(queue));
  }
  std::int64_t in(std::int64_t low, std::int64_t high) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return low +
           static_cast<std::int64_t>((state_ >> 33U) % static_cast<std::uint64_t>(high - low + 1));
  }
  std::int64_t pick(const std::vector<std::int64_t>& choices) {
    return choices[static_cast<std::size_t>(in(0, static_cast<std::int64_t>(choices.size()) - 1))];
  }

  std::vector<std::uint8_t> image() {
    std::vector<std::uint8_t> bytes(image_bytes);
    for (std::size_t i = 0; i < data_bytes; ++i) bytes[i] = static_cast<std::uint8_t>(in(0, 255));
    for (std::int64_t i = 0; i < records; ++i) {
      const std::int64_t bias = in(-3000, 3000), add = in(-1'000'000, 1'000'000);
      const auto at = [i](std::int64_t base) { return static_cast<std::size_t>(base + 32 * i); };
      put(bytes, at(shift_records_at),
          encode(ChannelRecord{bias, in(-2'000'000'000, 2'000'000'000), in(0, 40), add}));
      put(bytes, at(tflite_records_at),
          encode(ChannelRecord{bias, in(1 << 30, 2147483647), in(-20, 3), 0}));
      AddRecord r;
      r.ma = in(-40000, 40000);
      r.mb = in(-40000, 40000);
      r.la = in(0, 6);
      r.lb = in(0, 6);
      r.shift = in(0, 24);
      r.rounding = in(0, 6);
      r.za = in(-128, 255);
      r.zb = in(-128, 255);
      r.zp = in(-128, 255);
      r.clamp_min = -128;
      r.clamp_max = in(0, 255);
      r.add = in(-5000, 5000);
      put(bytes, at(add_records_at), encode(r));
    }
    return bytes;
  }

  LoadOp load_into(Dest dest) {
    LoadOp op;
    op.dest = static_cast<std::int64_t>(dest);
    op.half = in(0, 1);
    op.planes = in(1, 6);
    op.lines = in(1, 4);
    op.line_bytes = in(1, 40);
    if (dest == Dest::weight) {
      op.line_bytes = in(100, 600);
      op.planes = 1;
    }
    op.mem_addr = in(0, 20) * beat_;
    op.line_stride = (op.line_bytes + beat_ - 1) / beat_ * beat_ + in(0, 1) * beat_;
    op.plane_stride = op.lines * op.line_stride;
    op.dst_line_stride = op.line_stride / beat_;
    op.dst_slot_stride = op.lines * op.dst_line_stride;
    op.dst_base = in(0, 3);
    if (dest == Dest::ifmap) op.log2_group = in(0, log2(config_.hw_array_rows));
    if (dest == Dest::ofmap) op.log2_group = in(0, log2(config_.hw_array_cols));
    return op;
  }

  /// Loads `count` records to record `first` of the half.
  LoadOp load_records(std::int64_t half, std::int64_t address, std::int64_t first,
                      std::int64_t count) {
    LoadOp op;
    op.dest = static_cast<std::int64_t>(Dest::param);
    op.half = half;
    op.mem_addr = address;
    op.planes = op.lines = 1;
    op.line_bytes = record_bytes * count;
    op.dst_base = first * record_bytes / beat_;
    return op;
  }

  FillOp fill() {
    FillOp op;
    op.dest = in(0, 1) != 0 ? static_cast<std::int64_t>(Dest::ofmap) : 0;
    op.half = in(0, 1);
    op.dst_base = in(0, 8);
    op.beats = in(1, 20);
    op.value = in(0, 4294967295);
    return op;
  }

  ComputeOp compute_any() {
    ComputeOp op;
    op.ifmap_half = in(0, 1);
    op.weight_half = in(0, 1);
    op.psum_half = in(0, 1);
    op.ifmap_base = in(0, 16);
    op.weight_base = in(0, 5);
    op.psum_base = in(0, 4);
    op.out_h = in(1, 4);
    op.out_w = in(1, 6);
    op.step_x = in(1, 3);
    op.step_y = in(1, 30);
    op.log2_group = in(0, log2(config_.hw_array_rows));
    const std::int64_t group = std::int64_t{1} << op.log2_group;
    op.rows_used = group * in(1, config_.hw_array_rows / group);
    op.slots = in(1, 3);
    op.slot_stride = in(0, 60);
    op.kernel_w = in(1, 3);
    op.step_kx = in(0, 3);
    op.step_ky = in(0, 20);
    op.start_slot = in(0, op.slots - 1);
    op.start_kx = in(0, op.kernel_w - 1);
    op.start_ky = in(0, 2);
    op.k_rows = in(1, 40);
    op.folds = (op.k_rows + op.rows_used - 1) / op.rows_used;
    op.cols = in(1, config_.hw_array_cols);
    op.accumulate = in(0, 1);
    op.k_complete = in(0, 3) != 0 ? 1 : 0;
    op.act_signed = in(0, 1);
    op.wgt_signed = in(0, 1);
    op.act_zp = op.act_signed != 0 ? in(-128, 127) : in(0, 255);
    op.wgt_zp = op.wgt_signed != 0 ? in(-128, 127) : in(0, 255);
    op.act_bits = op.wgt_bits = 8;
    return op;
  }

  PostOp post_any() {
    PostOp op;
    op.mode = in(0, 5);
    const bool psums = op.mode <= 1;
    op.psum_half = in(0, 1);
    op.src_half = in(0, 1);
    op.dst = in(0, 1);
    // Reads and writes of one half by one op would depend on the order inside the op.
    op.dst_half = op.dst == 0 && op.mode != 0 ? 1 - op.src_half : in(0, 1);
    op.psum_base = in(0, 4);
    op.src_base = 4 * in(0, 4);
    op.src_base_b = 4 * in(0, 8);
    op.src_slot_stride = 4 * in(0, 8);
    op.src_log2_bytes = in(0, 2);
    op.srcb_log2_bytes = in(0, 2);
    op.src_signed = in(0, 1);
    op.srcb_signed = in(0, 1);
    op.src_step_x = in(1, 2) << op.src_log2_bytes;
    op.src_step_y = 4 * in(1, 6);
    op.src_step_kx = in(0, 2) << op.src_log2_bytes;
    op.src_step_ky = 4 * in(0, 4);
    op.win_h = in(1, 3);
    op.win_w = in(1, 3);
    op.channels = in(1, psums ? config_.hw_array_cols : 12);
    op.out_h = in(1, 4);
    op.out_w = in(1, 6);
    op.dst_log2_bytes = op.dst == 0 ? in(0, 2) : 0;
    op.dst_base = 4 * in(0, 4);
    op.dst_step_y = ((op.out_w << op.dst_log2_bytes) + 3) / 4 * 4;
    op.dst_slot_stride = op.out_h * op.dst_step_y;
    op.dst_log2_group = op.dst == 0 ? 0 : in(0, log2(config_.hw_array_rows));
    op.dst_ch0 = op.dst == 0 ? 0 : in(0, 9);
    op.rounding = in(0, 6);
    op.clamp_min = in(-140, 0);
    op.clamp_max = in(0, 300);
    op.out_zp = in(-128, 255);
    op.convention = in(0, 4);
    return op;
  }

  StoreOp store_any() {
    StoreOp op;
    op.half = in(0, 1);
    op.planes = in(1, 20);
    op.lines = in(1, 3);
    op.line_bytes = in(1, 20);
    op.line_stride = (op.line_bytes + beat_ - 1) / beat_ * beat_;
    op.plane_stride = op.lines * op.line_stride;
    op.src_base = in(0, 2);
    op.src_line_stride = in(1, 3);
    op.src_slot_stride = in(0, 8);
    op.mem_addr = out_at + 512 * in(0, 40);
    return op;
  }

  static std::int64_t log2(std::int64_t power) {
    std::int64_t n = 0;
    while (std::int64_t{1} << n < power) ++n;
    return n;
  }

  /// A post op behind the loads of the records that its mode and convention allow.
  void append_post() {
    PostOp op = post_any();
    op.param_half = in(0, 1);
    op.param_base = in(0, 5);
    const bool channels = op.mode == 0 || op.mode == 1 || op.mode == 3;
    if (channels) {
      const bool tflite = op.convention >= static_cast<std::int64_t>(Convention::tflite_double);
      ops_.push_back(tile(load_records(
          op.param_half, (tflite ? tflite_records_at : shift_records_at) + record_bytes * in(0, 9),
          op.param_base, op.channels)));
    }
    if (op.mode == 1 || op.mode == 4) {
      ops_.push_back(tile(load_records(op.param_half, add_records_at + record_bytes * in(0, 60),
                                       op.param_base + (channels ? op.channels : 0), 1)));
    }
    ops_.push_back(tile(op));
  }

  void append_any() {
    switch (in(0, 8)) {
      case 0:
        return ops_.push_back(tile(load_into(Dest::ifmap)));
      case 1:
        return ops_.push_back(tile(load_into(Dest::weight)));
      case 2:
        return ops_.push_back(tile(load_into(Dest::ofmap)));
      case 3:
        return ops_.push_back(tile(fill()));
      case 4:
        return ops_.push_back(tile(store_any()));
      case 5:
      case 6:
        return ops_.push_back(tile(compute_any()));
      default:
        return append_post();
    }
  }

  std::uint64_t state_;
  ArchConfig config_;
  std::int64_t beat_ = 4;
  std::vector<TileOp> ops_;
};

std::string difference(const Program& program, const ArchConfig& config,
                       const CompareOptions& options) {
  const RunResult fast = run(program, config);
  const RunResult systemc = make_systemc_backend()->run(program, config, program.image, {});
  return compare(program, fast, "fast", systemc, "systemc", options).text;
}

}  // namespace

TEST_CASE("random serial programs agree in cycles, values and events") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Generator generator(seed);
    const Program program = generator.program(true);
    CAPTURE(seed);
    CHECK(difference(program, generator.config(), {}) == "");
  }
}

TEST_CASE("random concurrent programs agree in cycles") {
  // Their ops may overwrite each other's data, so values are left out.
  CompareOptions options;
  options.values = options.events = false;
  for (std::uint64_t seed = 1001; seed <= 1300; ++seed) {
    Generator generator(seed);
    const Program program = generator.program(false);
    CAPTURE(seed);
    CHECK(difference(program, generator.config(), options) == "");
  }
}
