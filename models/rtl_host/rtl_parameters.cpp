// SPDX-License-Identifier: Apache-2.0
#include "numerics/errors.hpp"
#include "numerics/formats.hpp"
#include "rtl_host/rtl_builder.hpp"
#include "rtl_host/rtl_limits.hpp"

namespace tactus {

std::uint32_t rtl_overflow_code(const ArchConfig& config) {
  for (const Overflow o : {Overflow::wrap, Overflow::saturate, Overflow::error}) {
    if (config.hw_acc_overflow == name_of(o)) return static_cast<std::uint32_t>(o);
  }
  throw BadInput("hw.acc_overflow=" + config.hw_acc_overflow + " is not known to the RTL");
}

std::vector<RtlParameter> rtl_parameter_table(const ArchConfig& config) {
  const auto flag = [](bool b) { return std::int64_t{b ? 1 : 0}; };
  using C = tactus_rtl_capabilities;
  return {
      {"ArrayRows", "hw.array_rows", config.hw_array_rows, &C::array_rows, false},
      {"ArrayCols", "hw.array_cols", config.hw_array_cols, &C::array_cols, false},
      {"OperandBits", "hw.operand_bits", config.hw_operand_bits, &C::operand_bits, false},
      {"MultiWidth", "hw.precision", flag(config.multi_width()), &C::multi_width, false},
      {"EdgeWords", "hw.edge_words", config.hw_edge_words, &C::edge_words, false},
      {"OutputStationary", "hw.dataflows", flag(config.output_stationary()), &C::output_stationary,
       false},
      {"AccBits", "hw.acc_bits", config.hw_acc_bits, &C::acc_bits, false},
      {"AccOverflow", "hw.acc_overflow", rtl_overflow_code(config), &C::acc_overflow, false},
      {"FoldOverlap", "hw.fold_overlap", flag(config.hw_fold_overlap), &C::fold_overlap, false},
      {"PostLanes", "hw.post_lanes", config.hw_post_lanes, &C::post_lanes, false},
      {"QueueDepth", "hw.queue_depth", config.hw_queue_depth, &C::queue_depth, false},
      {"SegmentOps", "hw.segment_ops", config.hw_segment_ops, &C::segment_ops, false},
      {"ZeroGating", "hw.zero_gating", flag(config.hw_zero_gating), &C::zero_gating, false},
      {"DataBits", "mem.data_bits", config.mem_data_bits, &C::data_bits, false},
      {"BurstBeats", "mem.burst_beats", config.mem_burst_beats, &C::burst_beats, false},
      {"IfmapBankBytes", "buf.ifmap_kib", config.ifmap_bank_bytes(), &C::ifmap_bank_bytes, true},
      {"WeightRows", "buf.weight_kib", config.weight_rows(), &C::weight_rows, true},
      {"IndexRows", "buf.index_kib", config.index_rows(), &C::index_rows, true},
      {"ParamRecords", "buf.param_kib", config.param_records(), &C::param_records, true},
      {"PsumEntries", "buf.psum_kib", config.psum_entries(), &C::psum_entries, true},
      {"OfmapBankBytes", "buf.ofmap_kib", config.ofmap_bank_bytes(), &C::ofmap_bank_bytes, true},
  };
}

std::vector<std::string> rtl_parameters(const ArchConfig& config) {
  std::vector<std::string> words;
  for (const auto& p : rtl_parameter_table(config)) {
    words.push_back(p.name + ("=" + std::to_string(p.value)));
  }
  return words;
}

std::string rtl_library_name(const ArchConfig& config, const RtlBuildKind& kind) {
  std::string name = "libtactus_rtl_";
  if (kind.faults) name += "faults_";
  if (kind.waves) name += std::string(name_of(*kind.waves)) + "_";
  if (kind.coverage) name += "cov_";
  return name + elab_hash(config) + ".so";
}

std::string rtl_mismatch(const tactus_rtl_capabilities& built, const ArchConfig& config) {
  for (const auto& p : rtl_parameter_table(config)) {
    const auto value = static_cast<std::int64_t>(built.*p.capability);
    if (p.is_limit ? value >= p.value : value == p.value) continue;
    return std::string(p.name) + " is " + std::to_string(value) + " in it, but " + p.key +
           " needs " + (p.is_limit ? "at least " : "") + std::to_string(p.value);
  }
  return {};
}

}  // namespace tactus
