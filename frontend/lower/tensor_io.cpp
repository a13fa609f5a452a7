// SPDX-License-Identifier: Apache-2.0
// Tensors into and out of the memory image.
#include "lower/lower.hpp"
#include "numerics/errors.hpp"

namespace tactus {

namespace {

/// Where an element lies: its word, and the bits inside the word.
struct Element {
  std::uint64_t address = 0;
  int bit = 0, bits = 0;
};

Element element_of(const TensorPlace& t, int c, int y, int x) {
  const auto u = [](int value) { return static_cast<std::uint64_t>(value); };
  const int plane = t.bundle * t.pack;
  const std::uint64_t word = u(x) * u(t.bundle) + u(c % plane / t.pack);
  Element e;
  e.address =
      t.address + u(c / plane) * t.plane_stride + u(y) * t.line_stride + word * u(t.element_bytes);
  e.bits = 8 * t.element_bytes / t.pack;
  e.bit = c % t.pack * e.bits;
  return e;
}

void write_element(std::vector<std::uint8_t>& memory, const Element& e, std::int32_t value) {
  const auto raw = static_cast<std::uint32_t>(value);
  if (e.bits >= 8) {
    for (int b = 0; b < e.bits / 8; ++b) {
      memory[e.address + static_cast<std::uint64_t>(e.bit / 8 + b)] =
          static_cast<std::uint8_t>(raw >> (8 * b));
    }
    return;
  }
  std::uint8_t& byte = memory[e.address + static_cast<std::uint64_t>(e.bit / 8)];
  const unsigned mask = ((1U << e.bits) - 1) << (e.bit % 8);
  byte = static_cast<std::uint8_t>((byte & ~mask) | ((raw << (e.bit % 8)) & mask));
}

std::int32_t read_element(const std::vector<std::uint8_t>& memory, const Element& e,
                          bool is_signed) {
  std::uint32_t raw = 0;
  if (e.bits >= 8) {
    for (int b = 0; b < e.bits / 8; ++b) {
      const auto byte = memory[e.address + static_cast<std::uint64_t>(e.bit / 8 + b)];
      raw |= static_cast<std::uint32_t>(byte) << (8 * b);
    }
  } else {
    raw = static_cast<std::uint32_t>(memory[e.address + static_cast<std::uint64_t>(e.bit / 8)]) >>
          (e.bit % 8);
  }
  const int unused = 32 - e.bits;
  const std::uint32_t high = raw << unused;
  return is_signed ? static_cast<std::int32_t>(high) >> unused
                   : static_cast<std::int32_t>(high >> unused);
}

}  // namespace

void place_inputs(const Program& program, const std::map<std::string, QTensor>& inputs,
                  std::vector<std::uint8_t>& memory) {
  for (const auto& [name, tensor] : inputs) {
    const TensorPlace* place = program.find_tensor(name);
    if (place == nullptr || !place->in_memory) {
      throw BadInput("the model has no input named " + name);
    }
    if (!(tensor.shape == Shape{place->c, place->h, place->w})) {
      throw BadInput("input " + name + " has shape " + std::to_string(tensor.shape.c) + "," +
                     std::to_string(tensor.shape.h) + "," + std::to_string(tensor.shape.w) +
                     ", the model wants " + std::to_string(place->c) + "," +
                     std::to_string(place->h) + "," + std::to_string(place->w));
    }
    std::size_t i = 0;
    for (int c = 0; c < place->c; ++c) {
      for (int y = 0; y < place->h; ++y) {
        for (int x = 0; x < place->w; ++x, ++i) {
          write_element(memory, element_of(*place, c, y, x), tensor.data[i]);
        }
      }
    }
  }
}

QTensor read_tensor(const Program& program, const Network& network,
                    const std::vector<std::uint8_t>& memory, const std::string& name) {
  const TensorPlace* place = program.find_tensor(name);
  if (place == nullptr || !place->in_memory) {
    throw InternalError("tensor " + name + " is not in off-chip memory");
  }
  QTensor out;
  out.shape = {place->c, place->h, place->w};
  out.format = network.format_of(name);
  if (!place->channels.empty()) out.shape.c = network.shape_of(name).c;
  out.data.assign(static_cast<std::size_t>(out.shape.count()), place->other_channels);
  for (int c = 0; c < place->c; ++c) {
    const int channel = place->channels.empty() ? c : place->channels[static_cast<std::size_t>(c)];
    auto* value = out.data.data() + std::int64_t{channel} * place->h * place->w;
    for (int y = 0; y < place->h; ++y) {
      for (int x = 0; x < place->w; ++x) {
        *value++ = read_element(memory, element_of(*place, c, y, x), place->is_signed);
      }
    }
  }
  return out;
}

}  // namespace tactus
