// SPDX-License-Identifier: Apache-2.0
// What the lowering of one layer needs to know of the rest.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "arch/arch_config.hpp"
#include "lower/conv_plan.hpp"
#include "lower/geometry.hpp"
#include "lower/program_builder.hpp"
#include "network/network.hpp"

namespace tactus::lower {

/// A tensor that a post op leaves in the ifmap buffer for the next layer.
struct Resident {
  int half = 0;
  TileLayout layout;
  std::int64_t slots = 1, log2_group = 0;
};

/// A convolution-like layer with what is folded into it.
struct ConvUnit {
  int layer = 0;                ///< index of the convolution or linear layer
  int add = -1;                 ///< index of the residual add folded into it, or -1
  bool conv_is_second = false;  ///< the convolution is the add's second operand
  std::string input;            ///< tensor read (flatten seen through)
  std::string residual;         ///< tensor added, when add >= 0
  std::string output;           ///< id of the tensor that the unit produces
};

class Context {
 public:
  /// Without `contents` the memory image stays empty.
  Context(const Network& network, const ArchConfig& config, bool contents = true);

  const Network& network;
  const ArchConfig& config;
  ProgramBuilder builder;
  std::vector<TensorPlace> tensors;
  std::vector<LayerInfo> infos;
  std::map<std::string, Resident> resident;  ///< tensors kept on chip
  std::map<std::string, std::string> views;  ///< tensors that lie in a concat's, by their ids
  std::map<std::string, int> last_store;     ///< op that completed a tensor in memory
  std::map<std::string, ConvPlan> plans;     ///< by id of the convolution or linear layer
  /// Of all tensors, set before anything is placed.
  std::unordered_map<std::string, TensorLayout> layouts;

  [[nodiscard]] const Layer& layer(int index) const {
    return network.layers[static_cast<std::size_t>(index)];
  }
  /// Tensor id with flatten layers seen through.
  [[nodiscard]] std::string source_of(const std::string& id) const;
  [[nodiscard]] TensorPlace& place(const std::string& id);
  void forget_tensors();
  /// Layout of a tensor; the smallest one until something else was chosen.
  [[nodiscard]] TensorLayout layout_of(const std::string& id) const;
  /// Reserves memory for a tensor and says where it is.
  void place_in_memory(const std::string& id);
  [[nodiscard]] int store_of(const std::string& id) const;

  [[noreturn]] void refuse(const Layer& layer, const std::string& why) const;

  /// One load op of the planes with channels [c0, c0 + channels) of a tensor tile into ifmap,
  /// `group` planes to a slot.
  int load_ifmap(int layer, const std::string& tensor, int half, const TileLayout& layout,
                 std::int64_t c0, std::int64_t channels, std::int64_t group);
  /// The same into ofmap from byte `base` on: channel c0 + n goes to bank n mod array_cols. The
  /// layout is in elements of the ofmap buffer; c0 is the first channel of a plane. Of tensors with
  /// plain words every `plane_step`-th channel is loaded (0: c0 for all banks).
  int load_ofmap(int layer, const std::string& tensor, int half, const TileLayout& layout,
                 std::int64_t c0, std::int64_t channels, std::int64_t base,
                 std::int64_t plane_step = 1);
  /// Fills the whole region that a layout takes in `slots` slots with a 32-bit pattern.
  int fill_tile(int layer, Dest dest, int half, const TileLayout& layout, std::int64_t slots,
                std::int64_t base, std::uint32_t pattern);
  /// What a store takes from an ofmap half: channel c0 is in bank `bank0`, slot 0.
  struct StoreSource {
    int half = 0;
    std::int64_t bank0 = 0, base = 0, slot_bytes = 0, pitch = 0;
  };
  /// Stores channels [c0, c0 + channels) of an output tile. The tile's lines are every
  /// `line_step`-th line of the tensor, the tile's planes every `plane_step`-th plane; c0 is the
  /// first channel of a plane.
  int store_tile(int layer, const std::string& tensor, const StoreSource& source,
                 const PixelTile& tile, std::int64_t c0, std::int64_t channels,
                 std::int64_t line_step = 1, std::int64_t plane_step = 1);
  /// Puts parameter records into memory and returns their address.
  std::uint64_t put_records(const std::vector<EncodedRecord>& records);
  int load_records(int layer, std::uint64_t address, std::int64_t count, int half);

 private:
  std::unordered_map<std::string, std::size_t> numbers_;  ///< of tensors in `tensors`
};

/// Channel record of output channel `n`; checks what the hardware can do.
[[nodiscard]] ChannelRecord channel_record(const Context& context, const Layer& layer,
                                           std::int64_t n);
/// Add record of a residual add with operands in the order given.
[[nodiscard]] AddRecord add_record(const Context& context, const Layer& add, bool swapped);
/// Sets convention, rounding, clamps and zero point of a post op from a layer's requant.
void set_requant(const Context& context, const Layer& layer, PostOp& post);

void lower_conv(Context& context, const ConvUnit& unit);
/// A unit whose plan is input-stationary.
void lower_input_stationary(Context& context, const ConvUnit& unit);
void lower_pool(Context& context, int layer);
/// A residual add that stands alone, a product, a maximum or a minimum.
void lower_two_operands(Context& context, int layer);
void lower_clamp(Context& context, int layer);
void lower_requant(Context& context, int layer);
void lower_lut(Context& context, int layer);
void lower_softmax(Context& context, int layer);
void lower_norm(Context& context, int layer);
void lower_matmul(Context& context, int layer);
void lower_transpose(Context& context, int layer);
void lower_concat(Context& context, int layer);
void lower_slice(Context& context, int layer);
void lower_constant(Context& context, int layer);
void lower_upsample(Context& context, int layer);
void lower_pixel_shuffle(Context& context, int layer);
void lower_space_to_depth(Context& context, int layer);
void lower_reshape(Context& context, int layer);
/// Gives a tensor its place inside the result of a concat layer that reads it, where a beat allows.
bool place_in_concat(Context& context, const std::string& id);
/// A reshape reads the tensor: its lines lie one behind the other, not inside another tensor.
[[nodiscard]] bool read_by_reshape(const Network& network, const std::string& id);
/// Some layer moves the tensor in a way that needs an operand word for each element.
[[nodiscard]] bool wants_plain_words(const Network& network, const std::string& id);

}  // namespace tactus::lower
