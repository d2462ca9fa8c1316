// The victim of the benchmark: `load HEAP_MIB PROCESSES THREADS`. Everybody but the leader sleeps, so that the tools are measured and not the
// victim; at the end everything is checked as in the other victims.
#include "../fixtures/victims/victim.h"
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>

#define PAGE 4096UL

static sem_t go, done;
static __thread unsigned long own;

static unsigned long number(const char *text) { return strtoul(text, NULL, 10); }

static void stamp(char *page, unsigned long i) {
  memset(page, (int)(i % 251) + 1, PAGE);
  *(unsigned long *)page = ~i;
}

static void check_page(const char *page, unsigned long i) {
  CHECK(*(const unsigned long *)page == ~i, "page %lu begins wrong", i);
  CHECK((unsigned char)page[PAGE - 1] == i % 251 + 1, "page %lu ends wrong", i);
}

static void *thread(void *argument) {
  own = (unsigned long)argument;
  sem_post(&done);
  while (sem_wait(&go) != 0) {
  }
  CHECK(own == (unsigned long)argument, "thread %lu has lost its own variable", (unsigned long)argument);
  return NULL;
}

static void child(int input, unsigned long i) {
  static unsigned long values[512];
  for (unsigned long k = 0; k < 512; k++) values[k] = i * k;
  SYS(write(STDERR_FILENO, "", 0));
  char byte;
  // The end of the pipe comes when the parent closes its side.
  while (read(input, &byte, 1) < 0 && errno == EINTR) {
  }
  for (unsigned long k = 0; k < 512; k++) CHECK(values[k] == i * k, "process %lu has lost its values", i);
  _exit(0);
}

int main(int argc, char **argv) {
  CHECK(argc == 4, "usage: load HEAP_MIB PROCESSES THREADS");
  unsigned long pages = number(argv[1]) * 256, processes = number(argv[2]), threads = number(argv[3]);
  int ends[2];
  SYS(pipe(ends));
  pid_t *pids = calloc(processes, sizeof *pids);
  for (unsigned long i = 1; i < processes; i++) {
    pids[i] = SYS(fork());
    if (pids[i] != 0) continue;
    close(ends[1]);
    child(ends[0], i);
  }
  char *heap = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(heap != MAP_FAILED, "mmap: %s", strerror(errno));
  for (unsigned long i = 0; i < pages; i++) stamp(heap + i * PAGE, i);
  pthread_t *list = calloc(threads, sizeof *list);
  pthread_attr_t small;
  RET0(pthread_attr_init(&small));
  RET0(pthread_attr_setstacksize(&small, 64 * 1024));
  SYS(sem_init(&go, 0, 0) | sem_init(&done, 0, 0));
  for (unsigned long i = 1; i < threads; i++) RET0(pthread_create(&list[i], &small, thread, (void *)i));
  for (unsigned long i = 1; i < threads; i++)
    while (sem_wait(&done) != 0) {
    }

  VICTIM_READY();
  victim_wait_go();

  for (unsigned long i = 0; i < pages; i++) check_page(heap + i * PAGE, i);
  for (unsigned long i = 1; i < threads; i++) sem_post(&go);
  for (unsigned long i = 1; i < threads; i++) RET0(pthread_join(list[i], NULL));
  close(ends[1]);
  for (unsigned long i = 1; i < processes; i++) REAP_OK(pids[i]);
  PASS();
}
