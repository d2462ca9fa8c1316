// tree GPU-CHILDREN [SAME]: a parent with GPU memory, children that start the driver themselves, and a child that never does.
// Each child notes its pid in the file gpu-N or cpu when it is ready. SAME: all use device 0; else child N uses device N.
#include "cuda_target.h"

static void note(const char *name) {
  char text[32];
  int n = snprintf(text, sizeof text, "%d\n", getpid());
  int fd = SYS(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  CHECK(write(fd, text, (size_t)n) == n, "cannot write %s", name);
  close(fd);
}

static void gpu_child(int number, int device) {
  char name[32];
  snprintf(name, sizeof name, "gpu-%d", number);
  cuda_start(device);
  struct cuda_buffer buffer = cuda_filled(50000 + (size_t)number, (unsigned)number);
  note(name);
  victim_wait_go();
  cuda_check(&buffer);
  exit(0);
}

static void cpu_child(void) {
  note("cpu");
  victim_wait_go();
  exit(0);
}

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 2;
  int same = argc > 2;
  CHECK(count >= 0 && count < 16, "bad arguments");
  pid_t children[17];
  for (int i = 0; i <= count; i++) {
    children[i] = SYS(fork());
    if (children[i] != 0) continue;
    if (i == count) cpu_child();
    else gpu_child(i + 1, same ? 0 : i + 1);
  }
  cuda_start(0);
  struct cuda_buffer buffer = cuda_filled(70000, 50);
  for (int i = 0; i <= count; i++) {
    char name[32];
    if (i == count) strcpy(name, "cpu");
    else snprintf(name, sizeof name, "gpu-%d", i + 1);
    WAIT_FOR(access(name, F_OK) == 0, "child %d", i);
  }
  VICTIM_READY();
  victim_wait_go();
  for (int i = 0; i <= count; i++) REAP_OK(children[i]);
  cuda_check(&buffer);
  PASS();
}
