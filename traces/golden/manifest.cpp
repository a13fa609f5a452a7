// SPDX-License-Identifier: Apache-2.0
// The only file of this folder that reads and writes JSON.
#include "golden/manifest.hpp"

#include <nlohmann/json.hpp>

#include "golden/encode.hpp"
#include "numerics/errors.hpp"

namespace tactus::golden {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* own_key = "\n\"manifest_sha256\": \"";
constexpr std::size_t hash_digits = 64;

std::string hex64(std::uint64_t value) {
  std::string text(16, '0');
  for (std::size_t i = 0; i < 16; ++i) text[15 - i] = "0123456789abcdef"[value >> 4 * i & 15];
  return text;
}

Json typed(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  if (!text.empty() && text.find_first_not_of("-0123456789") == std::string::npos && text != "-") {
    return std::stoll(text);
  }
  return text;
}

Json options_json(const Options& o) {
  Json formats = Json::array();
  if (o.hex) formats.push_back("hex");
  if (o.bin) formats.push_back("bin");
  if (o.npy) formats.push_back("npy");
  if (o.hdf5) formats.push_back("hdf5");
  return {{"images", o.images},
          {"layers", o.layers},
          {"tile_ops", o.tile_ops},
          {"formats", std::move(formats)},
          {"word_bits", o.packing.word_bits},
          {"lane_order", o.packing.lane0_low ? "low_first" : "high_first"},
          {"endian", o.packing.little_endian ? "little" : "big"},
          {"rows", o.packing.unit_rows ? "unit" : "column"},
          {"fields", o.packing.carrier_fields ? "carrier" : "exact"},
          {"base_address", o.packing.base_address},
          {"bench", o.bench},
          {"bench_rows", o.bench_rows},
          {"bench_cols", o.bench_cols},
          {"bench_fold", o.bench_fold}};
}

Options options_of(const Json& j) {
  Options o;
  o.images = j.at("images").get<std::vector<std::size_t>>();
  o.layers = j.at("layers").get<std::vector<std::string>>();
  o.tile_ops = j.at("tile_ops").get<std::vector<std::size_t>>();
  o.hex = o.bin = o.npy = o.hdf5 = false;
  for (const Json& format : j.at("formats")) {
    if (format == "hex") o.hex = true;
    if (format == "bin") o.bin = true;
    if (format == "npy") o.npy = true;
    if (format == "hdf5") o.hdf5 = true;
  }
  o.packing.word_bits = j.at("word_bits").get<std::int64_t>();
  o.packing.lane0_low = j.at("lane_order") == "low_first";
  o.packing.little_endian = j.at("endian") == "little";
  o.packing.unit_rows = j.at("rows") == "unit";
  o.packing.carrier_fields = j.at("fields") == "carrier";
  o.packing.base_address = j.at("base_address").get<std::int64_t>();
  o.bench = j.at("bench").get<bool>();
  o.bench_rows = j.at("bench_rows").get<std::int64_t>();
  o.bench_cols = j.at("bench_cols").get<std::int64_t>();
  o.bench_fold = j.value("bench_fold", std::int64_t{0});
  return o;
}

Json layer_json(const Network& network, const Layer& layer) {
  Json inputs = Json::array();
  for (const std::string& name : layer.inputs) {
    const Format f = network.format_of(name);
    inputs.push_back(
        {{"name", name}, {"bits", f.bits}, {"signed", f.is_signed}, {"zero_point", f.zero_point}});
  }
  Json j = {{"id", layer.id},
            {"source_name", layer.source_name},
            {"op", name_of(layer.op)},
            {"inputs", std::move(inputs)},
            {"output",
             {{"bits", layer.out_format.bits},
              {"signed", layer.out_format.is_signed},
              {"zero_point", layer.out_format.zero_point}}},
            {"kernel", {layer.kernel_h, layer.kernel_w}},
            {"stride", {layer.stride_h, layer.stride_w}},
            {"dilation", {layer.dilation_h, layer.dilation_w}},
            {"padding", layer.padding},
            {"groups", layer.groups},
            {"requant",
             {{"convention", name_of(layer.requant.convention)},
              {"rounding", name_of(layer.requant.rounding)},
              {"clamp_min", layer.requant.clamp_min},
              {"clamp_max", layer.requant.clamp_max}}}};
  if (layer.op == LayerOp::add) {
    Json operands = Json::array();
    for (const OperandScale& s : layer.operand_scale) {
      operands.push_back({{"mult", s.mult}, {"left_shift", s.left_shift}, {"shift", s.shift}});
    }
    j["operand_scale"] = std::move(operands);
  }
  return j;
}

Json stream_json(const StreamUse& use) {
  Json streams = Json::array();
  for (const StreamKind kind : use.streams) streams.push_back(name_of(kind));
  return {{"layer", use.layer},
          {"op", use.op},
          {"streams", std::move(streams)},
          {"note", use.note.empty() ? Json(nullptr) : Json(use.note)}};
}

Json file_json(const FileEntry& f, const Options& o) {
  Json j = {{"path", f.path}, {"role", f.role}};
  j["layer"] = f.layer.empty() ? Json(nullptr) : Json(f.layer);
  j["tile_op"] = f.tile_op < 0 ? Json(nullptr) : Json(f.tile_op);
  j["shape"] = f.shape;
  j["axes"] = f.axes;
  j["bits"] = f.bits;
  j["signed"] = f.is_signed;
  j["word_bits"] = f.word_bits;
  j["lanes"] = f.lanes;
  j["lane_order"] = o.packing.lane0_low ? "low_first" : "high_first";
  j["base_address"] = o.packing.base_address;
  j["bytes"] = f.bytes;
  j["sha256"] = f.sha256;
  return j;
}

Json retire_json(const RetireEntry& r) {
  Json events = Json::object();
  for (std::size_t i = 0; i < event_count; ++i) {
    const auto event = static_cast<Event>(i);
    if (r.record.events[event] != 0) events[event_text[i].name] = r.record.events[event];
  }
  return {{"image", r.image},           {"tile_op", r.tile_op},
          {"layer", r.layer},           {"queue", name_of(r.record.queue)},
          {"seq", r.record.seq},        {"start", r.record.start},
          {"cycle", r.record.cycle},    {"digest", hex64(r.record.digest)},
          {"events", std::move(events)}};
}

RetireEntry retire_of(const Json& j) {
  RetireEntry r;
  r.image = j.at("image").get<std::size_t>();
  r.tile_op = j.at("tile_op").get<std::size_t>();
  r.layer = j.at("layer").get<std::string>();
  for (int q = 0; q < queue_count; ++q) {
    if (j.at("queue") == name_of(static_cast<Queue>(q))) r.record.queue = static_cast<Queue>(q);
  }
  r.record.seq = j.at("seq").get<std::uint32_t>();
  r.record.start = j.at("start").get<Cycle>();
  r.record.cycle = j.at("cycle").get<Cycle>();
  r.record.digest = std::stoull(j.at("digest").get<std::string>(), nullptr, 16);
  for (std::size_t i = 0; i < event_count; ++i) {
    const auto found = j.at("events").find(event_text[i].name);
    if (found != j.at("events").end()) {
      r.record.events[static_cast<Event>(i)] = found->get<std::uint64_t>();
    }
  }
  return r;
}

/// A list with an element per line.
std::string lines_of(const Json& list) {
  std::string text = "[";
  for (const Json& element : list) text += (text.size() == 1 ? "\n" : ",\n") + element.dump();
  return text + "\n]";
}

template <class List, class Make>
std::string lines_of(const List& list, const Make& make) {
  Json out = Json::array();
  for (const auto& element : list) out.push_back(make(element));
  return lines_of(out);
}

void check_header(const Json& j, const std::string& path) {
  if (!j.is_object() || j.value("format", std::string()) != "tactus.golden") {
    throw BadInput(path + ": is no manifest of a golden set", path);
  }
  if (j.at("version") != format_version) {
    throw BadInput(path + ": has version " + j.at("version").dump() + " of tactus.golden, this " +
                       "tactus reads version " + std::to_string(format_version),
                   path);
  }
}

}  // namespace

std::string to_json(const Manifest& m, const Network& network,
                    const std::vector<std::string>& layers) {
  Json config = Json::object();
  for (const auto& [key, value] : m.config) config[key] = typed(value);
  const auto pair = [](const char* key, const std::string& value) {
    return std::string("\"") + key + "\": " + value + ",\n";
  };
  std::string text =
      "{\n" + pair("format", "\"tactus.golden\"") +
      pair("version", std::to_string(format_version)) + pair("tool", Json(m.tool).dump()) +
      pair("config", Json({{"hash", m.config_hash}, {"values", config}}).dump()) +
      pair("model", Json({{"name", m.model_name}, {"sha256", m.model_sha256}}).dump()) +
      pair("inputs", Json({{"source", m.options.inputs}, {"names", m.image_names}}).dump()) +
      pair("witnesses", Json(m.witnesses).dump()) + pair("options", options_json(m.options).dump());
  text += pair("layers", lines_of(layers, [&](const std::string& id) {
                 return layer_json(network, *network.find_layer(id));
               }));
  if (m.options.bench) text += pair("streams", lines_of(m.streams, stream_json));
  text +=
      pair("files", lines_of(m.files, [&](const FileEntry& f) { return file_json(f, m.options); }));
  text += pair("retire", lines_of(m.retired, retire_json));
  text.pop_back();  // the own hash brings the line break
  const std::size_t at = text.size() + std::string(own_key).size();
  text += own_key + std::string(hash_digits, '0') + "\"\n}\n";
  text.replace(at, hash_digits, sha256_of(text));
  return text;
}

Manifest parse_manifest(const std::string& text, const std::string& path, bool& intact) {
  const std::size_t key = text.rfind(own_key);
  intact = false;
  if (key != std::string::npos) {
    const std::size_t at = key + std::string(own_key).size();
    std::string zeroed = text;
    zeroed.replace(at, hash_digits, std::string(hash_digits, '0'));
    intact = zeroed.size() == text.size() && text.substr(at, hash_digits) == sha256_of(zeroed);
  }
  try {
    const Json j = Json::parse(text);
    check_header(j, path);
    Manifest m;
    m.tool = j.at("tool").get<std::string>();
    m.config_hash = j.at("config").at("hash").get<std::string>();
    for (const auto& [name, value] : j.at("config").at("values").items()) {
      m.config.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
    }
    m.model_name = j.at("model").at("name").get<std::string>();
    m.model_sha256 = j.at("model").at("sha256").get<std::string>();
    m.options = options_of(j.at("options"));
    m.options.inputs = j.at("inputs").at("source").get<std::string>();
    m.image_names = j.at("inputs").at("names").get<std::vector<std::string>>();
    m.witnesses = j.at("witnesses").get<std::vector<std::string>>();
    m.layers = j.at("layers").size();
    for (const Json& f : j.at("files")) {
      FileEntry entry;
      entry.path = f.at("path").get<std::string>();
      entry.role = f.at("role").get<std::string>();
      if (!f.at("layer").is_null()) entry.layer = f.at("layer").get<std::string>();
      entry.bytes = f.at("bytes").get<std::uint64_t>();
      entry.sha256 = f.at("sha256").get<std::string>();
      m.files.push_back(std::move(entry));
    }
    for (const Json& r : j.at("retire")) m.retired.push_back(retire_of(r));
    return m;
  } catch (const Json::exception& e) {
    throw BadInput(path + ": is damaged: " + e.what(), path);
  } catch (const std::logic_error& e) {
    throw BadInput(path + ": is damaged: " + e.what(), path);
  }
}

}  // namespace tactus::golden
