// SPDX-License-Identifier: Apache-2.0
// Threads that work on parts of one op together.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tactus::fast {

class ThreadPool {
 public:
  /// `threads` counts the caller: 1 starts none.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls work(0) .. work(size() - 1), the first one in the calling thread, and returns when all
  /// have ended. Rethrows an exception of one of them.
  void run(const std::function<void(int)>& work);

 private:
  void serve(int part);
  void call(int part);

  std::vector<std::thread> workers_;
  const std::function<void(int)>* work_ = nullptr;
  std::atomic<std::uint64_t> round_{0};  ///< number of the work to do
  std::atomic<int> busy_{0};             ///< workers that have not ended it
  std::atomic<bool> stop_{false};
  std::mutex mutex_;  ///< for sleeping workers and error_
  std::condition_variable wake_;
  std::exception_ptr error_;
};

}  // namespace tactus::fast
