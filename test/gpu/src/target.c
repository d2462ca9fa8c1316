// A CUDA process that keeps counting on the GPU and tells in a status file whether the device memory still holds what it wrote.
#include "libcuda.h"
#include "kernels.h"
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
static int status_fd;
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e3 + t.tv_nsec / 1e6; }
static void status(const char *fmt, unsigned long long a, unsigned long long b, int c, const char *d) {
  char buf[256]; memset(buf, ' ', sizeof buf);
  int n = snprintf(buf, sizeof buf, fmt, a, b, c, d); buf[n] = ' '; buf[159] = '\n';
  if (pwrite(status_fd, buf, 160, 0) < 0) _exit(3);
}
#define CK(call) do { int r_ = (call); if (r_) { fprintf(stderr, "%s = %d %s\n", #call, r_, ename(r_)); status("tick %llu bad %llu err %d %s", 0, 0, r_, #call); pause(); } } while (0)
static CUdevice dev; static CUcontext ctx;
static volatile unsigned long long thread_ticks;
static void *worker(void *arg) {
  (void)arg;
  pthread_setname_np(pthread_self(), "own-worker");
  if (FN(cuCtxSetCurrent)(ctx)) return 0;
  CUdeviceptr p; CUstream s; unsigned v;
  CK(FN(cuMemAlloc)(&p, 4096)); CK(FN(cuStreamCreate)(&s, CU_STREAM_NON_BLOCKING));
  for (;;) { CK(FN(cuMemcpyDtoHAsync)(&v, p, 4, s)); CK(FN(cuStreamSynchronize)(s)); thread_ticks++; usleep(5000); }
}
int main(int argc, char **argv) {
  long mib = 16, pinned = 0, hostreg = 0, managed = 0, spin_ms = 0, threads = 0, ipc = 0, vmm = 0, nvml = 0, dofork = 0, preinit = 0, initonly = 0, graph = 0, period = 20, nodump = 0;
  const char *st = "/dev/null";
  struct option o[] = {{"mib", 1, 0, 'm'}, {"status", 1, 0, 's'}, {"pinned", 1, 0, 'p'}, {"hostreg", 1, 0, 'h'}, {"managed", 1, 0, 'u'}, {"spin", 1, 0, 'S'}, {"threads", 1, 0, 't'}, {"ipc", 0, 0, 'i'}, {"vmm", 1, 0, 'v'}, {"nvml", 0, 0, 'n'}, {"fork", 0, 0, 'f'}, {"preinit", 0, 0, 'P'}, {"initonly", 0, 0, 'I'}, {"graph", 0, 0, 'g'}, {"nodump", 0, 0, 'D'}, {0}};
  for (int c; (c = getopt_long(argc, argv, "", o, 0)) != -1;) switch (c) {
    case 'm': mib = atol(optarg); break; case 's': st = optarg; break; case 'p': pinned = atol(optarg); break; case 'h': hostreg = atol(optarg); break;
    case 'u': managed = atol(optarg); break; case 'S': spin_ms = atol(optarg); break; case 't': threads = atol(optarg); break; case 'i': ipc = 1; break;
    case 'v': vmm = atol(optarg); break; case 'n': nvml = 1; break; case 'f': dofork = 1; break; case 'P': preinit = 1; break; case 'I': initonly = 1; break;
    case 'g': graph = 1; break; case 'D': nodump = 1; break; default: return 2; }
  status_fd = open(st, O_RDWR | O_CREAT | O_TRUNC, 0666);
  if (status_fd < 0) { perror(st); return 2; }
  if (nodump) prctl(PR_SET_DUMPABLE, 0);
  open_lib();
  if (preinit) { status("tick %llu bad %llu err %d %s", 0, 0, 0, "preinit"); for (;;) pause(); }
  double t0 = now();
  CK(FN(cuInit)(0));
  double t1 = now();
  if (initonly) { status("tick %llu bad %llu err %d %s", 0, 0, 0, "initonly"); for (;;) pause(); }
  CK(FN(cuDeviceGet)(&dev, 0)); CK(FN(cuDevicePrimaryCtxRetain)(&ctx, dev)); CK(FN(cuCtxSetCurrent)(ctx));
  double t2 = now();
  fprintf(stderr, "target cuInit %.1f ms, primary context %.1f ms\n", t1 - t0, t2 - t1);
  CUmodule mod; CUfunction kfill, kverify, kinc, kspin;
  CK(FN(cuModuleLoadData)(&mod, kernels_fatbin));
  CK(FN(cuModuleGetFunction)(&kfill, mod, "fill")); CK(FN(cuModuleGetFunction)(&kverify, mod, "verify"));
  CK(FN(cuModuleGetFunction)(&kinc, mod, "inc")); CK(FN(cuModuleGetFunction)(&kspin, mod, "spin"));
  size_t bytes = (size_t)mib << 20; unsigned long long n = bytes / 4; unsigned seed = 0xABCD1234u ^ (unsigned)getpid();
  CUdeviceptr buf, cnt;
  if (vmm) {
    CUmemAllocationProp prop = {0}; prop.type = CU_MEM_ALLOCATION_TYPE_PINNED; prop.location.type = CU_MEM_LOCATION_TYPE_DEVICE; prop.location.id = 0;
    if (vmm == 2) prop.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
    size_t gran = 2 << 20; bytes = (bytes + gran - 1) / gran * gran;
    CUmemGenericAllocationHandle h; CK(FN(cuMemCreate)(&h, bytes, &prop, 0)); CK(FN(cuMemAddressReserve)(&buf, bytes, 0, 0, 0)); CK(FN(cuMemMap)(buf, bytes, 0, h, 0));
    CUmemAccessDesc acc = {0}; acc.location = prop.location; acc.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE; CK(FN(cuMemSetAccess)(buf, bytes, &acc, 1));
    if (vmm == 2) { int fd = -1; CK(FN(cuMemExportToShareableHandle)(&fd, h, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0)); fprintf(stderr, "exported fd %d\n", fd); }
  } else if (managed) { bytes = (size_t)managed << 20; n = bytes / 4; CK(FN(cuMemAllocManaged)(&buf, bytes, CU_MEM_ATTACH_GLOBAL)); }
  else CK(FN(cuMemAlloc)(&buf, bytes));
  CK(FN(cuMemAlloc)(&cnt, 16)); CK(FN(cuMemsetD8)(cnt, 0, 16));
  if (ipc) { CUipcMemHandle h; CK(FN(cuIpcGetMemHandle)(&h, buf)); }
  uint32_t *pin = 0, *reg = 0; CUdeviceptr regdev = 0; (void)regdev;
  if (pinned) { CK(FN(cuMemAllocHost)((void **)&pin, (size_t)pinned << 20)); for (size_t i = 0; i < (size_t)pinned << 18; i++) pin[i] = (uint32_t)i * 7u; fprintf(stderr, "pinned at %p\n", (void *)pin); }
  if (hostreg) { reg = mmap(0, (size_t)hostreg << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); memset(reg, 5, (size_t)hostreg << 20); CK(FN(cuMemHostRegister)(reg, (size_t)hostreg << 20, 0)); fprintf(stderr, "registered at %p\n", (void *)reg); }
  if (nvml) { void *l = dlopen("libnvidia-ml.so.1", RTLD_NOW); int (*f)(void) = l ? dlsym(l, "nvmlInit_v2") : 0; fprintf(stderr, "nvmlInit %d\n", f ? f() : -1); }
  CUstream s; CUevent ev; CK(FN(cuStreamCreate)(&s, CU_STREAM_NON_BLOCKING)); CK(FN(cuEventCreate)(&ev, 0));
  void *fa[] = {&buf, &n, &seed}; CK(FN(cuLaunchKernel)(kfill, 528, 1, 1, 256, 1, 1, 0, s, fa, 0)); CK(FN(cuStreamSynchronize)(s));
  CUgraphExec gx = 0; void *ia[] = {&cnt};
  if (graph) { CUgraph g; CK(FN(cuStreamBeginCapture)(s, CU_STREAM_CAPTURE_MODE_RELAXED)); CK(FN(cuLaunchKernel)(kinc, 1, 1, 1, 1, 1, 1, 0, s, ia, 0)); CK(FN(cuStreamEndCapture)(s, &g)); CK(FN(cuGraphInstantiate)(&gx, g, 0)); }
  for (long i = 0; i < threads; i++) { pthread_t t; pthread_create(&t, 0, worker, 0); }
  if (dofork) { pid_t c = fork(); if (!c) { prctl(PR_SET_NAME, "forked-child"); for (;;) pause(); } fprintf(stderr, "child %d\n", c); }
  unsigned long long ticks = 0, got[2]; double worst = 0;
  for (;;) {
    double a = now();
    if (gx) CK(FN(cuGraphLaunch)(gx, s)); else CK(FN(cuLaunchKernel)(kinc, 1, 1, 1, 1, 1, 1, 0, s, ia, 0));
    void *va[] = {&buf, &n, &seed, &cnt}; CK(FN(cuLaunchKernel)(kverify, 528, 1, 1, 256, 1, 1, 0, s, va, 0));
    if (spin_ms) { unsigned long long ns = spin_ms * 1000000ull; void *sa[] = {&ns}; CK(FN(cuLaunchKernel)(kspin, 1, 1, 1, 1, 1, 1, 0, s, sa, 0)); }
    CK(FN(cuEventRecord)(ev, s)); CK(FN(cuMemcpyDtoHAsync)(got, cnt, 16, s)); CK(FN(cuStreamSynchronize)(s)); CK(FN(cuEventQuery)(ev));
    ticks++;
    double d = now() - a; if (d > worst) worst = d;
    unsigned long long bad = got[1] + (got[0] != ticks);
    if (pin) for (size_t i = 0; i < (size_t)pinned << 18; i += 997) bad += pin[i] != (uint32_t)i * 7u;
    if (reg) for (size_t i = 0; i < (size_t)hostreg << 18; i += 997) bad += reg[i] != 0x05050505u;
    char x[64]; snprintf(x, sizeof x, "ok gpu %llu thr %llu", got[0], thread_ticks);
    status("tick %llu bad %llu err %d %s", ticks, bad, 0, x);
    usleep(period * 1000);
  }
}
