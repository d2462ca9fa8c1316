#include "watchdog.h"

#include <chrono>

Watchdog::Watchdog(std::shared_ptr<JobThread> thread, int64_t milliseconds) {
  clock_ = std::thread([this, thread, milliseconds] {
    std::unique_lock<std::mutex> lock(mutex_);
    if (changed_.wait_for(lock, std::chrono::milliseconds(milliseconds), [this] { return disarmed_; })) return;
    expired_ = true;
    lock.unlock();
    thread->Abandon();
  });
}

bool Watchdog::Disarm() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    disarmed_ = true;
  }
  changed_.notify_all();
  if (clock_.joinable()) clock_.join();
  return expired_;
}
