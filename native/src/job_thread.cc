#include "job_thread.h"

#include <csignal>
#include <ctime>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern "C" {
#include "vm.h"
}

namespace {

constexpr long kPollNs = 50'000;
constexpr int kPolls = 20'000;  // 1 s
// Waking a thread that sleeps on an idle processor costs up to 0.1 ms in a virtual machine, more than most programs take, and a tree is frozen
// meanwhile. So both sides look for a moment before they sleep, and give the processor to whoever else wants it.
constexpr int64_t kLookNs = 200'000;

int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

void LookFor(const std::atomic<bool>& flag) {
  static const bool alone = sysconf(_SC_NPROCESSORS_ONLN) < 2;
  if (alone) return;
  for (int64_t end = NowNs() + kLookNs; !flag.load(std::memory_order_acquire) && NowNs() < end;) sched_yield();
}

// The one signal that a kernel thread does not block. No SA_RESTART, so blocking calls return EINTR (signal(7)).
int WakeSignal() { return SIGRTMAX - 2; }

// Points at the thread's own `abandoned_` while a program runs, else null. Outside a program the thread may hold a lock, which a raw exit would
// never give back; there it looks at the flag itself.
thread_local std::atomic<std::atomic<bool>*> t_running{nullptr};

// Raw exit of this one thread: no destructors, no locks. The kernel detaches every tracee (ptrace(2)) and walks the robust list.
void OnWake(int) {
  std::atomic<bool>* abandoned = t_running.load();
  if (abandoned && abandoned->load()) syscall(SYS_exit, 0);
}

}  // namespace

int StartThread(pthread_t* handle, void* (*main)(void*), void* arg) {
  // Blocked before the thread exists: it never has another mask.
  sigset_t all, old;
  sigfillset(&all);
  sigdelset(&all, WakeSignal());
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int err = pthread_create(handle, nullptr, main, arg);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  return err;
}

int JobThread::Start(std::shared_ptr<JobThread>* out) {
  struct sigaction act {};
  act.sa_handler = OnWake;
  sigaction(WakeSignal(), &act, nullptr);
  std::shared_ptr<JobThread> thread(new JobThread());
  auto* self = new std::shared_ptr<JobThread>(thread);
  int err = StartThread(&thread->handle_, &JobThread::Main, self);
  if (err != 0) {
    delete self;
    return err;
  }
  std::unique_lock<std::mutex> lock(thread->mutex_);
  thread->changed_.wait(lock, [&] { return thread->tid_ != 0; });
  *out = std::move(thread);
  return 0;
}

void* JobThread::Main(void* raw) {
  // SAFETY: Start() made it for us alone. The thread holds itself: it may outlive the JavaScript object.
  auto* holder = static_cast<std::shared_ptr<JobThread>*>(raw);
  std::shared_ptr<JobThread> self = std::move(*holder);
  delete holder;
  pthread_detach(pthread_self());
  // For ps, traces and the test that no other thread makes ptrace, wait4 or setns calls.
  prctl(PR_SET_NAME, "criu-ts-kernel");
  self->Loop();
  return nullptr;
}

void JobThread::Loop() {
  // First touch here: in the handler it could allocate.
  t_running.store(nullptr);
  std::unique_lock<std::mutex> lock(mutex_);
  tid_ = static_cast<int>(syscall(SYS_gettid));
  changed_.notify_all();
  for (;;) {
    if (queue_.empty() && !closing_ && !dead_) {
      lock.unlock();
      LookFor(wanted_);
      lock.lock();
    }
    changed_.wait(lock, [&] { return !queue_.empty() || closing_ || dead_; });
    if (dead_ || queue_.empty()) break;
    running_ = queue_.front();
    queue_.pop_front();
    wanted_.store(!queue_.empty());
    std::shared_ptr<Job> job = running_;
    lock.unlock();
    // Race with Abandon(): 1. it sets the flag, 2. we publish t_running, 3. its signal comes. When 3 comes before 2, the handler does nothing, but then
    // the flag was set before our look at it.
    t_running.store(&abandoned_);
    if (abandoned_.load()) syscall(SYS_exit, 0);
    // SAFETY: ReadProgram() found the address in a mapping, which the job keeps.
    int64_t result = vm_run(reinterpret_cast<vm_cell*>(job->program));
    t_running.store(nullptr);
    lock.lock();
    if (dead_) break;
    running_.reset();
    job->result = result;
    job->done = true;
    changed_.notify_all();
    if (job->on_done) job->on_done(result);
  }
}

void JobThread::Submit(std::shared_ptr<Job> job) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (dead_ || closing_) {
    job->result = kAbandoned;
    job->done = true;
    if (job->on_done) job->on_done(kAbandoned);
    return;
  }
  queue_.push_back(std::move(job));
  wanted_.store(true);
  changed_.notify_all();
}

int64_t JobThread::RunSync(uint64_t program, std::shared_ptr<Region> region) {
  auto job = std::make_shared<Job>(program, std::move(region));
  Submit(job);
  LookFor(job->done);
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return job->done.load(); });
  }
  // A job that came after the deadline never ran, but the thread may not be gone yet, nor let go of what it traced.
  if (job->result == kAbandoned) AwaitEnd();
  return job->result;
}

void JobThread::Interrupt() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!dead_ && running_) pthread_kill(handle_, WakeSignal());
}

bool JobThread::dead() {
  std::lock_guard<std::mutex> lock(mutex_);
  return dead_;
}

void JobThread::FailAll() {
  auto fail = [](const std::shared_ptr<Job>& job) {
    job->result = kAbandoned;
    job->done = true;
    if (job->on_done) job->on_done(kAbandoned);
  };
  if (running_) fail(running_);
  for (auto& job : queue_) fail(job);
  queue_.clear();
  running_.reset();
}

void JobThread::Abandon() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (dead_) return;
    dead_ = true;
    wanted_.store(true);
    abandoned_.store(true);
    if (running_) pthread_kill(handle_, WakeSignal());
    changed_.notify_all();
  }
  // The jobs end after the thread: whoever waits for one may free memory that the program still uses, and expects its targets to run again.
  AwaitEnd();
  std::lock_guard<std::mutex> lock(mutex_);
  FailAll();
  changed_.notify_all();
}

void JobThread::AwaitEnd() const {
  timespec pause{0, kPollNs};
  for (int i = 0; i < kPolls && syscall(SYS_tgkill, getpid(), tid_, 0) == 0; i++) nanosleep(&pause, nullptr);
}

void JobThread::Close() {
  std::lock_guard<std::mutex> lock(mutex_);
  closing_ = true;
  wanted_.store(true);
  changed_.notify_all();
}
