// A deadline that does not depend on the event loop: a timer cannot fire while JavaScript blocks the loop (or waits for a synchronous job), so a
// thread of its own ends the kernel thread, which thaws every target (their stubs restore them).
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <pthread.h>

#include "job_thread.h"

class Watchdog {
 public:
  // Starts the clock; 0, or pthread_create's errno.
  static int Start(std::shared_ptr<JobThread> thread, int64_t milliseconds, std::unique_ptr<Watchdog>* out);
  // Stops the clock; true when it had already expired. Waits for the clock's thread only then: a target may be frozen meanwhile.
  bool Disarm();
  ~Watchdog();

 private:
  Watchdog(std::shared_ptr<JobThread> thread, int64_t milliseconds) : thread_(std::move(thread)), milliseconds_(milliseconds) {}
  static void* Main(void* self);
  void Count();

  const std::shared_ptr<JobThread> thread_;
  const int64_t milliseconds_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool disarmed_ = false;
  bool expired_ = false;
  bool joined_ = false;  // Or never started.
  pthread_t clock_{};
  void Join();
};
