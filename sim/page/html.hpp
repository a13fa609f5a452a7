// SPDX-License-Identifier: Apache-2.0
// Puts a page together.
#pragma once

#include <string>
#include <vector>

namespace tactus::page {

/// `json` as the data of the page, escaped so that no text of it can end the script element.
[[nodiscard]] std::string page_with_json(const std::string& title, const std::string& json);
/// Binary data: compressed with zlib and written as base64.
[[nodiscard]] std::string page_with_bytes(const std::string& title, const std::string& bytes);

}  // namespace tactus::page
