// counter: two numbers in the shared file `counter`. The main thread counts up the first without the driver, so it moves whenever the thread runs.
// Another thread counts up the second after each call of the driver, so it stands while calls are blocked.
#include "cuda_target.h"

#include <sys/mman.h>

static volatile uint64_t *words;
static volatile int end;

static void *call_driver(void *context) {
  CU(CUDA(cuCtxSetCurrent, CUcontext)(context));
  while (!end) {
    size_t left, total;
    CU(CUDA(cuMemGetInfo, size_t *, size_t *)(&left, &total));
    words[1]++;
    victim_sleep_ms(1);
  }
  return NULL;
}

int main(void) {
  int fd = SYS(open("counter", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  SYS(ftruncate(fd, 4096));
  words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(words != MAP_FAILED, "mmap: %s", strerror(errno));
  close(fd);
  cuda_start(0);
  struct cuda_buffer buffer = cuda_filled(100000, 7);
  CUcontext context;
  CU(CUDA(cuCtxGetCurrent, CUcontext *)(&context));
  pthread_t thread;
  RET0(pthread_create(&thread, NULL, call_driver, context));
  VICTIM_READY();
  for (int i = 0; !victim_gone(); i++) {
    CHECK(i < 10 * VICTIM_MAX_POLLS, "the file go never came");
    words[0]++;
    victim_sleep_ms(1);
  }
  end = 1;
  RET0(pthread_join(thread, NULL));
  cuda_check(&buffer);
  PASS();
}
