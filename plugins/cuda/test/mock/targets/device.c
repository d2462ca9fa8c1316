// device [BUFFERS] [KIB] [KERNEL-MS] [DEVICES]: device memory whose content is checked. SIGUSR1: prints CHECK and a hash of it. SIGUSR2: starts a
// "kernel" of KERNEL-MS that adds 1 to the first buffer, and a host function behind it that prints CALLBACK.
#include "cuda_target.h"

#define MAX_BUFFERS 200

static struct cuda_buffer buffers[MAX_BUFFERS];
static int buffer_count;

static void called_back(void *argument) { dprintf(STDOUT_FILENO, "CALLBACK %lu\n", (unsigned long)argument); }

static void check_all(void) {
  uint64_t hash = 0;
  for (int i = 0; i < buffer_count; i++) hash = hash * 31 + cuda_check(&buffers[i]);
  dprintf(STDOUT_FILENO, "CHECK %016lx\n", (unsigned long)hash);
}

static void launch(unsigned ms) {
  static unsigned long launches;
  CU(CUDA(fakeLaunchAdd, CUdeviceptr, size_t, unsigned char, unsigned, CUstream)(buffers[0].address, buffers[0].size, 1, ms, NULL));
  CU(CUDA(cuLaunchHostFunc, CUstream, void (*)(void *), void *)(NULL, called_back, (void *)++launches));
  buffers[0].added++;
  dprintf(STDOUT_FILENO, "LAUNCHED %lu\n", launches);
}

int main(int argc, char **argv) {
  buffer_count = argc > 1 ? atoi(argv[1]) : 2;
  size_t size = (size_t)(argc > 2 ? atoi(argv[2]) : 64) * 1024;
  unsigned ms = argc > 3 ? (unsigned)atoi(argv[3]) : 100;
  int devices = argc > 4 ? atoi(argv[4]) : 1;
  CHECK(buffer_count <= MAX_BUFFERS && devices > 0, "bad arguments");
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  SYS(sigprocmask(SIG_BLOCK, &set, NULL));
  for (int i = 0; i < buffer_count; i++) {
    cuda_start(i % devices);
    // Odd sizes: nothing may depend on whole pages.
    buffers[i] = cuda_filled(size + (size_t)i * 13, (unsigned)i + 1);
  }
  if (buffer_count == 0) cuda_start(0);
  CUstream stream;
  CU(CUDA(cuStreamCreate, CUstream *, unsigned)(&stream, 0));
  unsigned char *pinned;
  CU(CUDA(cuMemAllocHost, unsigned char **, size_t)(&pinned, 8192));
  victim_fill(pinned, 8192, 99);
  VICTIM_READY();
  for (int i = 0; !victim_gone(); i++) {
    CHECK(i < VICTIM_MAX_POLLS, "the file go never came");
    struct timespec ten_ms = {0, 10000000L};
    int signal = sigtimedwait(&set, NULL, &ten_ms);
    if (signal == SIGUSR1) check_all();
    if (signal == SIGUSR2) launch(ms);
  }
  CU(CUDA(cuStreamSynchronize, CUstream)(stream));
  check_all();
  CHECK_PATTERN(pinned, 8192, 99);
  PASS();
}
