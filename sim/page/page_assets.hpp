// SPDX-License-Identifier: Apache-2.0
// The files of assets/ and the charting library, embedded by embed.cmake.
#pragma once

namespace tactus::page_assets {

extern const char* const page;  ///< with places @TITLE@, @STYLE@, ...
extern const char* const style;
extern const char* const script;   ///< all scripts, one behind the other
extern const char* const library;  ///< white space only: not there when tactus was built

}  // namespace tactus::page_assets
