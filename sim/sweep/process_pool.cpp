// SPDX-License-Identifier: Apache-2.0
#include "sweep/process_pool.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "numerics/errors.hpp"

namespace tactus::sweep {
namespace {

// First byte of a frame from a worker: a reply, the end of a task, or an exception.
constexpr char frame_reply = 'R', frame_done = 'D', frame_bad = 'B', frame_internal = 'I';

volatile std::sig_atomic_t told_to_end = 0;

/// False when the other end is gone.
bool write_all(int file, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = write(file, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool write_frame(int file, const std::string& text) {
  const std::uint64_t size = text.size();
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  bytes += text;
  return write_all(file, bytes.data(), bytes.size());
}

bool read_all(int file, char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = read(file, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool read_frame(int file, std::string& text) {
  std::uint64_t size = 0;
  if (!read_all(file, reinterpret_cast<char*>(&size), sizeof size)) return false;
  text.resize(size);
  return read_all(file, text.data(), text.size());
}

/// The life of a worker; ends with the task pipe or when the parent is gone.
[[noreturn]] void live(int tasks, int replies, const Work& work) {
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGUSR1, [](int) { told_to_end = 1; });
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto send = [&](const std::string& frame) {
    if (!write_frame(replies, frame)) _exit(0);
  };
  for (std::string task; read_frame(tasks, task);) {
    try {
      work(task, [&](const std::string& message) { send(frame_reply + message); });
      send(std::string(1, frame_done));
    } catch (const BadInput& e) {
      send(frame_bad + std::string(e.what()));
    } catch (const std::exception& e) {
      send(frame_internal + std::string(e.what()));
    }
  }
  // No destructors: the parent's files and databases are none of a worker's business.
  _exit(0);
}

}  // namespace

ProcessPool::ProcessPool(std::uint64_t workers, const Work& work) {
  // A worker that dies shows as the end of its pipe, not as a signal.
  std::signal(SIGPIPE, SIG_IGN);
  for (std::uint64_t i = 0; i < workers; ++i) {
    std::array<int, 2> tasks{}, replies{};
    if (pipe(tasks.data()) != 0 || pipe(replies.data()) != 0) {
      throw InternalError(std::string("no pipe for a sweep worker: ") + std::strerror(errno));
    }
    const pid_t process = fork();
    if (process < 0) {
      throw InternalError(std::string("no sweep worker can be started: ") + std::strerror(errno));
    }
    if (process == 0) {
      // The ends of the other workers' pipes, or they would not see that the parent has gone.
      for (const Worker& w : workers_) {
        close(w.to);
        close(w.from);
      }
      close(tasks[1]);
      close(replies[0]);
      live(tasks[0], replies[1], work);
    }
    close(tasks[0]);
    close(replies[1]);
    workers_.push_back({process, tasks[1], replies[0], false, {}});
  }
}

ProcessPool::~ProcessPool() { close_all(true); }

void ProcessPool::give(Worker& worker, const std::string& task) {
  worker.busy = true;
  // When the worker is dead, its pipe ends and read_from() says so.
  static_cast<void>(write_frame(worker.to, task));
}

/// Handles what has arrived; true when the worker is done with its task.
bool ProcessPool::read_from(Worker& worker, const Parent& parent) {
  std::array<char, 65536> buffer{};
  const ssize_t n = read(worker.from, buffer.data(), buffer.size());
  if (n < 0 && errno == EINTR) return false;
  if (n <= 0) {
    throw InternalError("sweep worker " + std::to_string(worker.process) +
                        " died in the middle of a task; finished points are kept, and --resume "
                        "goes on");
  }
  worker.received.append(buffer.data(), static_cast<std::size_t>(n));
  std::size_t at = 0;
  bool done = false;
  for (;;) {
    std::uint64_t size = 0;
    if (worker.received.size() - at < sizeof size) break;
    std::memcpy(&size, worker.received.data() + at, sizeof size);
    if (worker.received.size() - at - sizeof size < size) break;
    const char kind = worker.received.at(at + sizeof size);
    const std::string text = worker.received.substr(at + sizeof size + 1, size - 1);
    at += sizeof size + size;
    if (kind == frame_bad) throw BadInput(text);
    if (kind == frame_internal) throw InternalError(text);
    if (kind == frame_done) done = true;
    if (kind == frame_reply) parent.receive(text);
  }
  worker.received.erase(0, at);
  return done;
}

void ProcessPool::run(const Parent& parent) {
  bool more = true;
  const auto feed = [&](Worker& worker) {
    if (!more) return;
    const auto task = parent.next(static_cast<std::size_t>(&worker - workers_.data()));
    more = task.has_value();
    if (more) give(worker, *task);
  };
  for (Worker& worker : workers_) feed(worker);
  for (;;) {
    std::vector<pollfd> polls;
    std::vector<Worker*> polled;
    for (Worker& worker : workers_) {
      if (!worker.busy) continue;
      polls.push_back({worker.from, POLLIN, 0});
      polled.push_back(&worker);
    }
    if (polls.empty()) break;
    const int ready = poll(polls.data(), polls.size(), 200);
    parent.tick();
    if (ready <= 0) continue;
    for (std::size_t i = 0; i < polls.size(); ++i) {
      if (polls[i].revents == 0 || !read_from(*polled[i], parent)) continue;
      polled[i]->busy = false;
      feed(*polled[i]);
    }
  }
}

void ProcessPool::interrupt() {
  for (const Worker& worker : workers_) {
    if (!told_ && worker.process > 0) kill(worker.process, SIGUSR1);
  }
  told_ = true;
}

bool ProcessPool::interrupted() { return told_to_end != 0; }

std::int64_t ProcessPool::finish() {
  close_all(false);
  return peak_kib_;
}

void ProcessPool::close_all(bool kill_busy) {
  for (Worker& worker : workers_) {
    if (worker.process < 0) continue;
    if (kill_busy && worker.busy) kill(worker.process, SIGKILL);
    close(worker.to);
    close(worker.from);
    rusage usage{};
    int status = 0;
    while (wait4(worker.process, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    peak_kib_ = std::max<std::int64_t>(peak_kib_, usage.ru_maxrss);
    worker.process = -1;
  }
}

}  // namespace tactus::sweep
