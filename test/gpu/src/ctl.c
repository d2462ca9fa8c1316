// ctl [-n] [-w SECONDS] [-s STATUSFILE] [-d SNAPDIR] PID OP... : checkpoint calls on a process, each in a thread of its own under a watchdog; ptrace from the main thread only.
#include "libcuda.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e3 + t.tv_nsec / 1e6; }
static int watchdog = 10; static const char *statusfile, *snapdir = "/tmp";
static int pids[16], npids;
typedef struct { char op[64]; int pid, r, out; double t0, t1; volatile int done; } job;
static void *run(void *a) {
  job *j = a; char name[64]; strcpy(name, j->op); char *arg = strchr(name, ':'); if (arg) *arg++ = 0;
  j->t0 = now();
  if (!strcmp(name, "state")) { CUprocessState s = -1; j->r = FN(cuCheckpointProcessGetState)(j->pid, &s); j->out = s; }
  else if (!strcmp(name, "tid")) { int t = -1; j->r = FN(cuCheckpointProcessGetRestoreThreadId)(j->pid, &t); j->out = t; }
  else if (!strcmp(name, "lock")) { CUcheckpointLockArgs x = {0}; x.timeoutMs = arg ? atoi(arg) : 0; j->r = FN(cuCheckpointProcessLock)(j->pid, arg ? &x : NULL); }
  else if (!strcmp(name, "ckpt")) { CUcheckpointCheckpointArgs x = {0}; j->r = FN(cuCheckpointProcessCheckpoint)(j->pid, &x); }
  else if (!strcmp(name, "unlock")) { CUcheckpointUnlockArgs x = {0}; j->r = FN(cuCheckpointProcessUnlock)(j->pid, &x); }
  else if (!strcmp(name, "restore")) {
    CUcheckpointRestoreArgs x = {0}; CUcheckpointGpuPair p[16]; memset(p, 0, sizeof p);
    if (arg) {
      int n = 0; FN(cuDeviceGetCount)(&n);
      for (int i = 0; i < n && i < 16; i++) { FN(cuDeviceGetUuid)(&p[i].oldUuid, i); p[i].newUuid = p[i].oldUuid; }
      x.gpuPairs = p; x.gpuPairsCount = n;
      if (!strcmp(arg, "badnew")) memset(&p[0].newUuid, 0x5a, 16);
      if (!strcmp(arg, "badold")) memset(&p[0].oldUuid, 0x5a, 16);
      if (!strcmp(arg, "dup")) { p[n] = p[0]; x.gpuPairsCount = n + 1; }
      if (!strcmp(arg, "zero")) x.gpuPairsCount = 0;
    }
    j->r = FN(cuCheckpointProcessRestore)(j->pid, &x);
  } else { j->r = -1; }
  j->t1 = now(); j->done = 1; return 0;
}
static int tids[4096], ntids, nfrozen, rt;
static void reap(void) {
  int st, w; while ((w = waitpid(-1, &st, __WALL | WNOHANG)) > 0) printf("    ptrace: tid %d status %#x (%s %d, event %d)\n", w, st, WIFSTOPPED(st) ? "stop" : WIFEXITED(st) ? "exit" : "signal", WIFSTOPPED(st) ? WSTOPSIG(st) : WIFEXITED(st) ? WEXITSTATUS(st) : WTERMSIG(st), st >> 16);
}
static void show(job *j, const char *how) {
  printf("  pid %d %-16s -> %d %s", j->pid, j->op, j->r, ename(j->r));
  if (!strncmp(j->op, "state", 5)) printf(" state=%d", j->out);
  if (!strncmp(j->op, "tid", 3)) printf(" tid=%d", j->out);
  printf("  %.2f ms%s\n", j->t1 - j->t0, how);
}
static job *hung[64]; static int nhung;
static job *start(int pid, const char *op) {
  job *j = calloc(1, sizeof *j); j->pid = pid; snprintf(j->op, sizeof j->op, "%s", op);
  pthread_t t; pthread_create(&t, 0, run, j); pthread_detach(t); return j;
}
static int finish(job *j, double limit) {
  double end = now() + limit * 1000;
  while (!j->done && now() < end) { usleep(300); if (nfrozen) reap(); }
  if (!j->done) { printf("  pid %d %-16s -> HANG after %.0f ms (abandoned)\n", j->pid, j->op, limit * 1000); if (nhung < 64) hung[nhung++] = j; return -99; }
  show(j, ""); return j->r;
}
static int call(int pid, const char *op) { return finish(start(pid, op), watchdog); }
static int restore_tid(int pid) { int t = -1; FN(cuCheckpointProcessGetRestoreThreadId)(pid, &t); return t; }
static void freeze(int pid, int but) {
  rt = restore_tid(pid); int except = but ? rt : 0; printf("  restore thread is %d\n", rt);
  char d[64]; snprintf(d, sizeof d, "/proc/%d/task", pid); ntids = 0;
  for (int again = 1; again;) {
    again = 0; DIR *dir = opendir(d); if (!dir) { perror(d); return; }
    for (struct dirent *e; (e = readdir(dir));) {
      int t = atoi(e->d_name), known = t <= 0 || t == except; for (int i = 0; i < ntids; i++) known |= tids[i] == t;
      if (known) continue;
      if (ptrace(PTRACE_SEIZE, t, 0, PTRACE_O_TRACESYSGOOD)) { printf("  seize %d: %s\n", t, strerror(errno)); continue; }
      ptrace(PTRACE_INTERRUPT, t, 0, 0); int st; if (waitpid(t, &st, __WALL) != t || !WIFSTOPPED(st)) printf("  wait %d: %#x\n", t, st);
      tids[ntids++] = t; again = 1;
    }
    closedir(dir);
  }
  nfrozen = ntids; printf("  froze %d threads%s\n", ntids, except ? " (all but the restore thread)" : "");
}
static void thaw(void) { reap(); for (int i = 0; i < ntids; i++) if (ptrace(PTRACE_DETACH, tids[i], 0, 0)) printf("  detach %d: %s\n", tids[i], strerror(errno)); ntids = nfrozen = 0; printf("  thawed\n"); }
static uint64_t saved;
static int wake(int t) {
  uint64_t all = ~(1ull << (SIGTRAP - 1)); int e = 0;
  e |= ptrace(PTRACE_GETSIGMASK, t, 8, &saved) != 0; e |= ptrace(PTRACE_SETSIGMASK, t, 8, &all) != 0; e |= ptrace(PTRACE_SETOPTIONS, t, 0, 0) != 0; e |= ptrace(PTRACE_CONT, t, 0, 0) != 0;
  printf("  wake restore thread %d: %s, its mask was %016llx\n", t, e ? strerror(errno) : "ok", (unsigned long long)saved); return e;
}
static void sleepback(int t) {
  int st = 0, e = ptrace(PTRACE_INTERRUPT, t, 0, 0) != 0; int w = 0; for (int i = 0; i < 3000 && !(w = waitpid(t, &st, __WALL | WNOHANG)); i++) usleep(1000);
  e |= ptrace(PTRACE_SETOPTIONS, t, 0, PTRACE_O_TRACESYSGOOD) != 0; e |= ptrace(PTRACE_SETSIGMASK, t, 8, &saved) != 0;
  printf("  stop restore thread %d: %s wait=%d status %#x\n", t, e ? strerror(errno) : "ok", w, st);
}
static void copy(const char *from, const char *to) {
  int a = open(from, O_RDONLY), b = open(to, O_WRONLY | O_CREAT | O_APPEND, 0644); char buf[65536]; ssize_t n;
  if (a >= 0) while ((n = read(a, buf, sizeof buf)) > 0) if (write(b, buf, n) < 0) break;
  if (a >= 0) close(a);
  close(b);
}
static void line(int out, const char *fmt, const char *a, const char *b) { char s[1024]; int n = snprintf(s, sizeof s, fmt, a, b); if (write(out, s, n) < 0) return; }
static void snap(int pid, const char *label) {
  char p[300], q[700], l[512]; snprintf(p, sizeof p, "%s/%s", snapdir, label); mkdir(p, 0755);
  const char *files[] = {"maps", "smaps", "status", "limits", "mountinfo", "cgroup", "net/unix"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) { char from[64]; snprintf(from, sizeof from, "/proc/%d/%s", pid, files[i]); snprintf(q, sizeof q, "%s/%s", p, strcmp(files[i], "net/unix") ? files[i] : "unix"); copy(from, q); }
  snprintf(q, sizeof q, "%s/fds", p); int out = open(q, O_WRONLY | O_CREAT | O_TRUNC, 0644); int nfd = 0, nnv = 0;
  snprintf(q, sizeof q, "/proc/%d/fd", pid); DIR *d = opendir(q);
  if (d) { for (struct dirent *e; (e = readdir(d));) { if (e->d_name[0] == '.') continue; snprintf(q, sizeof q, "/proc/%d/fd/%s", pid, e->d_name); ssize_t n = readlink(q, l, sizeof l - 1); if (n < 0) continue; l[n] = 0; nfd++; nnv += strstr(l, "nvidia") && strncmp(l, "/usr", 4) ? 1 : 0;
      struct stat sb; char m[64] = ""; if (!stat(q, &sb)) snprintf(m, sizeof m, "mode %o rdev %x ino %lu", sb.st_mode, (unsigned)sb.st_rdev, (unsigned long)sb.st_ino);
      line(out, "== %s -> ", e->d_name, ""); line(out, "%s  %s\n", l, m);
      snprintf(q, sizeof q, "/proc/%d/fdinfo/%s", pid, e->d_name); char b[2048]; int f = open(q, O_RDONLY); n = f >= 0 ? read(f, b, sizeof b) : 0; if (f >= 0) close(f); if (n > 0 && write(out, b, n) < 0) break; } closedir(d); }
  close(out);
  snprintf(q, sizeof q, "%s/tasks", p); out = open(q, O_WRONLY | O_CREAT | O_TRUNC, 0644); int nt = 0; snprintf(q, sizeof q, "/proc/%d/task", pid); d = opendir(q);
  if (d) { for (struct dirent *e; (e = readdir(d));) { if (e->d_name[0] == '.') continue; nt++; const char *f[] = {"comm", "wchan", "syscall", "stack", "status"}; line(out, "==== %s\n", e->d_name, "");
      for (int i = 0; i < 5; i++) { char b[4096]; snprintf(q, sizeof q, "/proc/%d/task/%s/%s", pid, e->d_name, f[i]); int fd = open(q, O_RDONLY); ssize_t n = fd >= 0 ? read(fd, b, sizeof b - 1) : 0; if (fd >= 0) close(fd); b[n > 0 ? n : 0] = 0; line(out, "-- %s: ", f[i], ""); if (write(out, b, n > 0 ? n : 0) < 0) break; line(out, "\n", "", ""); } } closedir(d); }
  close(out);
  snprintf(q, sizeof q, "%s/maps", p); FILE *m = fopen(q, "r"); int nm = 0, mnv = 0; while (m && fgets(l, sizeof l, m)) { nm++; mnv += strstr(l, "/dev/nvidia") != 0; } if (m) fclose(m);
  printf("  snap %s: %d fds (%d of nvidia), %d maps (%d of /dev/nvidia*), %d threads\n", label, nfd, nnv, nm, mnv, nt);
}
static void tick(int ms) {
  char b[2][162] = {{0}}; if (!statusfile) return;
  for (int i = 0; i < 2; i++) { int f = open(statusfile, O_RDONLY); ssize_t n = f >= 0 ? read(f, b[i], 160) : 0; if (f >= 0) close(f); for (ssize_t k = n; k-- > 0 && (b[i][k] == ' ' || b[i][k] == '\n');) b[i][k] = 0; if (!i) usleep(ms * 1000); }
  printf("  status now  [%s]\n  %5d ms on [%s] %s\n", b[0], ms, b[1], strcmp(b[0], b[1]) ? "MOVES" : "STANDS");
}
static void mem(int pid) { char p[64], l[256]; snprintf(p, sizeof p, "/proc/%d/status", pid); FILE *f = fopen(p, "r"); printf(" "); while (f && fgets(l, sizeof l, f)) if (!strncmp(l, "VmRSS", 5) || !strncmp(l, "RssAnon", 7) || !strncmp(l, "RssShmem", 8) || !strncmp(l, "VmLck", 5) || !strncmp(l, "VmPin", 5) || !strncmp(l, "Threads", 7)) { l[strcspn(l, "\n")] = 0; printf(" %s", l); } printf("\n"); if (f) fclose(f); }
int main(int argc, char **argv) {
  int noinit = 0, c; setvbuf(stdout, 0, _IOLBF, 0);
  while ((c = getopt(argc, argv, "+nw:s:d:")) != -1) switch (c) { case 'n': noinit = 1; break; case 'w': watchdog = atoi(optarg); break; case 's': statusfile = optarg; break; case 'd': snapdir = optarg; break; default: return 2; }
  open_lib();
  double t = now(); int r = noinit ? 0 : FN(cuInit)(0); printf("  caller cuInit %s%d %.1f ms\n", noinit ? "(none) " : "", r, now() - t);
  if (optind >= argc) {
    int v = 0, n = 0; FN(cuDriverGetVersion)(&v); FN(cuDeviceGetCount)(&n); printf("  driver CUDA version %d, %d devices\n", v, n);
    for (int i = 0; i < n; i++) { CUuuid u; char name[100]; size_t b; FN(cuDeviceGetUuid)(&u, i); FN(cuDeviceGetName)(name, 100, i); FN(cuDeviceTotalMem)(&b, i); printf("  device %d %s %zu bytes uuid ", i, name, b); for (int k = 0; k < 16; k++) printf("%02x", (unsigned char)u.bytes[k]); printf("\n"); }
    const char *names[] = {"cuCheckpointProcessGetState", "cuCheckpointProcessGetRestoreThreadId", "cuCheckpointProcessLock", "cuCheckpointProcessCheckpoint", "cuCheckpointProcessRestore", "cuCheckpointProcessUnlock", "cuCheckpointOperationComplete"};
    for (int i = 0; i < 7; i++) { void *p = 0; CUdriverProcAddressQueryResult q = 0; int rc = FN(cuGetProcAddress)(names[i], &p, 13000, 0, &q); printf("  %s dlsym %s, cuGetProcAddress(13000) %d %s query %d\n", names[i], dlsym(lib, names[i]) ? "yes" : "no", rc, p ? "found" : "none", q); }
    { void *p = 0; CUdriverProcAddressQueryResult q = 0; int rc = FN(cuGetProcAddress)("cuCheckpointOperationComplete", &p, 13040, 0, &q); printf("  OperationComplete at 13040: %d %s query %d\n", rc, p ? "found" : "none", q); }
    _exit(0);
  }
  char list[256]; snprintf(list, sizeof list, "%s", argv[optind]); for (char *s = strtok(list, ","); s && npids < 16; s = strtok(0, ",")) pids[npids++] = atoi(s);
  int pid = pids[0];
  for (int i = optind + 1; i < argc; i++) {
    char op[128]; snprintf(op, sizeof op, "%s", argv[i]); char *arg = strchr(op, ':'); if (arg) *arg++ = 0;
    if (!strcmp(op, "sleep")) usleep(atoi(arg) * 1000);
    else if (!strcmp(op, "say")) printf("  # %s\n", arg);
    else if (!strcmp(op, "snap")) snap(pid, arg);
    else if (!strcmp(op, "tick")) tick(arg ? atoi(arg) : 300);
    else if (!strcmp(op, "mem")) mem(pid);
    else if (!strcmp(op, "kill")) { printf("  kill %d: %d\n", atoi(arg), kill(pid, atoi(arg))); usleep(200000); }
    else if (!strcmp(op, "freeze")) freeze(pid, 0);
    else if (!strcmp(op, "freezebut")) freeze(pid, 1);
    else if (!strcmp(op, "thaw")) thaw();
    else if (!strcmp(op, "woken")) { if (!wake(rt)) { job *j = start(pid, arg); finish(j, watchdog); sleepback(rt); } }
    else if (!strcmp(op, "par")) { job *j[16]; double a = now(); for (int k = 0; k < npids; k++) j[k] = start(pids[k], arg); for (int k = 0; k < npids; k++) finish(j[k], watchdog); printf("  all %d parallel %s: %.2f ms\n", npids, arg, now() - a); }
    else if (!strcmp(op, "seq")) { double a = now(); for (int k = 0; k < npids; k++) call(pids[k], arg); printf("  all %d one after another %s: %.2f ms\n", npids, arg, now() - a); }
    else if (!strcmp(op, "async")) { job *j = start(pid, arg); usleep(300000); if (j->done) show(j, " (early)"); else { printf("  %s is still under way after 300 ms\n", arg); hung[nhung++] = j; } }
    else if (!strcmp(op, "late")) { for (int k = 0; k < nhung; k++) { if (hung[k]->done) show(hung[k], " (late result of a hung call)"); else printf("  pid %d %s still hangs after %.0f ms\n", hung[k]->pid, hung[k]->op, now() - hung[k]->t0); } }
    else call(pid, argv[i]);
  }
  fflush(stdout); _exit(nhung ? 7 : 0);
}
