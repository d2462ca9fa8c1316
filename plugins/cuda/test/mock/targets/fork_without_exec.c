// fork_without_exec: a child that is forked after cuInit and goes on without exec. It cannot use the driver, and keeps its parent's descriptors
// of the GPU, which nobody closes at a checkpoint. Notes its pid in the file `child`.
#include "cuda_target.h"

int main(void) {
  cuda_start(0);
  struct cuda_buffer buffer = cuda_filled(30000, 3);
  pid_t child = SYS(fork());
  if (child == 0) {
    int code = CUDA(cuInit, unsigned)(0);
    CHECK(code == 3, "cuInit of a child that was forked after cuInit gave %d and not 3", code);
    int fd = SYS(open("child", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    dprintf(fd, "%d\n", getpid());
    close(fd);
    victim_wait_go();
    exit(0);
  }
  WAIT_FOR(access("child", F_OK) == 0, "the child");
  VICTIM_READY();
  victim_wait_go();
  REAP_OK(child);
  cuda_check(&buffer);
  PASS();
}
