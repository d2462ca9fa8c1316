// kit --status FILE [OPTION...]: stands for test/gpu/src/target.c, whose kernels the mock cannot run. Same options and status line; what the mock has nothing for
// (pinned and managed memory, graphs ...) is taken for nothing.
#include "cuda_target.h"

#include <getopt.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#define CHECKED 65536
// Steps ask for GiB; the mock keeps them in memory of this machine.
#define MAX_MIB 32

static int status_fd;

static void tell(unsigned long tick) {
  char line[161];
  snprintf(line, sizeof line, "%-159s\n", "");
  int n = snprintf(line, sizeof line, "tick %lu bad 0 err 0 ok", tick);
  line[n] = ' ';
  if (pwrite(status_fd, line, 160, 0) != 160) _exit(3);
}

static void filter_calls(void) {
  struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {1, &allow};
  SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

int main(int argc, char **argv) {
  long mib = 1, spin = 0, device = 0, none = 0;
  int with_child = 0, seccomp = 0, ignored = 0;
  const char *status = NULL;
  struct option names[] = {{"status", 1, 0, 's'},  {"mib", 1, 0, 'm'},        {"spin", 1, 0, 'S'},      {"device", 1, 0, 'd'},
                           {"pinned", 1, 0, '-'},  {"hostreg", 1, 0, '-'},    {"threads", 1, 0, '-'},   {"fork", 0, &with_child, 1},
                           {"graph", 0, &ignored, 1}, {"seccomp", 0, &seccomp, 1}, {0}};
  for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    if (c == 's') status = optarg;
    else if (c != 0) *(c == 'm' ? &mib : c == 'S' ? &spin : c == 'd' ? &device : &none) = atol(optarg);
  }
  CHECK(status != NULL, "--status FILE");
  status_fd = SYS(open(status, O_RDWR | O_CREAT | O_TRUNC, 0666));
  if (seccomp) filter_calls();
  cuda_start((int)device);
  // The rest is only moved: comparing all of it in every round would take the time that the steps measure.
  struct cuda_buffer buffer = cuda_filled(CHECKED, 7);
  CUdeviceptr rest;
  CU(CUDA(cuMemAlloc, CUdeviceptr *, size_t)(&rest, (size_t)(mib < MAX_MIB ? mib : MAX_MIB) << 20));
  if (with_child && SYS(fork()) == 0)
    for (;;) pause();
  for (unsigned long tick = 1;; tick++) {
    if (spin != 0) {
      CU(CUDA(fakeLaunchAdd, CUdeviceptr, size_t, unsigned char, unsigned, CUstream)(buffer.address, buffer.size, 1, (unsigned)spin, NULL));
      CU(CUDA(cuStreamSynchronize, CUstream)(NULL));
      buffer.added++;
    }
    cuda_check(&buffer);
    tell(tick);
    usleep(20000);
  }
}
