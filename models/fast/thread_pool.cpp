// SPDX-License-Identifier: Apache-2.0
#include "fast/thread_pool.hpp"

#include <utility>

namespace tactus::fast {
namespace {

/// Rounds of looking for work before a thread sleeps: ops follow each other within microseconds.
constexpr int patience = 2000;

}  // namespace

ThreadPool::ThreadPool(int threads) {
  for (int part = 1; part < threads; ++part) {
    workers_.emplace_back([this, part] { serve(part); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(const std::function<void(int)>& work) {
  if (workers_.empty()) return work(0);
  work_ = &work;
  busy_ = static_cast<int>(workers_.size());
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++round_;
  }
  wake_.notify_all();
  call(0);
  while (busy_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void ThreadPool::call(int part) {
  try {
    (*work_)(part);
  } catch (...) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!error_) error_ = std::current_exception();
  }
}

void ThreadPool::serve(int part) {
  std::uint64_t seen = 0;
  const auto has_work = [&] { return stop_ || round_.load(std::memory_order_acquire) != seen; };
  while (true) {
    for (int i = 0; i < patience && !has_work(); ++i) std::this_thread::yield();
    if (!has_work()) {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, has_work);
    }
    if (stop_) return;
    ++seen;
    call(part);
    busy_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace tactus::fast
