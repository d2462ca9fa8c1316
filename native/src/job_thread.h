// A KernelThread: one OS thread with a queue of programs. ptrace(2) is bound to the thread that attached, waitpid blocks, setns changes only the
// caller: none of this may run on the event loop or in the libuv pool.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <pthread.h>

class Region;

struct Job {
  // `region` keeps the program's memory while the job waits or runs.
  Job(uint64_t program, std::shared_ptr<Region> region) : program(program), region(std::move(region)) {}
  const uint64_t program;
  const std::shared_ptr<Region> region;
  int64_t result = 0;
  // Written under the lock; looked at without it before somebody goes to sleep.
  std::atomic<bool> done{false};
  // Called once, when the job ends or is given up; empty for synchronous jobs. May run on any thread.
  std::function<void(int64_t)> on_done;
};

// Result of jobs that could not run because the thread was abandoned: no program can give it.
constexpr int64_t kAbandoned = INT64_MIN;

// Starts a thread on which every signal but the wake signal is blocked, so that none of Node's handlers ever runs there. 0 or an errno.
int StartThread(pthread_t* handle, void* (*main)(void*), void* arg);

class JobThread {
 public:
  // Starts the OS thread; 0, or pthread_create's errno.
  static int Start(std::shared_ptr<JobThread>* out);
  void Submit(std::shared_ptr<Job> job);
  int64_t RunSync(uint64_t program, std::shared_ptr<Region> region);
  // Makes a blocking call of the running program return EINTR.
  void Interrupt();
  // Ends the OS thread at once, also in the middle of a system call: the kernel detaches its tracees and marks its robust futexes. Returns when the
  // thread is gone, or after a bounded wait when it sits in a call that no signal ends.
  void Abandon();
  // Ends the thread after the queue is empty.
  void Close();
  int tid() const { return tid_; }
  bool dead();

 private:
  JobThread() = default;
  static void* Main(void* self);
  void Loop();
  void FailAll();
  void AwaitEnd() const;

  pthread_t handle_{};
  int tid_ = 0;
  // Set by Abandon() before the signal is sent; read by the handler on the thread itself.
  std::atomic<bool> abandoned_{false};
  bool dead_ = false;
  bool closing_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Job>> queue_;
  // Something is in the queue, or the thread is to end. As `done`: only a hint, what counts is looked at under the lock.
  std::atomic<bool> wanted_{false};
  std::shared_ptr<Job> running_;
};
