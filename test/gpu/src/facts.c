// Kernel features that the engine or the kit may want; every line is one try.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct args {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

struct scan {
  uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inv, mask, any, ret;
};

#define T(name, e)                                                         \
  do {                                                                     \
    errno = 0;                                                             \
    long r_ = (long)(e);                                                   \
    printf("  %-34s %ld %s\n", name, r_, r_ < 0 ? strerror(errno) : "ok"); \
  } while (0)

int main(void) {
  T("userfaultfd(syscall)", syscall(SYS_userfaultfd, O_CLOEXEC));
  int u = syscall(SYS_userfaultfd, O_CLOEXEC);
  struct {
    uint64_t api, features, ioctls;
  } a = {0xAA, 0, 0};
  if (u >= 0) {
    T("UFFDIO_API", ioctl(u, _IOWR(0xAA, 0x3F, a), &a));
    printf("  uffd features %#lx ioctls %#lx\n", (long)a.features, (long)a.ioctls);
  }
  T("/dev/userfaultfd", open("/dev/userfaultfd", O_RDWR));
  char *m = mmap(0, 1 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  m[0] = 1;
  int pm = open("/proc/self/pagemap", O_RDONLY);
  struct {
    uint64_t s, e, c;
  } v[4];
  struct scan s = {sizeof s, 0, (uint64_t)m, (uint64_t)m + (1 << 20), 0, (uint64_t)v, 4, 0, 0, 0, 0x3f, 0x3f};
  T("PAGEMAP_SCAN", ioctl(pm, _IOWR('f', 16, s), &s));
  int want = 31337;
  struct args c = {0};
  c.exit_signal = SIGCHLD;
  c.set_tid = (uint64_t)&want;
  c.set_tid_size = 1;
  errno = 0;
  long p = syscall(SYS_clone3, &c, sizeof c);
  if (!p) _exit(0);
  printf("  clone3 set_tid 31337               %ld %s\n", p, p < 0 ? strerror(errno) : "ok");
  if (p > 0) waitpid(p, 0, 0);
  T("memfd_create", syscall(SYS_memfd_create, "x", 0));
  T("memfd hugetlb 2M", syscall(SYS_memfd_create, "x", MFD_HUGETLB | (21 << 26)));
  T("memfd_secret", syscall(SYS_memfd_secret, 0));
  T("unshare newpid", unshare(CLONE_NEWPID));
  T("unshare newns", unshare(CLONE_NEWNS));
  T("unshare newnet", unshare(CLONE_NEWNET));
  T("unshare newtime", unshare(0x80));
  T("kcmp", syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0));
  T("map_files open", open("/proc/self/map_files", O_RDONLY | O_DIRECTORY));
  T("ns_last_pid", open("/proc/sys/kernel/ns_last_pid", O_RDWR));
  T("io_uring_setup", syscall(SYS_io_uring_setup, 4, m));
  T("landlock abi", syscall(444, 0, 0, 1));
  T("clear_refs", open("/proc/self/clear_refs", O_WRONLY));
  return 0;
}
