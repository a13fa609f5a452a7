// SPDX-License-Identifier: Apache-2.0
// A model file's inputs and layers become a Network.
#include <algorithm>
#include <limits>

#include "hdf5/schema.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace model_schema {
namespace {

constexpr int kMaxExtent = 1 << 20;
constexpr int kMaxOperandBits = 16;
constexpr int kMaxOutputBits = 32;
constexpr std::int64_t kBiasLimit = std::int64_t{1} << 47;

/// The enumerator spelled like the attribute.
template <typename Enum>
Enum spelled(const h5::Object& object, const char* attribute, unsigned count) {
  const std::string text = object.string_attribute(attribute);
  std::string known;
  for (unsigned i = 0; i < count; ++i) {
    const auto value = static_cast<Enum>(i);
    if (text == name_of(value)) return value;
    known += (i > 0 ? ", " : "") + std::string(name_of(value));
  }
  object.fail(std::string(": attribute '") + attribute + "' = '" + text + "' is none of " + known);
}

std::pair<std::int64_t, std::int64_t> signed_range(int bits) {
  const auto high = static_cast<std::int64_t>((std::uint64_t{1} << (bits - 1)) - 1);
  return {-high - 1, high};
}

NetworkInput read_input(const h5::Group& group, const std::string& name) {
  only_attributes(group, {"shape", "bits", "signed", "zero_point", "scale"});
  only_children(group, {});
  NetworkInput input;
  input.name = name;
  const std::size_t rank = group.integer_attribute("shape").values.size();
  if (rank != 2 && rank != 3) {
    group.fail(": attribute 'shape' has " + std::to_string(rank) + " extents instead of 2 or 3");
  }
  const std::vector<int> shape = integers(group, "shape", rank, 1, kMaxExtent);
  input.is_sequence = rank == 2;
  input.shape = rank == 2 ? Shape{shape[1], 1, shape[0]} : Shape{shape[0], shape[1], shape[2]};
  input.format = format(group, "", kMaxOperandBits);
  if (group.has_attribute("scale")) input.scale = group.number_text_attribute("scale");
  return input;
}

class LayerReader {
 public:
  LayerReader(const h5::Group& group, const std::string& id) : group_(group) { layer_.id = id; }

  Layer read() {
    layer_.op = spelled<LayerOp>(group_, "op", layer_op_count);
    attributes_ = {"op", "source_name", "out_bits", "out_signed", "out_zero_point"};
    if (layer_.op != LayerOp::constant) attributes_.emplace_back("inputs");
    if (layer_.op != LayerOp::constant) layer_.inputs = group_.strings_attribute("inputs");
    if (group_.has_attribute("source_name")) {
      layer_.source_name = group_.string_attribute("source_name");
    }
    layer_.out_format = format(group_, "out_", kMaxOutputBits);
    layer_.requant.clamp_min = layer_.out_format.min();
    layer_.requant.clamp_max = layer_.out_format.max();
    geometry();
    switch (layer_.op) {
      case LayerOp::conv2d:
      case LayerOp::conv_transpose2d:
      case LayerOp::linear:
        weights();
        requant();
        break;
      case LayerOp::add:
        for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) operand(i);
        requant();
        break;
      case LayerOp::avgpool:
      case LayerOp::global_avgpool:
      case LayerOp::requant:
      case LayerOp::mul:
        requant();
        break;
      case LayerOp::clamp:
      case LayerOp::maximum:
      case LayerOp::minimum:
        attributes_.insert(attributes_.end(), {"clamp_min", "clamp_max"});
        clamp(group_);
        break;
      case LayerOp::lut:
        if (group_.has_attribute("interpolate_bits")) {
          layer_.interpolate_bits = static_cast<int>(optional_integer("interpolate_bits", 0, 8));
        }
        layer_.table = table("table");
        break;
      case LayerOp::softmax:
        softmax();
        break;
      case LayerOp::layernorm:
      case LayerOp::rmsnorm:
        if (group_.has_attribute("eps")) {
          layer_.eps = optional_integer("eps", 0, (std::int64_t{1} << 60) - 1);
        }
        requant();
        break;
      case LayerOp::matmul:
        heads();
        requant();
        break;
      case LayerOp::transpose:
        heads();
        break;
      case LayerOp::concat:
        layer_.axis = choice("axis", {"c", "h", "w"});
        break;
      case LayerOp::slice:
        triple("begin", 0, layer_.begin);
        triple("size", 1, layer_.size);
        break;
      case LayerOp::constant:
        constant();
        break;
      case LayerOp::upsample:
        pair("factor", 1, layer_.stride_h, layer_.stride_w);
        layer_.nearest = optional_integer("nearest", 0, 1) == 1;
        break;
      case LayerOp::pixel_shuffle:
      case LayerOp::space_to_depth:
        pair("factor", 1, layer_.stride_h, layer_.stride_w);
        layer_.blocks = choice("mode", {"crd", "dcr"});
        break;
      case LayerOp::reshape:
        triple("shape", 1, layer_.size);
        break;
      case LayerOp::maxpool:
      case LayerOp::flatten:
        break;
    }
    only_attributes(group_, attributes_);
    only_children(group_, children_);
    return std::move(layer_);
  }

 private:
  std::int64_t optional_integer(const char* name, std::int64_t low, std::int64_t high) {
    attributes_.emplace_back(name);
    return integer(group_, name, low, high);
  }

  std::vector<std::int64_t> table(const char* name) {
    children_.emplace_back(name);
    return vector(group_, name, INT32_MIN, INT32_MAX);
  }

  void softmax() {
    Softmax& s = layer_.softmax;
    attributes_.emplace_back("kind");
    s.kind = spelled<RowKind>(group_, "kind", row_kind_count);
    heads();
    if (s.kind == RowKind::softmax_lut) {
      s.one = optional_integer("one", 1, 65535);
      layer_.table = table("table");
      return;
    }
    s.mult = optional_integer("mult", 0, INT32_MAX);
    s.shift = static_cast<int>(optional_integer("shift", -31, 31));
    if (s.kind == RowKind::softmax_tflite8) {
      s.diff_min = optional_integer("diff_min", INT32_MIN, 0);
      return;
    }
    layer_.table = table("table");
    layer_.inverse_table = table("inverse_table");
  }

  void heads() {
    if (!group_.has_attribute("heads")) return;
    layer_.heads = static_cast<int>(optional_integer("heads", 1, kMaxExtent));
  }

  /// The number of the name that the attribute has.
  int choice(const char* attribute, std::initializer_list<const char*> names) {
    attributes_.emplace_back(attribute);
    const std::string text = group_.string_attribute(attribute);
    std::string known;
    int number = 0;
    for (const char* name : names) {
      if (text == name) return number;
      known += (number++ > 0 ? ", " : "") + std::string(name);
    }
    group_.fail(std::string(": attribute '") + attribute + "' = '" + text + "' is none of " +
                known);
  }

  void triple(const char* name, int low, std::array<int, 3>& values) {
    attributes_.emplace_back(name);
    const std::vector<int> read = integers(group_, name, 3, low, kMaxExtent);
    std::copy(read.begin(), read.end(), values.begin());
  }

  void constant() {
    children_.emplace_back("value");
    const h5::Dataset data = group_.dataset("value");
    only_attributes(data, {});
    const h5::Dims dims = data.dims();
    if (dims.size() != 3) data.fail(": the shape " + h5::text_of(dims) + " has not rank 3");
    for (const auto extent : dims) {
      if (extent < 1 || extent > kMaxExtent) {
        data.fail(": the shape " + h5::text_of(dims) + " has an extent outside 1.." +
                  std::to_string(kMaxExtent));
      }
    }
    layer_.out_shape =
        Shape{static_cast<int>(dims[0]), static_cast<int>(dims[1]), static_cast<int>(dims[2])};
    const h5::Integers content = data.read_integers();
    check_values(data, content, layer_.out_format.min(), layer_.out_format.max());
    for (const std::int64_t v : content.values) {
      layer_.value.push_back(static_cast<std::int32_t>(v));
    }
  }

  void pair(const char* name, int low, int& first, int& second) {
    attributes_.emplace_back(name);
    const std::vector<int> values = integers(group_, name, 2, low, kMaxExtent);
    first = values[0];
    second = values[1];
  }

  void geometry() {
    const bool conv = has_kernel(layer_.op);
    const bool pool = layer_.op == LayerOp::maxpool || layer_.op == LayerOp::avgpool;
    if (!conv && !pool) return;
    pair("stride", 1, layer_.stride_h, layer_.stride_w);
    attributes_.emplace_back("padding");
    const std::vector<int> padding = integers(group_, "padding", 4, 0, kMaxExtent);
    std::copy(padding.begin(), padding.end(), layer_.padding.begin());
    if (pool) pair("kernel", 1, layer_.kernel_h, layer_.kernel_w);
    if (layer_.op == LayerOp::avgpool) {
      attributes_.emplace_back("count_include_pad");
      layer_.count_include_pad = integer(group_, "count_include_pad", 0, 1) == 1;
    }
    if (conv) {
      pair("dilation", 1, layer_.dilation_h, layer_.dilation_w);
      attributes_.emplace_back("groups");
      layer_.groups = static_cast<int>(integer(group_, "groups", 1, kMaxExtent));
    }
    if (layer_.op == LayerOp::conv_transpose2d) {
      pair("output_padding", 0, layer_.output_padding[0], layer_.output_padding[1]);
    }
  }

  void weights() {
    children_.insert(children_.end(), {"weight", "weight_zero_point", "bias"});
    const h5::Dataset data = group_.dataset("weight");
    only_attributes(data, {"bits", "signed", "sparsity", "bipolar"});
    Format& format = layer_.weight_format;
    format.is_signed = integer(data, "signed", 0, 1) == 1;
    format.bits = static_cast<int>(
        integer(data, "bits", 1, format.is_signed ? kMaxOperandBits : kMaxOperandBits - 1));
    format.bipolar = data.has_attribute("bipolar") && integer(data, "bipolar", 0, 1) == 1;
    layer_.sparsity = data.string_attribute("sparsity");
    const bool conv = has_kernel(layer_.op);
    const h5::Dims dims = data.dims();
    if (dims.size() != (conv ? 4U : 2U)) {
      data.fail(": the shape " + h5::text_of(dims) + " has not rank " + (conv ? "4" : "2"));
    }
    for (std::size_t d = 0; d < dims.size(); ++d) {
      // A linear layer may have as many inputs as a tensor has values.
      const std::uint64_t limit = !conv && d == 1 ? h5::kMaxValues : kMaxExtent;
      if (dims[d] < 1 || dims[d] > limit) {
        data.fail(": the shape " + h5::text_of(dims) + " has an extent outside 1.." +
                  std::to_string(limit));
      }
    }
    layer_.out_channels = static_cast<int>(dims[0]);
    layer_.in_channels_per_group = static_cast<int>(dims[1]);
    if (conv) {
      layer_.kernel_h = static_cast<int>(dims[2]);
      layer_.kernel_w = static_cast<int>(dims[3]);
    }
    const h5::Integers content = data.read_integers();
    check_values(data, content, format.min(), format.max());
    layer_.weight.reserve(content.values.size());
    for (const std::int64_t value : content.values) {
      layer_.weight.push_back(static_cast<std::int16_t>(value));
    }
    if (group_.has("weight_zero_point")) {
      layer_.weight_zero_point = vector(group_, "weight_zero_point", format.min(), format.max());
    }
    if (group_.has("bias")) layer_.bias = vector(group_, "bias", -kBiasLimit, kBiasLimit - 1);
  }

  static std::vector<std::int64_t> vector(const h5::Group& group, const std::string& name,
                                          std::int64_t low, std::int64_t high) {
    const h5::Dataset data = group.dataset(name);
    only_attributes(data, {});
    const h5::Dims dims = data.dims();
    if (dims.size() != 1) data.fail(": the shape " + h5::text_of(dims) + " has not rank 1");
    h5::Integers content = data.read_integers();
    check_values(data, content, low, high);
    return std::move(content.values);
  }

  void clamp(const h5::Object& object) {
    const Format& out = layer_.out_format;
    layer_.requant.clamp_min = integer(object, "clamp_min", out.min(), out.max());
    layer_.requant.clamp_max = integer(object, "clamp_max", out.min(), out.max());
  }

  void operand(std::size_t i) {
    const std::string name = "requant_" + std::to_string(i);
    children_.push_back(name);
    const h5::Group group = group_.group(name);
    only_attributes(group, {"mult", "left_shift", "shift"});
    only_children(group, {});
    OperandScale& scale = layer_.operand_scale[i];
    const auto [low, high] = signed_range(48);
    scale.mult = integer(group, "mult", low, high);
    scale.left_shift = static_cast<int>(integer(group, "left_shift", 0, 31));
    if (group.has_attribute("shift")) {
      scale.shift = static_cast<int>(integer(group, "shift", -31, 30));
    }
  }

  void requant() {
    children_.emplace_back("requant");
    const h5::Group group = group_.group("requant");
    only_attributes(group,
                    {"convention", "rounding", "clamp_min", "clamp_max", "mult_bits", "add_bits"});
    only_children(group, {"mult", "shift", "add"});
    Requant& r = layer_.requant;
    r.convention = spelled<Convention>(group, "convention", convention_count);
    const bool rounds = r.convention == Convention::mul_shift || r.convention == Convention::pow2 ||
                        r.convention == Convention::add_mul_shift;
    if (rounds || group.has_attribute("rounding")) {
      r.rounding = spelled<Rounding>(group, "rounding", static_cast<unsigned>(Rounding::trunc) + 1);
    }
    clamp(group);
    if (group.has_attribute("mult_bits")) {
      r.mult_bits = static_cast<int>(integer(group, "mult_bits", 1, 48));
    }
    if (group.has_attribute("add_bits")) {
      r.add_bits = static_cast<int>(integer(group, "add_bits", 1, 63));
    }
    const auto [mult_low, mult_high] = signed_range(r.mult_bits);
    const auto [add_low, add_high] = signed_range(r.add_bits);
    if (group.has("mult")) r.mult = vector(group, "mult", mult_low, mult_high);
    if (group.has("add")) r.add = vector(group, "add", add_low, add_high);
    if (group.has("shift")) {
      for (const std::int64_t value : vector(group, "shift", -31, 63)) {
        r.shift.push_back(static_cast<int>(value));
      }
    }
  }

  const h5::Group& group_;
  Layer layer_;
  std::vector<std::string> attributes_, children_;
};

/// Layer groups in execution order.
std::vector<std::string> layer_order(const h5::Group& layers) {
  std::vector<std::pair<std::int64_t, std::string>> order;
  for (const h5::Child& child : layers.children()) {
    const std::int64_t number = order_of(child.name);
    if (!child.is_group) layers.fail("/" + child.name + ": is not a group");
    if (number < 0) layers.fail("/" + child.name + ": the name does not read NNN_name");
    order.emplace_back(number, child.name);
  }
  std::sort(order.begin(), order.end());
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && order[i].first == order[i - 1].first) {
      layers.fail(": '" + order[i - 1].second + "' and '" + order[i].second +
                  "' have the same number");
    }
    ids.push_back(order[i].second);
  }
  return ids;
}

}  // namespace

void check_header(const h5::Group& root) {
  const std::string name = root.string_attribute("format");
  if (name != kFormat) {
    root.fail(": attribute 'format' = '" + name + "' instead of '" + kFormat + "'");
  }
  const std::int64_t version = integer(root, "version", 1, std::numeric_limits<int>::max());
  if (version > kVersion) {
    root.fail(": version " + std::to_string(version) + " is newer than version " +
              std::to_string(kVersion) + ", which this program reads");
  }
  only_attributes(root, {"format", "version", "name", "producer", "outputs"});
  only_children(root, {"inputs", "layers", "golden", "dataset"});
}

}  // namespace model_schema

Network ModelFile::read_network(const std::string& path) {
  using namespace model_schema;
  const h5::File file = h5::File::open(path);
  const h5::Group root = file.root();
  check_header(root);
  Network network;
  network.file = path;
  network.name = root.string_attribute("name");
  network.producer = root.string_attribute("producer");
  network.outputs = root.strings_attribute("outputs");
  const h5::Group inputs = root.group("inputs");
  only_attributes(inputs, {});
  for (const h5::Child& child : inputs.children()) {
    network.inputs.push_back(read_input(inputs.group(child.name), child.name));
  }
  const h5::Group layers = root.group("layers");
  only_attributes(layers, {});
  for (const std::string& id : layer_order(layers)) {
    const h5::Group group = layers.group(id);
    try {
      network.layers.push_back(LayerReader(group, id).read());
    } catch (const BadInput& error) {
      throw BadInput(error.what(), path, id);
    }
  }
  check_network(network);
  network.sha256 = sha256_of_file(path);
  return network;
}

}  // namespace tactus
