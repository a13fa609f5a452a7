// SPDX-License-Identifier: Apache-2.0
// The text of presets/*.ini, embedded by embed_presets.cmake.
#pragma once

#include <cstddef>

namespace tactus {

struct PresetText {
  const char* name;
  const char* text;
};
extern const PresetText preset_texts[];
extern const std::size_t preset_text_count;

}  // namespace tactus
