// SPDX-License-Identifier: Apache-2.0
#include "page/page.hpp"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "numerics/errors.hpp"
#include "page/page_assets.hpp"
#include "page/run_page.hpp"
#include "page/sweep_page.hpp"

namespace tactus {

bool pages_available() {
  return std::strspn(page_assets::library, " \n") != std::strlen(page_assets::library);
}

ResultPage make_page(const std::string& path) {
  if (!pages_available()) {
    throw BadInput(
        "this tactus makes no pages: the charting library ECharts was not available when it was "
        "built; build it again with npm and a network, or with cmake -DTACTUS_ECHARTS_JS=FILE");
  }
  if (std::filesystem::is_directory(path)) throw BadInput(path + ": is a directory", path);
  std::ifstream file(path, std::ios::binary);
  if (!file) throw BadInput(path + ": cannot be read", path);
  constexpr char magic[] = "SQLite format 3";
  std::string start(sizeof magic - 1, '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  if (file && start == magic) return page::sweep_page(path);
  file.clear();
  file.seekg(0);
  std::ostringstream text;
  text << file.rdbuf();
  return page::run_page(path, text.str());
}

}  // namespace tactus
