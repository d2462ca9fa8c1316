// Stops threads of a process by ptrace, and lets its restore thread alone run meanwhile (gpu.md A.3.3). All from one thread: the one that seized.
#pragma once
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static int frozen[4096], frozen_count, restore_thread;
static uint64_t saved_mask;

static const char *outcome(int failed) { return failed ? strerror(errno) : "ok"; }

// Tells of stops that nobody waits for.
static void reap(void) {
  int st, tid;
  while ((tid = waitpid(-1, &st, __WALL | WNOHANG)) > 0) {
    const char *what = WIFSTOPPED(st) ? "stop" : WIFEXITED(st) ? "exit" : "signal";
    int number = WIFSTOPPED(st) ? WSTOPSIG(st) : WIFEXITED(st) ? WEXITSTATUS(st) : WTERMSIG(st);
    printf("    ptrace: tid %d status %#x (%s %d, event %d)\n", tid, st, what, number, st >> 16);
  }
}

static int is_frozen(int tid) {
  for (int i = 0; i < frozen_count; i++)
    if (frozen[i] == tid) return 1;
  return 0;
}

static void freeze_thread(int tid) {
  int st;
  if (ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD)) {
    printf("  seize %d: %s\n", tid, strerror(errno));
    return;
  }
  ptrace(PTRACE_INTERRUPT, tid, 0, 0);
  if (waitpid(tid, &st, __WALL) != tid || !WIFSTOPPED(st)) printf("  wait %d: %#x\n", tid, st);
  frozen[frozen_count++] = tid;
}

// All threads but `except`, until no new one is found.
static void freeze(int pid, int except) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  frozen_count = 0;
  for (int again = 1; again;) {
    DIR *tasks = opendir(path);
    again = 0;
    if (!tasks) {
      perror(path);
      return;
    }
    for (struct dirent *e; (e = readdir(tasks));) {
      int tid = atoi(e->d_name), before = frozen_count;
      if (tid <= 0 || tid == except || is_frozen(tid) || frozen_count == 4096) continue;
      freeze_thread(tid);
      again |= frozen_count > before;
    }
    closedir(tasks);
  }
  printf("  froze %d threads%s\n", frozen_count, except ? " (all but the restore thread)" : "");
}

static void thaw(void) {
  reap();
  for (int i = 0; i < frozen_count; i++)
    if (ptrace(PTRACE_DETACH, frozen[i], 0, 0)) printf("  detach %d: %s\n", frozen[i], strerror(errno));
  frozen_count = 0;
  printf("  thawed\n");
}

// Lets a frozen thread run with every signal but SIGTRAP blocked. 0 when it runs.
static int wake(int tid) {
  uint64_t all = ~(1ull << (SIGTRAP - 1));
  int failed = ptrace(PTRACE_GETSIGMASK, tid, 8, &saved_mask) != 0 || ptrace(PTRACE_SETSIGMASK, tid, 8, &all) != 0 ||
               ptrace(PTRACE_SETOPTIONS, tid, 0, 0) != 0 || ptrace(PTRACE_CONT, tid, 0, 0) != 0;
  printf("  wake restore thread %d: %s, its mask was %016llx\n", tid, outcome(failed), (unsigned long long)saved_mask);
  return failed;
}

static void stop_again(int tid) {
  int st = 0, waited = 0, failed = ptrace(PTRACE_INTERRUPT, tid, 0, 0) != 0;
  for (int i = 0; i < 3000 && !(waited = waitpid(tid, &st, __WALL | WNOHANG)); i++) usleep(1000);
  failed |= ptrace(PTRACE_SETOPTIONS, tid, 0, PTRACE_O_TRACESYSGOOD) != 0;
  failed |= ptrace(PTRACE_SETSIGMASK, tid, 8, &saved_mask) != 0;
  printf("  stop restore thread %d: %s wait=%d status %#x\n", tid, outcome(failed), waited, st);
}
