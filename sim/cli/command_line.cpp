// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <sstream>

#include "cli/import_verb.hpp"
#include "numerics/errors.hpp"
#include "run/backends.hpp"

namespace tactus {

namespace po = boost::program_options;

namespace {

struct Verb {
  const char* name;
  const char* arguments;
  const char* summary;
  const char* example;
  const char* options;  ///< letters of the option groups it takes
};

// Option groups: a architecture, e golden feed, m import, i inputs, b one back end, c several back
// ends, j json, s synth, g golden sets, r rtl-build, f test faults, w accumulator widths, t trace
// files, l RTL library, d foreign accelerator, x sweep, h page, v waves, k element.
constexpr std::array<Verb, 13> verbs{{
    {"run", "MODEL", "run a model on one back end and report cycles, energy and accuracy",
     "tactus run traces/models/digits_w4a4.h5 --backend fast --inputs dataset", "aibejfwltv"},
    {"check", "MODEL", "run several back ends; stop at the first difference and explain it",
     "tactus check traces/models/digits_w8a8.h5 --preset tiny_4 --backends ref,fast,rtl",
     "aicjfldv"},
    {"golden", "MODEL --out DIR | --verify DIR [MODEL]",
     "write golden vectors for another test bench, or verify a set of them",
     "tactus golden traces/models/digits_w4a4.h5 --preset tiny_4 --out vectors --bench", "aibjfg"},
    {"inspect", "MODEL", "show layers, formats and how each layer is mapped",
     "tactus inspect traces/models/digits_w4a4.h5 --preset edge_8", "aijw"},
    {"explain", "MODEL --layer L --element n,c,y,x",
     "show how one output value comes about, from the weights in the file to the tile ops",
     "tactus explain traces/models/digits_w4a4.h5 --layer 000_stem --element 0,3,2,4", "aikj"},
    {"disasm", "MODEL", "print the tile ops of a model, one a line",
     "tactus disasm traces/models/digits_w4a4.h5 --preset tiny_4", "aj"},
    {"config", "", "print the effective architecture with ranges, units and meaning",
     "tactus config --preset edge_16 --hw.acc_bits=24", "aj"},
    {"sweep", "SPEC.ini --out FILE.sqlite | FILE.sqlite --list | --best | --pareto",
     "evaluate every point of a design space, or query the database of one",
     "tactus sweep sim/sweep/digits.ini --out digits.sqlite --audit 2%", "jx"},
    {"synth", "NAME | --conv C,H,W,K,k,s | --gemm M,N,K | --topology FILE.csv",
     "write a shape-only model with random weights",
     "tactus synth --conv 64,56,56,64,3,1 --act-bits 4 --weight-bits 4 --sparsity 2:4 -o conv.h5",
     "sj"},
    {"import", "KIND SRC", "turn a model of another toolkit into a model file",
     "tactus import tflite mobilenet.tflite -o mobilenet.h5", "mj"},
    {"rtl-build", "", "verilate the RTL for an architecture into the build cache",
     "tactus rtl-build --preset edge_16 --hw.acc_bits=24", "arj"},
    {"compare", "A.json B.json", "two result files side by side, per layer",
     "tactus compare a.json b.json", "j"},
    {"report", "RESULT", "make a page of a run (its JSON) or of a sweep (its database)",
     "tactus report run.json --html run.html", "jh"},
}};

/// "Title: a b c", broken before column 80.
std::string listed(const std::string& title, const std::vector<std::string>& words) {
  std::string out = title;
  std::size_t column = title.size();
  for (const auto& word : words) {
    if (column + 1 + word.size() > 79) {
      out += "\n" + std::string(title.size(), ' ');
      column = title.size();
    }
    out += " " + word;
    column += 1 + word.size();
  }
  return out + "\n";
}

const Verb* find_verb(const std::string& name) {
  const auto* it =
      std::find_if(verbs.begin(), verbs.end(), [&](const Verb& v) { return name == v.name; });
  return it == verbs.end() ? nullptr : it;
}

void add_golden_options(po::options_description& all) {
  const auto text = [] { return po::value<std::string>(); };
  const auto number = [] { return po::value<std::int64_t>(); };
  all.add_options()("out", text(), "folder for the set, empty or absent")(
      "verify", text(),
      "folder of a set: compares the files with the manifest, and with a MODEL a new run on "
      "--backend with the set")("witnesses", text(),
                                "back ends that must agree first (default ref,fast,rtl)")(
      "layers", text(), "layer ids or globs, comma-separated (default: all)")(
      "tile-ops", text(), "numbers in `tactus disasm`, e.g. 3,5-9 (default: all)")(
      "images", text(), "numbers of the inputs, e.g. 0,2-3 (default: all)")(
      "formats", text(), "list of hex, bin, npy, hdf5 (default: all)")(
      "word-bits", number(), "hex, bin: width of a memory word; 0 (default): a whole row")(
      "lane-order", text(), "low: first value in the low bits of a word (default), or high")(
      "endian", text(), "little (default), or big: bytes of a word reversed")(
      "rows", text(), "unit: a row per K unit (default), or column: per pixel or column")(
      "fields", text(), "carrier: 1, 2, 4, 8, 16, 32 or 64 bits a value (default), or exact")(
      "base-address", number(), "hex: address of the first word (default 0)")(
      "bench", "write stream vectors and a SystemVerilog test bench too")(
      "bench-rows", number(), "pixels of a stream block (default: array rows)")(
      "bench-cols", number(), "channels of a stream block (default: array columns)")(
      "bench-fold", number(), "steps that a saturating accumulator adds at once (default: rows)");
}

po::options_description options_for(const Verb& verb) {
  po::options_description all("Options");
  const std::string groups = verb.options;
  const auto has = [&](char c) { return groups.find(c) != std::string::npos; };
  auto add = all.add_options();
  if (has('a')) {
    add("preset", po::value<std::string>(),
        "start from a named architecture (default edge_16); see `tactus config --help`");
    add("config", po::value<std::string>(), "read an INI file over it");
  }
  if (has('i')) {
    add("inputs", po::value<std::string>(),
        "golden, dataset, random:SEED or an HDF5 file (default: golden if the model has it)");
    add("limit", po::value<std::size_t>(), "run only the first N inputs");
  }
  if (has('b')) add("backend", po::value<std::string>(), "ref, fast, systemc or rtl");
  if (has('e')) {
    add("feed", po::value<std::string>(),
        "golden: every layer that multiplies reads golden operands; compares layer by layer");
  }
  if (has('c')) {
    add("backends", po::value<std::string>(), "comma-separated list (default: all of this build)");
  }
  if (has('w')) {
    add("accumulators", po::value<std::string>(),
        "smallest safe accumulator by data: auto (up to 1e9 multiplications), on or off");
    add("threads", po::value<int>(),
        "threads for the values of the fast back end, 0: one for each processor (default 1)");
  }
  if (has('l')) {
    add("rtl-lib", po::value<std::string>(),
        "use this build of the RTL for the back end rtl, e.g. with modules of your own "
        "(traces/README.md)");
  }
  if (has('d')) {
    add("stop-early",
        "end the rtl run at the first retired op that differs from the first back end with timing");
    add("dut", po::value<std::string>(),
        "compare an accelerator behind traces/tactus_dut.h with the reference, layer by layer");
    add("dut-config", po::value<std::string>(), "file whose text its create() gets");
    add("dut-timeout", po::value<int>(), "longest time for one layer in seconds (default: any)");
    add("dut-all", "a layer that the accelerator does not support is a difference");
    add("chain", "--dut: feed each layer with what the accelerator gave before");
    add("compare", po::value<std::string>(), "--dut: cycles: other cycles than ours differ, too");
  }
  if (has('f')) {
    add("backpressure", po::value<std::uint64_t>(),
        "seed of random back-pressure on the memory ports (rtl; cycles change, values do not)");
    add("fault", po::value<int>(), "test builds: number of the seeded fault");
    add("fault-backend", po::value<std::string>(), "test builds: rtl (default) or systemc");
  }
  if (has('h')) {
    add("html", po::value<std::string>(),
        "file to write: one page that needs no network and nothing else");
  }
  if (has('v')) {
    add("trace", po::value<std::string>(),
        "FORMAT FILE: waves of the first input, FORMAT fst (rtl) or vcd (rtl, systemc); a list of "
        "signals for GTKWave comes beside it");
    add("trace-window", po::value<std::string>(),
        "cycles A:B, or a layer id (default: all; check: around the first difference)");
    add("coverage", po::value<std::string>(),
        "write line and toggle coverage of the RTL (verilator_coverage reads it)");
  }
  if (has('k')) {
    add("layer", po::value<std::string>(), "layer id; `tactus inspect` lists them");
    add("element", po::value<std::string>(), "n,c,y,x: input, channel, line, pixel");
  }
  if (has('t')) {
    add("timeline", po::value<std::string>(),
        "write the run as trace events (JSON) for ui.perfetto.dev or chrome://tracing");
    add("memory-trace", po::value<std::string>(),
        "write every off-chip beat with cycle, address and tensor to FILE.csv or FILE.h5");
  }
  if (has('s')) {
    add("conv", po::value<std::string>(),
        "C,H,W,K,k,s[,GROUPS]: one convolution of C channels of H x W to K channels, kernel k x k, "
        "stride s, output of H/s x W/s (GROUPS = C = K: depthwise)");
    add("gemm", po::value<std::string>(),
        "M,N,K: one matrix product of M x K activations and K x N weights");
    add("topology", po::value<std::string>(), "SCALE-Sim topology CSV, one layer a row");
    add("act-bits", po::value<int>(), "activation width, 1 to 16, unsigned (default 8)");
    add("first-bits", po::value<int>(), "width of the network input (default: as act-bits)");
    add("weight-bits", po::value<int>(),
        "weight width, 1 to 16, symmetric: 1 bit is -1, +1, 2 bits are -1, 0, +1 (default 8)");
    add("sparsity", po::value<std::string>(),
        "dense; N:M, e.g. 2:4: at most N of M neighbouring input channels at each kernel position; "
        "0.85: that fraction of the weights is 0; filter:0.5: that fraction of the output channels "
        "is 0 (default dense)");
    add("seed", po::value<std::uint64_t>(),
        "seed of the weights (default 1); equal options give an equal file");
    add("image", po::value<int>(), "input height and width of the image networks (default 224)");
    add("output,o", po::value<std::string>(), "model file to write");
  }
  if (has('g')) add_golden_options(all);
  if (has('x')) add_sweep_options(all);
  if (has('m')) add_import_options(all);
  if (has('r')) add("optimise", po::value<std::string>(), "-O1 builds faster, -O3 runs faster");
  if (has('j')) add("json", po::value<std::string>(), "write the result as JSON to a file or -");
  add("quiet,q", "no progress");
  add("help,h", "this text");
  return all;
}

/// Splits "--section.key=value" overrides off the arguments.
std::vector<std::string> take_overrides(std::vector<std::string> args,
                                        std::vector<std::pair<std::string, std::string>>& out) {
  std::vector<std::string> rest;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& a = args[i];
    const auto equals = a.find('=');
    const auto dot = a.find('.');
    if (a.rfind("--", 0) != 0 || dot == std::string::npos ||
        (equals != std::string::npos && dot > equals)) {
      rest.push_back(a);
      continue;
    }
    const std::string key = a.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (equals != std::string::npos) {
      out.emplace_back(key, a.substr(equals + 1));
    } else if (i + 1 < args.size()) {
      out.emplace_back(key, args[++i]);
    } else {
      throw BadInput("option " + a + " needs a value: " + a + "=VALUE");
    }
  }
  return rest;
}

/// "--trace FORMAT FILE" is one option with the value FORMAT:FILE.
std::vector<std::string> join_trace(std::vector<std::string> args) {
  for (std::size_t i = 0; i + 2 < args.size(); ++i) {
    if (args[i] != "--trace" || (args[i + 1] != "fst" && args[i + 1] != "vcd")) continue;
    args[i + 1] += ":" + args[i + 2];
    args.erase(args.begin() + static_cast<std::ptrdiff_t>(i) + 2);
  }
  return args;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> out;
  std::stringstream stream(list);
  for (std::string item; std::getline(stream, item, ',');) {
    if (!item.empty()) out.push_back(item);
  }
  return out;
}

template <typename T>
void take(const po::variables_map& map, const char* name, T& target) {
  if (map.count(name) != 0) target = map[name].as<T>();
}

void read_golden_options(const po::variables_map& map, GoldenOptions& out) {
  const auto take_list = [&](const char* name, std::vector<std::string>& target) {
    if (map.count(name) != 0) target = split(map[name].as<std::string>());
  };
  take(map, "out", out.out);
  take(map, "verify", out.verify);
  take_list("witnesses", out.witnesses);
  take_list("layers", out.layers);
  take_list("tile-ops", out.tile_ops);
  take_list("images", out.images);
  take_list("formats", out.formats);
  take(map, "word-bits", out.word_bits);
  take(map, "lane-order", out.lane_order);
  take(map, "endian", out.endian);
  take(map, "rows", out.rows);
  take(map, "fields", out.fields);
  take(map, "base-address", out.base_address);
  take(map, "bench-rows", out.bench_rows);
  take(map, "bench-cols", out.bench_cols);
  take(map, "bench-fold", out.bench_fold);
  out.bench = map.count("bench") != 0;
}

void read_options(const po::variables_map& map, CommandLine& out) {
  read_golden_options(map, out.golden);
  read_sweep_options(map, out.sweep);
  take(map, "json", out.json);
  take(map, "inputs", out.inputs);
  take(map, "limit", out.limit);
  take(map, "accumulators", out.accumulators);
  take(map, "threads", out.threads);
  take(map, "backend", out.backend);
  take(map, "feed", out.feed);
  read_import_options(map, out);
  if (map.count("backends") != 0) out.backends = split(map["backends"].as<std::string>());
  take(map, "rtl-lib", out.rtl_library);
  take(map, "dut", out.dut);
  take(map, "dut-config", out.dut_config);
  take(map, "dut-timeout", out.dut_timeout);
  take(map, "compare", out.compare);
  out.dut_all = map.count("dut-all") != 0;
  out.chain = map.count("chain") != 0;
  out.stop_early = map.count("stop-early") != 0;
  take(map, "backpressure", out.backpressure);
  take(map, "fault", out.fault);
  take(map, "fault-backend", out.fault_backend);
  take(map, "topology", out.topology);
  take(map, "gemm", out.gemm);
  take(map, "conv", out.conv);
  take(map, "act-bits", out.synth.act_bits);
  take(map, "first-bits", out.synth.first_bits);
  take(map, "weight-bits", out.synth.weight_bits);
  take(map, "sparsity", out.synth.sparsity);
  take(map, "seed", out.synth.seed);
  take(map, "image", out.synth.image);
  take(map, "output", out.output);
  take(map, "trace", out.trace);
  take(map, "trace-window", out.trace_window);
  take(map, "coverage", out.coverage);
  take(map, "layer", out.layer);
  take(map, "element", out.element);
  take(map, "timeline", out.timeline);
  take(map, "html", out.html);
  take(map, "memory-trace", out.memory_trace);
  take(map, "optimise", out.optimise);
  out.help = map.count("help") != 0;
  out.quiet = map.count("quiet") != 0;
}

void read_architecture(const po::variables_map& map,
                       const std::vector<std::pair<std::string, std::string>>& overrides,
                       CommandLine& out) {
  std::string name = "edge_16";
  take(map, "preset", name);
  out.config = preset(name);
  out.config_given = map.count("preset") != 0 || map.count("config") != 0 || !overrides.empty();
  if (map.count("preset") != 0) out.config_arguments += " --preset " + name;
  if (map.count("config") != 0) {
    out.config = read_config(map["config"].as<std::string>(), out.config);
    out.config_arguments += " --config " + map["config"].as<std::string>();
  }
  for (const auto& [key, value] : overrides) {
    set(out.config, key, value);
    out.config_arguments += " --" + key + "=" + value;
  }
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine out;
  std::vector<std::string> args(argv + 1, argv + argc);
  if (args.empty() || args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
    out.help = true;
    if (args.size() > 1) out.verb = args[1];
    return out;
  }
  if (args[0] == "--version") {
    out.version = true;
    return out;
  }
  out.verb = args[0];
  const Verb* verb = find_verb(out.verb);
  if (verb == nullptr) {
    throw BadInput("there is no verb '" + out.verb + "'; `tactus --help` lists them");
  }
  args.erase(args.begin());
  std::vector<std::pair<std::string, std::string>> overrides;
  args = take_overrides(join_trace(std::move(args)), overrides);
  po::options_description all = options_for(*verb);
  po::options_description hidden;
  hidden.add_options()("positional", po::value<std::vector<std::string>>());
  po::options_description both;
  both.add(all).add(hidden);
  po::positional_options_description position;
  position.add("positional", -1);
  po::variables_map map;
  try {
    const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(args).options(both).positional(position).style(style).run(),
              map);
  } catch (const po::error& e) {
    throw BadInput("tactus " + out.verb + ": " + e.what() + "; `tactus " + out.verb +
                   " --help` lists the options");
  }
  take(map, "positional", out.positional);
  read_options(map, out);
  const bool architecture = std::string(verb->options).find('a') != std::string::npos;
  if (architecture) {
    read_architecture(map, overrides, out);
  } else if (!overrides.empty()) {
    throw BadInput("tactus " + out.verb + " takes no architecture key --" + overrides[0].first);
  }
  return out;
}

std::string help_text(const std::string& name) {
  std::ostringstream out;
  const Verb* verb = find_verb(name);
  if (verb == nullptr) {
    out << "tactus: a bit-accurate, cycle-level simulator of a systolic-array DNN accelerator\n\n"
           "usage: tactus VERB [arguments] [--section.key=value ...]\n\n";
    for (const auto& v : verbs) {
      out << "  " << v.name << std::string(11 - std::string(v.name).size(), ' ') << v.summary
          << "\n";
    }
    out << "\n  tactus VERB --help explains a verb; tactus --version lists the back ends.\n"
           "  Results go to stdout, progress to stderr. Exit codes: 0 ok, 1 mismatch, 2 bad "
           "input,\n  3 internal error.\n";
    return out.str();
  }
  out << "usage: tactus " << verb->name << " " << verb->arguments << " [options]\n\n  "
      << verb->summary << "\n\n"
      << options_for(*verb);
  if (std::string(verb->options).find('a') != std::string::npos) {
    out << "  --section.key=value   override an architecture key; `tactus config` lists them\n"
           "\n"
        << listed("Presets:", preset_names());
  }
  if (std::string(verb->options).find('s') != std::string::npos) {
    out << "\n"
        << listed("Names:", synth_names())
        << "llm_layer does not fit edge_16: take server_64 or --buf.ifmap_kib=256.\n";
  }
  out << "\nExample: " << verb->example << "\n";
  return out.str();
}

}  // namespace tactus
