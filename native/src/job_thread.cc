#include "job_thread.h"

#include <csignal>
#include <ctime>
#include <sys/syscall.h>
#include <unistd.h>

extern "C" {
#include "vm.h"
}

namespace {

// The one signal that a kernel thread does not block. No SA_RESTART, so blocking calls return EINTR (signal(7)).
int WakeSignal() { return SIGRTMAX - 2; }

// Set by Abandon() before the signal is sent; read by the handler on the thread itself.
thread_local volatile sig_atomic_t* t_abandoned = nullptr;

void OnWake(int) {
  // Raw exit of this one thread: no destructors, no locks. The kernel detaches every tracee (ptrace(2)) and walks the robust list.
  if (t_abandoned && *t_abandoned) syscall(SYS_exit, 0);
}

struct StartArgs {
  std::shared_ptr<JobThread> thread;
};

}  // namespace

// One flag per thread, kept alive with the thread object; leaked with an abandoned thread on purpose (its stack is never unwound).
static volatile sig_atomic_t g_flags[64];
static std::mutex g_flags_mutex;
static bool g_flags_used[64];

static int TakeFlag() {
  std::lock_guard<std::mutex> lock(g_flags_mutex);
  for (int i = 0; i < 64; i++)
    if (!g_flags_used[i]) {
      g_flags_used[i] = true;
      g_flags[i] = 0;
      return i;
    }
  return -1;
}

std::shared_ptr<JobThread> JobThread::Start() {
  struct sigaction act {};
  act.sa_handler = OnWake;
  sigaction(WakeSignal(), &act, nullptr);
  std::shared_ptr<JobThread> thread(new JobThread());
  auto* args = new StartArgs{thread};
  // Signals are blocked before the thread exists, so that it never runs one of Node's handlers.
  sigset_t all, old;
  sigfillset(&all);
  sigdelset(&all, WakeSignal());
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int err = pthread_create(&thread->handle_, nullptr, &JobThread::Main, args);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (err != 0) {
    delete args;
    return nullptr;
  }
  std::unique_lock<std::mutex> lock(thread->mutex_);
  thread->changed_.wait(lock, [&] { return thread->tid_ != 0; });
  return thread;
}

JobThread::~JobThread() = default;

void* JobThread::Main(void* raw) {
  auto* args = static_cast<StartArgs*>(raw);
  std::shared_ptr<JobThread> self = std::move(args->thread);
  delete args;
  pthread_detach(pthread_self());
  self->Loop();
  return nullptr;
}

void JobThread::Loop() {
  int flag = TakeFlag();
  std::unique_lock<std::mutex> lock(mutex_);
  if (flag >= 0) t_abandoned = &g_flags[flag];
  flag_ = flag;
  tid_ = static_cast<int>(syscall(SYS_gettid));
  changed_.notify_all();
  for (;;) {
    changed_.wait(lock, [&] { return !queue_.empty() || closing_ || dead_; });
    if (dead_ || queue_.empty()) break;
    running_ = queue_.front();
    queue_.pop_front();
    std::shared_ptr<Job> job = running_;
    lock.unlock();
    int64_t result = vm_run(reinterpret_cast<vm_cell*>(job->program));
    lock.lock();
    if (dead_) break;
    running_.reset();
    job->result = result;
    job->done = true;
    changed_.notify_all();
    if (job->on_done) job->on_done(result);
  }
  t_abandoned = nullptr;
  if (flag >= 0) {
    std::lock_guard<std::mutex> guard(g_flags_mutex);
    g_flags_used[flag] = false;
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
  changed_.notify_all();
}

int64_t JobThread::RunSync(uint64_t program) {
  auto job = std::make_shared<Job>();
  job->program = program;
  Submit(job);
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return job->done; });
  return job->result;
}

void JobThread::Interrupt() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!dead_ && running_) pthread_kill(handle_, WakeSignal());
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
  std::lock_guard<std::mutex> lock(mutex_);
  if (dead_) return;
  dead_ = true;
  if (running_ && flag_ >= 0) {
    g_flags[flag_] = 1;
    pthread_kill(handle_, WakeSignal());
  }
  FailAll();
  changed_.notify_all();
}

void JobThread::Close() {
  std::lock_guard<std::mutex> lock(mutex_);
  closing_ = true;
  changed_.notify_all();
}
