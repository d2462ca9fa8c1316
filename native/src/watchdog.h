// A deadline that does not depend on the event loop: a timer cannot fire while JavaScript blocks the loop (or waits for a synchronous job), so a
// thread of its own ends the kernel thread, which thaws every target (their stubs restore them).
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <string>

#include "job_thread.h"

class Watchdog {
 public:
  // Starts the clock; 0, or pthread_create's errno. With `last_words` the whole process ends when nobody disarms it soon after it expired: JavaScript is
  // stuck for good then, and could neither end nor be asked to.
  static int Start(std::shared_ptr<JobThread> thread, int64_t milliseconds, std::string last_words, std::unique_ptr<Watchdog>* out);
  // Stops the clock; true when it had already expired. Waits for the clock's thread only then: a target may be frozen meanwhile.
  bool Disarm();
  ~Watchdog();

 private:
  Watchdog(std::shared_ptr<JobThread> thread, int64_t milliseconds, std::string last_words)
      : thread_(std::move(thread)), milliseconds_(milliseconds), last_words_(std::move(last_words)) {}
  static void* Main(void* self);
  void Count();

  const std::shared_ptr<JobThread> thread_;
  const int64_t milliseconds_;
  const std::string last_words_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool disarmed_ = false;
  bool expired_ = false;
  bool joined_ = false;  // Or never started.
  pthread_t clock_{};
  void Join();
};
