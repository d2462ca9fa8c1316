// A KernelThread: one OS thread with a queue of programs. ptrace(2) is bound to the thread that attached, waitpid blocks, setns changes only the
// caller: none of this may run on the event loop or in the libuv pool.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <pthread.h>

struct Job {
  uint64_t program;
  int64_t result = 0;
  bool done = false;
  // Called on the kernel thread when the job ends; empty for synchronous jobs.
  std::function<void(int64_t)> on_done;
};

// Result of jobs that could not run because the thread was abandoned: ~0 is "cell 0 failed", so a value no program can give.
constexpr int64_t kAbandoned = INT64_MIN;

class JobThread : public std::enable_shared_from_this<JobThread> {
 public:
  static std::shared_ptr<JobThread> Start();
  ~JobThread();
  void Submit(std::shared_ptr<Job> job);
  int64_t RunSync(uint64_t program);
  // Makes a blocking call of the running program return EINTR.
  void Interrupt();
  // Ends the OS thread at once, also in the middle of a system call: the kernel detaches its tracees and marks its robust futexes.
  void Abandon();
  // Ends the thread after the queue is empty.
  void Close();
  int tid() const { return tid_; }
  bool dead() const { return dead_; }

 private:
  JobThread() = default;
  static void* Main(void* self);
  void Loop();
  void FailAll();

  pthread_t handle_{};
  int tid_ = 0;
  int flag_ = -1;
  bool dead_ = false;
  bool closing_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Job>> queue_;
  std::shared_ptr<Job> running_;
};
