#include "worker.h"

#include <semaphore.h>

#include <csignal>

#include "io.h"
#include "process.h"

namespace {

constexpr unsigned kMaxWork = 256;

pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t g_changed;
Work g_work[kMaxWork];
unsigned g_first = 0;
// Entries from g_first on, the one that is being done included.
unsigned g_count = 0;

void run(const Work &work) {
  if (work.function != nullptr) return work.function(work.argument);
  // The time that the kernel takes passes in the daemon: a GPU goes on while the threads of its process are stopped.
  GpuReply reply;
  g_process.worker.call(work.kernel, &reply);
}

void *work_for_ever(void *) {
  pthread_mutex_lock(&g_mutex);
  for (;;) {
    while (g_count == 0) pthread_cond_wait(&g_changed, &g_mutex);
    Work work = g_work[g_first];
    pthread_mutex_unlock(&g_mutex);
    run(work);
    pthread_mutex_lock(&g_mutex);
    g_first = (g_first + 1) % kMaxWork;
    g_count--;
    pthread_cond_broadcast(&g_changed);
  }
  return nullptr;
}

}  // namespace

CUresult submit(const Work &work) {
  pthread_mutex_lock(&g_mutex);
  bool fits = g_count < kMaxWork;
  if (fits) g_work[(g_first + g_count++) % kMaxWork] = work;
  pthread_cond_broadcast(&g_changed);
  pthread_mutex_unlock(&g_mutex);
  return fits ? kSuccess : kOutOfMemory;
}

bool drain(uint64_t deadline_ns) {
  timespec until = as_timespec(deadline_ns);
  int error = 0;
  pthread_mutex_lock(&g_mutex);
  while (g_count > 0 && error == 0) {
    error = deadline_ns == 0 ? pthread_cond_wait(&g_changed, &g_mutex) : pthread_cond_timedwait(&g_changed, &g_mutex, &until);
  }
  bool empty = g_count == 0;
  pthread_mutex_unlock(&g_mutex);
  return empty;
}

namespace {

struct Start {
  const char *name;
  void *(*body)(void *);
  sem_t named;
};

// A thread can name itself also where /proc is not that of its pid namespace; naming another one goes through /proc.
void *name_and_run(void *argument) {
  auto *start = static_cast<Start *>(argument);
  void *(*body)(void *) = start->body;
  pthread_setname_np(pthread_self(), start->name);
  sem_post(&start->named);
  return body(nullptr);
}

void wait_until_named(Start *start) {
  while (sem_wait(&start->named) != 0) {
  }
}

}  // namespace

bool start_driver_thread(const char *name, void *(*body)(void *)) {
  Start start{name, body, {}};
  sem_init(&start.named, 0, 0);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 << 10);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  int error = pthread_create(&thread, &attributes, name_and_run, &start);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // Callers find the thread by its name from the moment that cuInit returns.
  if (error == 0) wait_until_named(&start);
  sem_destroy(&start.named);
  return error == 0;
}

bool start_worker() {
  pthread_condattr_t clock;
  pthread_condattr_init(&clock);
  pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
  pthread_cond_init(&g_changed, &clock);
  // As in real processes: a driver thread whose name also begins with "cuda", and is not the one that callers look for.
  return start_driver_thread("cuda-EvtHandlr", work_for_ever);
}
