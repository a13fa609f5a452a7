// SPDX-License-Identifier: Apache-2.0
// report: a result as a page.
#include "cli/console.hpp"
#include "cli/verbs.hpp"
#include "numerics/errors.hpp"
#include "page/page.hpp"

namespace tactus {

int report_verb(const CommandLine& line) {
  if (line.positional.size() != 1) {
    throw BadInput("tactus report takes one RESULT, got " + std::to_string(line.positional.size()));
  }
  if (line.html.empty()) throw BadInput("tactus report needs --html FILE");
  const ResultPage page = make_page(line.positional[0]);
  write_result(line.html, page.html);
  // Nothing else may go to stdout when the page does.
  if (line.html == "-") return 0;
  const std::string items = std::to_string(page.items);
  show(line.json,
       line.html + ": " + page.kind + ", " + items + (page.kind == "run" ? " layers" : " points") +
           ", " + std::to_string(page.html.size()) + " bytes\n",
       "{\"schema\":\"tactus.report/1\",\"kind\":\"" + page.kind + "\",\"items\":" + items +
           ",\"bytes\":" + std::to_string(page.html.size()) + "}\n");
  return 0;
}

}  // namespace tactus
