// SPDX-License-Identifier: Apache-2.0
// Ranges of the fields of each op against the configuration and the image.
#include <algorithm>

#include "numerics/errors.hpp"
#include "numerics/formats.hpp"
#include "program/bit_pack.hpp"
#include "program/op_fields.hpp"
#include "program/operand_layout.hpp"
#include "program/validator_parts.hpp"

namespace tactus {
namespace {

// NOLINTNEXTLINE(clang-analyzer-core.DivideZero): callers have checked that b is 1 or more
std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

class FieldCheck {
 public:
  explicit FieldCheck(const ValidatorInput& in) : in_(in), config_(in.config) {}

  void run() {
    for (index_ = 0; index_ < in_.program.ops.size(); ++index_) {
      const TileOp& op = in_.program.ops[index_];
      if (!in_.program.layers.empty()) {
        require(op.layer < in_.program.layers.size(), "its layer does not exist");
      }
      std::visit(
          [&](const auto& body) {
            for_each_field(body, [&](const FieldInfo& field, std::int64_t value) {
              require(fits(value, field.bits, field.is_signed),
                      std::string(field.name) + " does not fit its " + std::to_string(field.bits) +
                          " bits");
            });
            check(body);
          },
          op.body);
    }
  }

 private:
  void require(bool ok, const std::string& why) const {
    if (!ok) refuse_op(in_.program, index_, why);
  }
  void at_least_one(std::int64_t value, const char* name) const {
    require(value >= 1, std::string(name) + " must be 1 or more");
  }
  void inside(std::int64_t end, std::int64_t size, const std::string& what) const {
    require(end <= size, "it reaches " + what + " " + std::to_string(end - 1) + ", but there are " +
                             std::to_string(size));
  }

  template <class Op>
  void check_descriptor(const Op& op) const {
    at_least_one(op.planes, "planes");
    at_least_one(op.lines, "lines");
    at_least_one(op.line_bytes, "line_bytes");
    const std::int64_t beat = config_.beat_bytes();
    const auto address = static_cast<std::uint64_t>(op.mem_addr);
    require(address % static_cast<std::uint64_t>(beat) == 0, "mem_addr is not beat aligned");
    require(op.plane_stride % beat == 0, "plane_stride is not beat aligned");
    require(op.line_stride % beat == 0, "line_stride is not beat aligned");
    const std::uint64_t size = in_.program.image.size();
    const std::int64_t extent = (op.planes - 1) * op.plane_stride +
                                (op.lines - 1) * op.line_stride +
                                ceil_div(op.line_bytes, beat) * beat;
    require(address <= size && static_cast<std::uint64_t>(extent) <= size - address,
            "its off-chip range ends behind the image of " + std::to_string(size) + " bytes");
  }

  void check(const LoadOp& op) const {
    check_descriptor(op);
    const std::int64_t beat = config_.beat_bytes();
    const std::int64_t group = std::int64_t{1} << op.log2_group;
    std::int64_t beats = 0;
    std::int64_t banks = 1;
    switch (static_cast<Dest>(op.dest)) {
      case Dest::ifmap:
        beats = config_.ifmap_bank_bytes() / beat;
        banks = config_.hw_array_rows;
        break;
      case Dest::ofmap:
        beats = config_.ofmap_bank_bytes() / beat;
        banks = config_.hw_array_cols;
        break;
      case Dest::weight:
        beats = config_.weight_rows() * config_.hw_array_cols * config_.word_bytes() / beat;
        break;
      case Dest::index:
        require(config_.hw_nm_patterns != "dense",
                "an array without N:M weights has no index buffer");
        beats = config_.index_rows() * config_.hw_array_cols * config_.word_bytes() / beat;
        break;
      case Dest::param:
        beats = config_.param_records() * record_bytes / beat;
        break;
      case Dest::inst:
        beats = config_.hw_segment_ops * op_bytes / beat;
        break;
      default:
        require(false, "there is no buffer with the number of dest");
    }
    require(group <= banks, "log2_group asks for more groups than there are banks");
    const bool packed = op.log2_pack != 0 || op.log2_bundle != 0;
    require(!packed || op.dest == static_cast<std::int64_t>(Dest::ofmap),
            "only loads into the ofmap buffer unpack words");
    std::int64_t line = ceil_div(op.line_bytes, beat);
    if (packed) {
      check_packing(op.log2_pack, op.log2_bundle, op.line_bytes);
      require((group << (op.log2_pack + op.log2_bundle)) <= banks,
              "2^log2_group runs of Q*P banks are more than there are banks");
      line = ceil_div(line, std::int64_t{1} << op.log2_bundle);
    }
    const std::int64_t slots = ceil_div(op.planes, group);
    inside(
        op.dst_base + (slots - 1) * op.dst_slot_stride + (op.lines - 1) * op.dst_line_stride + line,
        beats, "beat");
  }

  /// Words with several elements and pixels with several words, on their way from or to ofmap.
  void check_packing(std::int64_t log2_pack, std::int64_t log2_bundle,
                     std::int64_t line_bytes) const {
    require(config_.multi_width() || log2_pack == 0, "hw.precision=fixed packs no words");
    check_bundle(log2_bundle);
    require((config_.hw_operand_bits >> log2_pack) >= 1, "log2_pack leaves no bit for an element");
    const std::int64_t channels = std::int64_t{1} << (log2_pack + log2_bundle);
    require(channels <= config_.hw_post_lanes,
            "a pixel of a plane may have at most hw.post_lanes channels");
    const std::int64_t pixel = config_.word_bytes() << log2_bundle;
    require(pixel <= config_.beat_bytes(), "a pixel of a plane is longer than a beat");
    require(line_bytes % pixel == 0, "line_bytes is not a whole number of pixels");
  }

  /// Several words to a pixel serve N:M weights; an array without packs and N:M has no paths for
  /// it.
  void check_bundle(std::int64_t log2_bundle) const {
    require(log2_bundle == 0 || config_.multi_width() || config_.hw_nm_patterns != "dense",
            "hw.precision=fixed with hw.nm_patterns=dense has one word per pixel");
  }

  void check(const FillOp& op) const {
    const bool to_ifmap = op.dest == static_cast<std::int64_t>(Dest::ifmap);
    require(to_ifmap || op.dest == static_cast<std::int64_t>(Dest::ofmap),
            "only ifmap and ofmap can be filled");
    at_least_one(op.beats, "beats");
    const std::int64_t bytes = to_ifmap ? config_.ifmap_bank_bytes() : config_.ofmap_bank_bytes();
    inside(op.dst_base + op.beats, bytes / config_.beat_bytes(), "beat");
  }

  void check_operand(const std::string& name, std::int64_t bits, std::int64_t carrier,
                     bool is_signed, bool bipolar, std::int64_t zero_point) const {
    require(bits >= 1 && bits <= carrier,
            name + "_bits must be 1 to the " + std::to_string(carrier) + " bits that carry it");
    if (bipolar) {
      require(carrier == 1 && zero_point == 0, name + "_bipolar needs 1 bit and zero point 0");
      return;
    }
    const Format container{static_cast<int>(carrier), is_signed, 0};
    require(container.holds(zero_point), name + "_zp is outside the operand's range");
  }

  void check_operands(const ComputeOp& op, const OperandLayout& layout) const {
    require(config_.multi_width() || (op.act_pack == 0 && op.wgt_pack == 0),
            "hw.precision=fixed has one operand per word");
    require(layout.act_bits >= 1 && layout.wgt_bits >= 1, "its packing leaves no bit");
    check_operand("act", op.act_bits, layout.act_bits, op.act_signed != 0, op.act_bipolar != 0,
                  op.act_zp);
    check_operand("wgt", op.wgt_bits, layout.wgt_bits, op.wgt_signed != 0, op.wgt_bipolar != 0,
                  op.wgt_zp);
    check_bundle(op.log2_bundle);
    require(layout.windows >= 1, "its bundle is smaller than a window of L * M elements");
    require(op.start_s < layout.windows, "start_s must be less than the windows of a bundle");
    require(op.start_n <= op.nm_last, "start_n must be less than N");
    require(layout.bundle_words * config_.word_bytes() <= config_.beat_bytes(),
            "its bundle is longer than a beat");
    const std::int64_t bundle = layout.bundle_words * config_.word_bytes();
    for (const std::int64_t value :
         {op.ifmap_base, op.step_x, op.step_y, op.slot_stride, op.step_kx, op.step_ky}) {
      require(value % bundle == 0, "its ifmap addresses are not multiples of a bundle");
    }
    if (layout.sparse()) {
      require(layout.candidates <= config_.hw_edge_words, "M must be at most hw.edge_words");
      require(layout.kept < layout.candidates, "N must be less than M");
      require(layout.units_per_index_row >= 1, "the indices of its lanes do not fit an index word");
      const std::int64_t units = layout.units_per_index_row;
      inside(ceil_div(op.index_base + op.k_rows, units), config_.index_rows(), "index row");
    } else {
      require(op.nm_last == 0 && op.index_base == 0, "a dense op has neither N nor indices");
    }
  }

  void check(const ComputeOp& op) {
    at_least_one(op.out_h, "out_h");
    at_least_one(op.out_w, "out_w");
    at_least_one(op.slots, "slots");
    at_least_one(op.kernel_w, "kernel_w");
    at_least_one(op.k_rows, "k_rows");
    require(op.rows_used >= 1 && op.rows_used <= config_.hw_array_rows,
            "rows_used must be 1 to hw.array_rows");
    require(op.cols >= 1 && op.cols <= config_.hw_array_cols, "cols must be 1 to hw.array_cols");
    const std::int64_t group = std::int64_t{1} << op.log2_group;
    require(op.rows_used % group == 0, "2^log2_group must divide rows_used");
    require(op.dataflow <= 1, "dataflow must be 0 or 1");
    const bool os = op.dataflow == 1;
    if (os) {
      require(config_.output_stationary(), "hw.dataflows=ws has no output-stationary mode");
      require(op.log2_group == 0 && op.rows_used == config_.hw_array_rows,
              "an output-stationary op uses all rows and has one plane per slot");
      require(op.folds == ceil_div(op.out_h * op.out_w, op.rows_used),
              "folds must be ceil(M / rows_used)");
    } else {
      require(op.folds == ceil_div(op.k_rows, op.rows_used),
              "folds must be ceil(k_rows / rows_used)");
    }
    require(op.start_slot < op.slots, "start_slot must be less than slots");
    require(op.start_kx < op.kernel_w, "start_kx must be less than kernel_w");
    const OperandLayout layout = operand_layout(op, config_.hw_operand_bits);
    check_operands(op, layout);
    inside(ceil_div(op.weight_base + op.k_rows, layout.units_per_row), config_.weight_rows(),
           "weight row");
    inside(op.psum_base + op.out_h * op.out_w, config_.psum_entries(), "psum entry");
    check_accumulation(op);
    const std::int64_t inner = layout.kept * layout.windows;
    const std::int64_t before = op.start_s * layout.kept + op.start_n;
    inside(op.ifmap_base + largest_offset(op, ceil_div(before * group + op.k_rows, group * inner)) +
               (op.out_h - 1) * op.step_y + (op.out_w - 1) * op.step_x +
               layout.bundle_words * config_.word_bytes(),
           config_.ifmap_bank_bytes(), "ifmap byte");
  }

  /// The psum memories forward nothing: an entry that an op reads in the cycle in which the op
  /// before it writes it gives the old value. With equal bases the write is always earlier.
  void check_accumulation(const ComputeOp& op) {
    const ComputeOp* before = previous_;
    previous_ = &op;
    if (before == nullptr || op.accumulate == 0) return;
    if (before->psum_half != op.psum_half || before->psum_base == op.psum_base) return;
    require(op.psum_base >= before->psum_base + before->out_h * before->out_w ||
                before->psum_base >= op.psum_base + op.out_h * op.out_w,
            "it accumulates on psums of the compute op before it, but with another psum_base");
  }

  /// Largest row offset over the (slot, kx, ky) positions that the op visits.
  static std::int64_t largest_offset(const ComputeOp& op, std::int64_t positions) {
    std::int64_t slot = op.start_slot;
    std::int64_t kx = op.start_kx;
    std::int64_t ky = op.start_ky;
    std::int64_t largest = 0;
    for (std::int64_t i = 0; i < positions; ++i) {
      largest = std::max(largest, slot * op.slot_stride + ky * op.step_ky + kx * op.step_kx);
      if (++slot < op.slots) continue;
      slot = 0;
      if (++kx < op.kernel_w) continue;
      kx = 0;
      ++ky;
    }
    return largest;
  }

  void check(const PostOp& op) const {
    require(op.mode <= static_cast<std::int64_t>(PostMode::row), "mode must be 0 to 10");
    const auto mode = static_cast<PostMode>(op.mode);
    const PostTraits traits = post_traits(mode);
    at_least_one(op.channels, "channels");
    at_least_one(op.out_h, "out_h");
    at_least_one(op.out_w, "out_w");
    if (traits.window) {
      at_least_one(op.win_h, "win_h");
      at_least_one(op.win_w, "win_w");
    }
    if (traits.psum) {
      require(op.channels <= config_.hw_array_cols, "channels must be at most hw.array_cols");
      inside(op.psum_base + op.out_h * op.out_w, config_.psum_entries(), "psum entry");
    }
    if (op.transposed != 0) {
      require(mode == PostMode::requant && op.dst == 0,
              "only mode 0 with destination ofmap can be transposed");
      inside(op.param_base + op.out_h * op.out_w, config_.param_records(), "parameter record");
    }
    const std::int64_t records = (traits.channel_records && op.transposed == 0 ? op.channels : 0) +
                                 (traits.add_record ? 1 : 0);
    if (records > 0) {
      inside(op.param_base + records, config_.param_records(), "parameter record");
    }
    require(op.convention <= static_cast<std::int64_t>(Convention::tflite_s64),
            "convention must be 0 to 5");
    require(op.rounding <= static_cast<std::int64_t>(Rounding::trunc), "rounding must be 0 to 6");
    require(op.clamp_min <= op.clamp_max, "clamp_min must not be above clamp_max");
    if (mode == PostMode::lut) check_table(op);
    if (mode == PostMode::row) check_row(op);
    if (mode == PostMode::multiply) {
      require(op.src_log2_bytes <= 1 && op.srcb_log2_bytes <= 1, "factors have at most 2 bytes");
    }
    if (traits.source) check_source(op, traits.window, traits.two);
    check_destination(op);
    check_in_place(op, mode);
  }

  /// The table has an entry for each step of 2^lut_shift from clamp_min to clamp_max.
  void check_table(const PostOp& op) const {
    require(op.lut_shift <= 8, "lut_shift must be 0 to 8");
    const std::int64_t last = (op.clamp_max - op.clamp_min) >> op.lut_shift;
    inside(op.param_base + last / (record_bytes / 4) + 1, config_.param_records(),
           "parameter record");
  }

  /// What the row record says of the table is not known here: the smallest one counts.
  void check_row(const PostOp& op) const {
    require(op.row_kind < row_kind_count, "row_kind must be 0 to 4");
    require(op.dst == 0, "rows are written to the ofmap buffer");
    require(op.src_log2_bytes <= 1, "elements of a row have at most 2 bytes");
    const auto kind = static_cast<RowKind>(op.row_kind);
    std::int64_t records = 2;
    std::int64_t channels = 65535;
    switch (kind) {
      case RowKind::softmax_tflite8:
        channels = 4095;
        break;
      case RowKind::softmax_tflite16:
        records = 1 + 2 * row_table_records;
        break;
      case RowKind::softmax_lut:
        break;
      case RowKind::layernorm_isqrt:
      case RowKind::rmsnorm_isqrt:
        records = op.row_same != 0 ? 2 : 1 + op.channels;
        channels = 16384;
        break;
    }
    require(op.channels <= channels, "channels is too large for its row_kind");
    inside(op.param_base + records, config_.param_records(), "parameter record");
  }

  void aligned(std::int64_t bytes, std::initializer_list<std::int64_t> values) const {
    for (const auto value : values) {
      require(value % bytes == 0,
              "elements of " + std::to_string(bytes) + " bytes are not aligned");
    }
  }

  void check_source(const PostOp& op, bool window, bool two) const {
    require(op.src_log2_bytes <= 2, "src_log2_bytes must be 0 to 2");
    const std::int64_t bytes = std::int64_t{1} << op.src_log2_bytes;
    aligned(bytes, {op.src_base, op.src_slot_stride, op.src_step_x, op.src_step_y});
    const std::int64_t slots = ceil_div(op.channels, config_.hw_array_cols);
    const std::int64_t rows = (slots - 1) * op.src_slot_stride + (op.out_h - 1) * op.src_step_y;
    std::int64_t last = rows + (op.out_w - 1) * op.src_step_x;
    if (window) {
      aligned(bytes, {op.src_step_kx, op.src_step_ky});
      last += (op.win_h - 1) * op.src_step_ky + (op.win_w - 1) * op.src_step_kx;
    }
    inside(op.src_base + last + bytes, config_.ofmap_bank_bytes(), "ofmap byte");
    if (!two) return;
    require(op.srcb_log2_bytes <= 2, "srcb_log2_bytes must be 0 to 2");
    const std::int64_t bytes_b = std::int64_t{1} << op.srcb_log2_bytes;
    aligned(bytes_b, {op.src_base_b, op.src_slot_stride, op.src_step_y});
    inside(op.src_base_b + rows + op.out_w * bytes_b, config_.ofmap_bank_bytes(), "ofmap byte");
  }

  void check_destination(const PostOp& op) const {
    const std::int64_t pixels = (op.out_h - 1) * op.dst_step_y;
    if (op.dst == 1) {
      require((std::int64_t{1} << op.dst_log2_bytes) == config_.word_bytes(),
              "elements in the ifmap buffer are operand words");
      const std::int64_t bundle = config_.word_bytes() << op.dst_log2_bundle;
      const std::int64_t plane = std::int64_t{1} << (op.dst_log2_pack + op.dst_log2_bundle);
      if (plane > 1) check_packing(op.dst_log2_pack, op.dst_log2_bundle, bundle);
      require(op.dst_ch0 % plane == 0, "dst_ch0 is not the first channel of a plane");
      aligned(bundle, {op.dst_base, op.dst_slot_stride, op.dst_step_y});
      const std::int64_t group = std::int64_t{1} << op.dst_log2_group;
      require(group <= config_.hw_array_rows,
              "dst_log2_group asks for more groups than there are banks");
      require(
          group >= ceil_div(std::min<std::int64_t>(op.channels, config_.hw_post_lanes), plane),
          "two lanes of the post-processor would write one ifmap bank: 2^dst_log2_group must be "
          "at least the planes of a pass");
      const std::int64_t slot = (op.dst_ch0 + op.channels - 1) / plane / group;
      inside(op.dst_base + slot * op.dst_slot_stride + pixels + op.out_w * bundle,
             config_.ifmap_bank_bytes(), "ifmap byte");
      return;
    }
    require(op.dst_log2_bytes <= 2, "dst_log2_bytes must be 0 to 2");
    const std::int64_t bytes = std::int64_t{1} << op.dst_log2_bytes;
    aligned(bytes, {op.dst_base, op.dst_slot_stride, op.dst_step_y});
    inside(op.dst_base + destination_extent(op), config_.ofmap_bank_bytes(), "ofmap byte");
  }

  [[nodiscard]] std::int64_t destination_extent(const PostOp& op) const {
    const std::int64_t slots = ceil_div(op.channels, config_.hw_array_cols);
    return (slots - 1) * op.dst_slot_stride + (op.out_h - 1) * op.dst_step_y +
           (op.out_w << op.dst_log2_bytes);
  }

  /// A source that the destination overwrites must be read element by element at the same address,
  /// or the result would depend on the depth of the pipeline.
  void check_in_place(const PostOp& op, PostMode mode) const {
    const PostTraits traits = post_traits(mode);
    if (!traits.source || op.dst != 0 || op.dst_half != op.src_half) return;
    // A row is read several times.
    const bool window = traits.window || mode == PostMode::row;
    const std::int64_t end = op.dst_base + destination_extent(op);
    const std::int64_t slots = ceil_div(op.channels, config_.hw_array_cols);
    const auto safe = [&](std::int64_t base, std::int64_t log2_bytes, std::int64_t step_x) {
      const std::int64_t taps =
          traits.window ? (op.win_h - 1) * op.src_step_ky + (op.win_w - 1) * op.src_step_kx : 0;
      const std::int64_t source_end = base + (slots - 1) * op.src_slot_stride +
                                      (op.out_h - 1) * op.src_step_y + (op.out_w - 1) * step_x +
                                      taps + (std::int64_t{1} << log2_bytes);
      if (source_end <= op.dst_base || end <= base) return true;
      const bool same_slots = slots == 1 || op.src_slot_stride == op.dst_slot_stride;
      const bool same_lines = op.out_h == 1 || op.src_step_y == op.dst_step_y;
      return !window && base == op.dst_base && log2_bytes == op.dst_log2_bytes &&
             step_x == (std::int64_t{1} << log2_bytes) && same_slots && same_lines;
    };
    bool ok = safe(op.src_base, op.src_log2_bytes, op.src_step_x);
    if (traits.two) {
      ok = ok && safe(op.src_base_b, op.srcb_log2_bytes, std::int64_t{1} << op.srcb_log2_bytes);
    }
    require(ok, "its destination overwrites source elements that it still has to read");
  }

  void check_transposed(const StoreOp& op) const {
    const std::int64_t pack = std::int64_t{1} << op.log2_pack;
    const std::int64_t bytes = std::int64_t{1} << op.log2_bytes;
    require(op.log2_bytes <= 2 && op.lines == 1 && op.log2_bundle == 0,
            "a transposed store has one line, one word per pixel and elements of 1, 2 or 4 bytes");
    require(pack == 1 || (config_.multi_width() && bytes == config_.word_bytes()),
            "only operand words are packed");
    require(pack * bytes <= config_.beat_bytes(), "the elements of a word are longer than a beat");
    require(op.line_bytes % bytes == 0 && op.bank0 + op.line_bytes / bytes <= config_.hw_array_cols,
            "its pixels are not in as many banks");
    require(op.channels > (op.planes - 1) * pack && op.channels <= op.planes * pack,
            "channels does not fit its planes");
    inside(op.src_base * config_.beat_bytes() + op.planes * pack * bytes,
           config_.ofmap_bank_bytes(), "ofmap byte");
  }

  void check(const StoreOp& op) const {
    check_descriptor(op);
    const std::int64_t beat = config_.beat_bytes();
    require(op.bank0 < config_.hw_array_cols, "bank0 must be less than hw.array_cols");
    if (op.transposed != 0) {
      check_transposed(op);
      return;
    }
    const std::int64_t plane = std::int64_t{1} << (op.log2_pack + op.log2_bundle);
    std::int64_t line = ceil_div(op.line_bytes, beat);
    if (plane > 1) {
      check_packing(op.log2_pack, op.log2_bundle, op.line_bytes);
      line = ceil_div(line, std::int64_t{1} << op.log2_bundle);
      require(op.bank0 % plane == 0, "bank0 is not the first bank of a plane");
      require(op.channels > (op.planes - 1) * plane && op.channels <= op.planes * plane,
              "channels does not fit its planes");
    }
    const std::int64_t slots = ceil_div(op.bank0 + op.planes * plane, config_.hw_array_cols);
    inside(
        op.src_base + (slots - 1) * op.src_slot_stride + (op.lines - 1) * op.src_line_stride + line,
        config_.ofmap_bank_bytes() / beat, "beat");
  }

  const ValidatorInput& in_;
  const ArchConfig& config_;
  std::size_t index_ = 0;
  const ComputeOp* previous_ = nullptr;  ///< compute op before the one that is checked
};

}  // namespace

void check_fields(const ValidatorInput& in) { FieldCheck(in).run(); }

}  // namespace tactus
