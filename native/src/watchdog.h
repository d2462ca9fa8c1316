// A deadline that does not depend on the event loop: a timer cannot fire while JavaScript blocks the loop (or waits for a synchronous job), so a
// thread of its own ends the kernel thread, which thaws every target (their stubs restore them).
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "job_thread.h"

class Watchdog {
 public:
  Watchdog(std::shared_ptr<JobThread> thread, int64_t milliseconds);
  // Stops the clock; true when it had already expired.
  bool Disarm();
  bool expired() const { return expired_; }
  ~Watchdog() { Disarm(); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool disarmed_ = false;
  std::atomic<bool> expired_{false};
  std::thread clock_;
};
