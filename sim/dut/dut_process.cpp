// SPDX-License-Identifier: Apache-2.0
#include "dut/dut_process.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <utility>

#include "dut/dut_layer.hpp"
#include "dut/dut_library.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace {

enum class Call : std::uint8_t { supports, run, finish };
enum class Answer : std::uint8_t { yes, no, failed };

/// Words behind an output that must stay as they are.
constexpr std::size_t guard_words = 64;

enum class Closed { by_peer, timeout };

}  // namespace

/// A stream of values to the other process. Both ends run the same program, so values are sent as
/// they lie in memory.
class DutProcess::Channel {
 public:
  explicit Channel(int fd) : fd_(fd) {}
  ~Channel() { close(fd_); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void write(const void* data, std::size_t bytes) {
    const auto* at = static_cast<const char*>(data);
    while (bytes > 0) {
      const ssize_t n = send(fd_, at, bytes, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) throw Closed::by_peer;
      at += n;
      bytes -= static_cast<std::size_t>(n);
    }
  }
  /// timeout_ms < 0: waits for ever.
  void read(void* data, std::size_t bytes, int timeout_ms = -1) {
    auto* at = static_cast<char*>(data);
    while (bytes > 0) {
      pollfd wait{fd_, POLLIN, 0};
      const int ready = poll(&wait, 1, timeout_ms);
      if (ready < 0 && errno == EINTR) continue;
      if (ready == 0) throw Closed::timeout;
      const ssize_t n = recv(fd_, at, bytes, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) throw Closed::by_peer;
      at += n;
      bytes -= static_cast<std::size_t>(n);
    }
  }

  template <typename T>
  void put(const T& value) {
    write(&value, sizeof value);
  }
  void put_text(const std::string& text) {
    put(text.size());
    write(text.data(), text.size());
  }
  template <typename T>
  [[nodiscard]] T get(int timeout_ms = -1) {
    T value{};
    read(&value, sizeof value, timeout_ms);
    return value;
  }
  [[nodiscard]] std::string get_text() {
    std::string text(get<std::size_t>(), ' ');
    read(text.data(), text.size());
    return text;
  }

 private:
  int fd_;
};

namespace {

/// The other side: serves calls until finish or until the tool is gone.
template <class Channel>
class Server {
 public:
  Server(Channel& channel, const Network& network) : channel_(channel), network_(network) {}

  void serve(const DutSetup& setup) {
    std::unique_ptr<DutLibrary> library;
    try {
      library = std::make_unique<DutLibrary>(setup.library, setup.config_json);
      channel_.put(Answer::yes);
    } catch (const std::exception& error) {
      channel_.put(Answer::failed);
      channel_.put_text(error.what());
      return;
    }
    for (;;) {
      const Call call = channel_.template get<Call>();
      if (call == Call::finish) break;
      const auto index = channel_.template get<std::size_t>();
      const DutLayer layer(network_, network_.layers.at(index));
      if (call == Call::supports) {
        supports(*library, layer.view(), network_.layers.at(index));
      } else {
        run(*library, layer.view(), network_.layers.at(index));
      }
    }
    library.reset();
    channel_.put(Answer::yes);
  }

 private:
  void supports(const DutLibrary& library, const tactus_dut_layer& view, const Layer& layer) {
    const std::string beyond = not_described(network_, layer, library.version());
    std::string why = "the library has version " + std::to_string(library.version()) +
                      " of tactus_dut.h, which does not describe " + beyond;
    const bool yes = beyond.empty() && library.supports(view, why);
    channel_.put(yes ? Answer::yes : Answer::no);
    if (!yes) channel_.put_text(why);
  }

  void run(const DutLibrary& library, const tactus_dut_layer& view, const Layer& layer) {
    std::vector<std::vector<std::int32_t>> inputs;
    std::vector<const std::int32_t*> data;
    for (const std::string& name : layer.inputs) {
      inputs.emplace_back(static_cast<std::size_t>(network_.shape_of(name).count()));
      channel_.read(inputs.back().data(), inputs.back().size() * sizeof(std::int32_t));
    }
    for (const auto& input : inputs) data.push_back(input.data());
    const auto count = static_cast<std::size_t>(layer.out_shape.count());
    std::vector<std::int32_t> output(count + guard_words, dut_unwritten);
    std::uint64_t cycles = 0;
    std::string message;
    bool good = library.run(view, data.data(), output.data(), cycles, message);
    for (std::size_t i = count; good && i < output.size(); ++i) {
      if (output[i] == dut_unwritten) continue;
      good = false;
      message = "it wrote behind the " + std::to_string(count) + " values of its output";
    }
    channel_.put(good ? Answer::yes : Answer::failed);
    if (!good) {
      channel_.put_text(message);
      return;
    }
    channel_.put(cycles);
    channel_.write(output.data(), count * sizeof(std::int32_t));
  }

  Channel& channel_;
  const Network& network_;
};

}  // namespace

template <class Talk>
auto DutProcess::guarded(const std::string& what, const std::string& layer, const Talk& talk) {
  try {
    return talk();
  } catch (const Closed& reason) {
    const auto fail = [&](const std::string& text) {
      return BadInput(setup_.library + " " + text + " " + what, setup_.library, layer);
    };
    if (reason == Closed::timeout) {
      throw fail("did not answer for " + std::to_string(setup_.timeout_seconds) + " s");
    }
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = -1;
    if (!WIFSIGNALED(status)) {
      throw fail("ended its process (exit code " + std::to_string(WEXITSTATUS(status)) + ")");
    }
    const int number = WTERMSIG(status);
    throw fail("crashed (signal " + std::to_string(number) + ", " + strsignal(number) + ")");
  }
}

DutProcess::DutProcess(const Network& network, DutSetup setup)
    : network_(network), setup_(std::move(setup)) {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
    throw InternalError(std::string("no socket pair for the DUT: ") + std::strerror(errno));
  }
  child_ = fork();
  if (child_ == 0) {
    close(ends[0]);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    int code = 0;
    try {
      Channel channel(ends[1]);
      Server<Channel>(channel, network_).serve(setup_);
    } catch (...) {
      code = 1;  // the tool sees that the channel is closed
    }
    _exit(code);
  }
  close(ends[1]);
  channel_ = std::make_unique<Channel>(ends[0]);
  if (child_ < 0) {
    throw InternalError(std::string("no process for the DUT: ") + std::strerror(errno));
  }
  guarded("while it was loaded", {}, [&] { return answer({}, {}); });
}

DutProcess::~DutProcess() {
  if (child_ <= 0) return;
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
}

bool DutProcess::answer(const std::string& what, const std::string& layer) {
  const int timeout = setup_.timeout_seconds > 0 ? setup_.timeout_seconds * 1000 : -1;
  const auto answer = channel_->get<Answer>(timeout);
  if (answer != Answer::failed) return answer == Answer::yes;
  const std::string message = channel_->get_text();
  if (layer.empty()) throw BadInput(message, setup_.library);
  throw BadInput(setup_.library + " failed " + what + ": " + message, setup_.library, layer);
}

std::optional<std::string> DutProcess::refusal(std::size_t layer) {
  const std::string& id = network_.layers.at(layer).id;
  const std::string what = "when it was asked for layer " + id;
  return guarded(what, id, [&]() -> std::optional<std::string> {
    channel_->put(Call::supports);
    channel_->put(layer);
    if (answer(what, id)) return std::nullopt;
    return channel_->get_text();
  });
}

DutRun DutProcess::run(std::size_t layer, const std::vector<const QTensor*>& inputs) {
  const Layer& about = network_.layers.at(layer);
  const std::string what = "in layer " + about.id;
  return guarded(what, about.id, [&] {
    channel_->put(Call::run);
    channel_->put(layer);
    for (const QTensor* input : inputs) {
      channel_->write(input->data.data(), input->data.size() * sizeof(std::int32_t));
    }
    (void)answer(what, about.id);
    DutRun result;
    const auto cycles = channel_->get<std::uint64_t>();
    if (cycles != TACTUS_DUT_NO_CYCLES) result.cycles = cycles;
    result.output.resize(static_cast<std::size_t>(about.out_shape.count()));
    channel_->read(result.output.data(), result.output.size() * sizeof(std::int32_t));
    return result;
  });
}

void DutProcess::finish() {
  guarded("when it was destroyed", {}, [&] {
    channel_->put(Call::finish);
    return answer({}, {});
  });
  waitpid(child_, nullptr, 0);
  child_ = -1;
}

}  // namespace tactus
