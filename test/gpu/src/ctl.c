// ctl [-n] [-w SECONDS] [-s STATUSFILE] [-d SNAPDIR] PID[,PID...] OP...: calls of the checkpoint API on a process, each in a thread of its own under a watchdog; ptrace from
// the main thread only. -n: without cuInit. No PID: tells about the driver. What it prints is read by ../verdicts.mjs.
//   calls: state tid lock[:MS] ckpt restore[:id|badnew|badold|dup|zero] unlock    of the first process
//   seq:CALL par:CALL    on all processes, one after another or at once
//   freeze freezebut thaw woken:CALL    all threads; all but the restore thread; CALL with only the restore thread running
//   late    results of calls that hung before
//   sleep:MS say:TEXT snap:LABEL tick:MS mem kill:SIGNAL
#include "libcuda.h"
#include "freeze.h"
#include "snapshot.h"
#include <pthread.h>
#include <time.h>

#define MAX_PROCESSES 16
#define MAX_PAIRS 17

static int watchdog_s = 10;
static const char *status_file, *snapshots = "/tmp";
static int pids[MAX_PROCESSES], pid_count;

// A call under way. Given up, it goes on: its memory is never freed.
struct call {
  char op[64];
  int pid, result, out;
  double begin, end;
  volatile int done;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int is(const char *a, const char *b) { return strcmp(a, b) == 0; }

// A map of the devices to themselves, and what `kind` makes wrong with it.
static int restore(int pid, const char *kind) {
  CUcheckpointRestoreArgs args = {0};
  CUcheckpointGpuPair pairs[MAX_PAIRS] = {0};
  if (!kind) return FN(cuCheckpointProcessRestore)(pid, &args);
  int count = 0;
  FN(cuDeviceGetCount)(&count);
  if (count >= MAX_PAIRS) count = MAX_PAIRS - 1;
  for (int i = 0; i < count; i++) {
    FN(cuDeviceGetUuid)(&pairs[i].oldUuid, i);
    pairs[i].newUuid = pairs[i].oldUuid;
  }
  if (is(kind, "badnew")) memset(&pairs[0].newUuid, 0x5a, 16);
  if (is(kind, "badold")) memset(&pairs[0].oldUuid, 0x5a, 16);
  if (is(kind, "dup")) pairs[count++] = pairs[0];
  if (is(kind, "zero")) count = 0;
  args.gpuPairs = pairs;
  args.gpuPairsCount = count;
  return FN(cuCheckpointProcessRestore)(pid, &args);
}

static int lock(int pid, const char *ms) {
  CUcheckpointLockArgs args = {0};
  args.timeoutMs = ms ? (unsigned)atoi(ms) : 0;
  return FN(cuCheckpointProcessLock)(pid, ms ? &args : NULL);
}

static int perform(const char *name, const char *arg, int pid, int *out) {
  CUcheckpointCheckpointArgs checkpoint = {0};
  CUcheckpointUnlockArgs unlock = {0};
  *out = -1;
  if (is(name, "state")) return FN(cuCheckpointProcessGetState)(pid, (CUprocessState *)out);
  if (is(name, "tid")) return FN(cuCheckpointProcessGetRestoreThreadId)(pid, out);
  if (is(name, "lock")) return lock(pid, arg);
  if (is(name, "ckpt")) return FN(cuCheckpointProcessCheckpoint)(pid, &checkpoint);
  if (is(name, "restore")) return restore(pid, arg);
  if (is(name, "unlock")) return FN(cuCheckpointProcessUnlock)(pid, &unlock);
  fprintf(stderr, "ctl: %s is no operation\n", name);
  _exit(2);
}

static void *run(void *argument) {
  struct call *call = argument;
  char name[64];
  strcpy(name, call->op);
  char *arg = strchr(name, ':');
  if (arg) *arg++ = 0;
  call->begin = now();
  call->result = perform(name, arg, call->pid, &call->out);
  call->end = now();
  call->done = 1;
  return NULL;
}

static void show(const struct call *call, const char *how) {
  printf("  pid %d %-16s -> %d %s", call->pid, call->op, call->result, ename(call->result));
  if (strncmp(call->op, "state", 5) == 0) printf(" state=%d", call->out);
  if (strncmp(call->op, "tid", 3) == 0) printf(" tid=%d", call->out);
  printf("  %.2f ms%s\n", call->end - call->begin, how);
}

static struct call *hung[64];
static int hung_count;

static struct call *start(int pid, const char *op) {
  struct call *call = calloc(1, sizeof *call);
  call->pid = pid;
  snprintf(call->op, sizeof call->op, "%s", op);
  pthread_t thread;
  pthread_create(&thread, 0, run, call);
  pthread_detach(thread);
  return call;
}

static void finish(struct call *call) {
  double end = now() + watchdog_s * 1000.0;
  while (!call->done && now() < end) {
    usleep(300);
    if (frozen_count) reap();
  }
  if (call->done) return show(call, "");
  printf("  pid %d %-16s -> HANG after %d ms (abandoned)\n", call->pid, call->op, watchdog_s * 1000);
  if (hung_count < 64) hung[hung_count++] = call;
}

static void show_late(void) {
  for (int i = 0; i < hung_count; i++) {
    if (hung[i]->done) show(hung[i], " (late result of a hung call)");
    else printf("  pid %d %s still hangs after %.0f ms\n", hung[i]->pid, hung[i]->op, now() - hung[i]->begin);
  }
}

static void on_all(const char *op, int at_once) {
  struct call *calls[MAX_PROCESSES];
  double begin = now();
  for (int i = 0; i < pid_count; i++) {
    calls[i] = start(pids[i], op);
    if (!at_once) finish(calls[i]);
  }
  for (int i = 0; at_once && i < pid_count; i++) finish(calls[i]);
  printf("  all %d %s %s: %.2f ms\n", pid_count, at_once ? "parallel" : "one after another", op, now() - begin);
}

static void read_status(char *line) {
  int fd = open(status_file, O_RDONLY);
  ssize_t n = fd >= 0 ? read(fd, line, 160) : 0;
  if (fd >= 0) close(fd);
  while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\n')) n--;
  line[n > 0 ? n : 0] = 0;
}

// Whether the target counts: at once on an idle machine, and a target that stands does so for ten times as long.
static void tick(int ms) {
  char before[162] = "", after[162] = "";
  if (!status_file) return;
  read_status(before);
  for (int i = 0; i < 10 && is(before, i > 0 ? after : before); i++) {
    usleep((unsigned)ms * 1000);
    read_status(after);
  }
  printf("  status now  [%s]\n  then        [%s] %s\n", before, after, is(before, after) ? "STANDS" : "MOVES");
}

static void memory(int pid) {
  const char *fields[] = {"VmRSS", "RssAnon", "RssShmem", "VmLck", "VmPin", "Threads"};
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *file = fopen(path, "r");
  printf(" ");
  while (file && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
      if (strncmp(line, fields[i], strlen(fields[i])) == 0) printf(" %s", line);
  }
  printf("\n");
  if (file) fclose(file);
}

static void stop_threads(int pid, int but_one) {
  restore_thread = -1;
  FN(cuCheckpointProcessGetRestoreThreadId)(pid, &restore_thread);
  printf("  restore thread is %d\n", restore_thread);
  freeze(pid, but_one ? restore_thread : 0);
}

static void woken(int pid, const char *op) {
  if (wake(restore_thread)) return;
  finish(start(pid, op));
  stop_again(restore_thread);
}

static void send_signal(int pid, int number) {
  printf("  kill %d: %d\n", number, kill(pid, number));
  usleep(200000);
}

static void obey(int pid, const char *word) {
  char name[128];
  snprintf(name, sizeof name, "%s", word);
  char *arg = strchr(name, ':');
  if (arg) *arg++ = 0;
  int number = arg ? atoi(arg) : 0;
  if (is(name, "sleep")) usleep((unsigned)number * 1000);
  else if (is(name, "say")) printf("  # %s\n", arg);
  else if (is(name, "snap")) snapshot(pid, snapshots, arg);
  else if (is(name, "tick")) tick(number);
  else if (is(name, "mem")) memory(pid);
  else if (is(name, "kill")) send_signal(pid, number);
  else if (is(name, "freeze") || is(name, "freezebut")) stop_threads(pid, is(name, "freezebut"));
  else if (is(name, "thaw")) thaw();
  else if (is(name, "woken")) woken(pid, arg);
  else if (is(name, "par") || is(name, "seq")) on_all(arg, is(name, "par"));
  else if (is(name, "late")) show_late();
  else finish(start(pid, word));
}

static void tell_symbol(const char *name, int version) {
  void *function = NULL;
  CUdriverProcAddressQueryResult query = 0;
  int code = FN(cuGetProcAddress)(name, &function, version, 0, &query);
  printf("  %s dlsym %s, cuGetProcAddress(%d) %d %s query %d\n", name, dlsym(lib, name) ? "yes" : "no", version, code, function ? "found" : "none", query);
}

static void tell_driver(void) {
  const char *names[] = {"GetState", "GetRestoreThreadId", "Lock", "Checkpoint", "Restore", "Unlock"};
  int version = 0, count = 0;
  FN(cuDriverGetVersion)(&version);
  FN(cuDeviceGetCount)(&count);
  printf("  driver CUDA version %d, %d devices\n", version, count);
  for (int i = 0; i < count; i++) {
    CUuuid uuid;
    char name[100];
    size_t bytes;
    FN(cuDeviceGetUuid)(&uuid, i);
    FN(cuDeviceGetName)(name, sizeof name, i);
    FN(cuDeviceTotalMem)(&bytes, i);
    printf("  device %d %s %zu bytes uuid ", i, name, bytes);
    for (int k = 0; k < 16; k++) printf("%02x", (unsigned char)uuid.bytes[k]);
    printf("\n");
  }
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char name[64];
    snprintf(name, sizeof name, "cuCheckpointProcess%s", names[i]);
    tell_symbol(name, 13000);
  }
  tell_symbol("cuCheckpointOperationComplete", 13000);
  tell_symbol("cuCheckpointOperationComplete", 13040);
}

int main(int argc, char **argv) {
  int without_init = 0;
  setvbuf(stdout, 0, _IOLBF, 0);
  for (int option; (option = getopt(argc, argv, "+nw:s:d:")) != -1;) {
    if (option == 'n') without_init = 1;
    else if (option == 'w') watchdog_s = atoi(optarg);
    else if (option == 's') status_file = optarg;
    else if (option == 'd') snapshots = optarg;
    else return 2;
  }
  open_lib();
  double begin = now();
  int code = without_init ? 0 : FN(cuInit)(0);
  printf("  caller cuInit %s%d %.1f ms\n", without_init ? "(none) " : "", code, now() - begin);
  if (optind >= argc) {
    tell_driver();
    fflush(stdout);
    _exit(0);
  }
  char list[256];
  snprintf(list, sizeof list, "%s", argv[optind]);
  for (char *one = strtok(list, ","); one && pid_count < MAX_PROCESSES; one = strtok(0, ",")) pids[pid_count++] = atoi(one);
  for (int i = optind + 1; i < argc; i++) obey(pids[0], argv[i]);
  fflush(stdout);
  // Not exit(): threads with hung calls are in the driver.
  _exit(hung_count ? 7 : 0);
}
