#include "tracer.h"

#include <dirent.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

namespace {

std::map<int, uint64_t> g_masks;

int wait_for_stop(int tid) {
  int status = 0;
  while (waitpid(tid, &status, __WALL) < 0)
    if (errno != EINTR) return -errno;
  return WIFSTOPPED(status) ? 0 : -ESRCH;
}

int interrupt(int tid) { return ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr) == 0 ? wait_for_stop(tid) : -errno; }

int seize(int tid) { return ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) == 0 ? interrupt(tid) : -errno; }

int detach(int tid) { return ptrace(PTRACE_DETACH, tid, nullptr, nullptr) == 0 ? 0 : -errno; }

template <typename Act>
int for_each_thread(int pid, Act act) {
  std::string path = "/proc/" + std::to_string(pid) + "/task";
  DIR *tasks = opendir(path.c_str());
  if (tasks == nullptr) return -errno;
  int error = 0;
  for (dirent *one = readdir(tasks); one != nullptr; one = readdir(tasks)) {
    int failed = one->d_name[0] == '.' ? 0 : act(atoi(one->d_name));
    if (error == 0) error = failed;
  }
  closedir(tasks);
  return error;
}

}  // namespace

int seize_all(int pid) { return for_each_thread(pid, seize); }

int wake(int tid) {
  uint64_t mask = 0;
  uint64_t all_but_trap = ~(1ull << (SIGTRAP - 1));
  if (ptrace(PTRACE_GETSIGMASK, tid, sizeof mask, &mask) != 0) return -errno;
  if (ptrace(PTRACE_SETSIGMASK, tid, sizeof mask, &all_but_trap) != 0) return -errno;
  g_masks[tid] = mask;
  return ptrace(PTRACE_CONT, tid, nullptr, nullptr) == 0 ? 0 : -errno;
}

int halt(int tid) {
  int error = interrupt(tid);
  if (error != 0) return error;
  uint64_t mask = g_masks[tid];
  g_masks.erase(tid);
  return ptrace(PTRACE_SETSIGMASK, tid, sizeof mask, &mask) == 0 ? 0 : -errno;
}

int detach_all(int pid) { return for_each_thread(pid, detach); }
