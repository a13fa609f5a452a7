// SPDX-License-Identifier: Apache-2.0
// Options of import, apart from the verb's function.
#pragma once

#include <boost/program_options.hpp>

#include "cli/command_line.hpp"

namespace tactus {

void add_import_options(boost::program_options::options_description& all);
void read_import_options(const boost::program_options::variables_map& map, CommandLine& out);

}  // namespace tactus
