// A CUDA process that keeps counting on the GPU and tells in a status file whether the memory that it uses still holds what it wrote.
#include "libcuda.h"
#include "kernels.h"
#include <fcntl.h>
#include <getopt.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

struct options {
  const char *status;
  long mib, pinned, hostreg, managed, spin_ms, threads, vmm, device;
  int ipc, nvml, dofork, preinit, initonly, graph, nodump, seccomp;
};

// What is checked in every round. Sizes of host memory in words of 32 bits.
struct work {
  CUdeviceptr buffer, counters;
  unsigned long long words;
  unsigned seed;
  CUfunction verify, increment, spin;
  CUgraphExec graph;
  CUstream stream;
  CUevent event;
  uint32_t *pinned, *registered;
  size_t pinned_words, registered_words;
};

static int status_fd;
static CUcontext context;
static volatile unsigned long long thread_ticks;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

// One line of 160 bytes, overwritten: a reader gets all of it or the one before.
static void status(unsigned long long tick, unsigned long long bad, int err, const char *what) {
  char line[256];
  memset(line, ' ', sizeof line);
  int n = snprintf(line, sizeof line, "tick %llu bad %llu err %d %s", tick, bad, err, what);
  line[n] = ' ';
  line[159] = '\n';
  if (pwrite(status_fd, line, 160, 0) < 0) _exit(3);
}

static void fail(const char *call, int code) {
  fprintf(stderr, "%s = %d %s\n", call, code, ename(code));
  status(0, 0, code, call);
  pause();
}

#define CK(call)                \
  do {                          \
    int r_ = (call);            \
    if (r_) fail(#call, r_);    \
  } while (0)

static void wait_for_ever(const char *why) {
  status(0, 0, 0, why);
  for (;;) pause();
}

// A stream and a thread of the program's own, both always busy.
static void *worker(void *arg) {
  (void)arg;
  pthread_setname_np(pthread_self(), "own-worker");
  CK(FN(cuCtxSetCurrent)(context));
  CUdeviceptr memory;
  CUstream stream;
  unsigned value;
  CK(FN(cuMemAlloc)(&memory, 4096));
  CK(FN(cuStreamCreate)(&stream, CU_STREAM_NON_BLOCKING));
  for (;;) {
    CK(FN(cuMemcpyDtoHAsync)(&value, memory, 4, stream));
    CK(FN(cuStreamSynchronize)(stream));
    thread_ticks++;
    usleep(5000);
  }
  return NULL;
}

// A filter that allows everything: threads that the driver starts get it, too.
static void filter_calls(void) {
  struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {1, &allow};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) fail("seccomp", -1);
}

static CUcontext start_cuda(int ordinal) {
  CUdevice device;
  CUcontext made;
  double begin = now();
  CK(FN(cuDeviceGet)(&device, ordinal));
  CK(FN(cuDevicePrimaryCtxRetain)(&made, device));
  CK(FN(cuCtxSetCurrent)(made));
  fprintf(stderr, "target primary context %.1f ms\n", now() - begin);
  return made;
}

// Memory made piece by piece (cuMemCreate, cuMemMap). `exported`: with a descriptor that another process could map.
static CUdeviceptr map_memory(size_t bytes, int ordinal, int exported) {
  CUmemAllocationProp prop = {0};
  prop.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  prop.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  prop.location.id = ordinal;
  if (exported) prop.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
  CUmemGenericAllocationHandle handle;
  CUdeviceptr address;
  CK(FN(cuMemCreate)(&handle, bytes, &prop, 0));
  CK(FN(cuMemAddressReserve)(&address, bytes, 0, 0, 0));
  CK(FN(cuMemMap)(address, bytes, 0, handle, 0));
  CUmemAccessDesc access = {0};
  access.location = prop.location;
  access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
  CK(FN(cuMemSetAccess)(address, bytes, &access, 1));
  if (!exported) return address;
  int fd = -1;
  CK(FN(cuMemExportToShareableHandle)(&fd, handle, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0));
  fprintf(stderr, "exported fd %d\n", fd);
  return address;
}

static void take_device_memory(struct work *work, const struct options *o) {
  const size_t piece = 2 << 20;
  size_t bytes = (size_t)(o->managed ? o->managed : o->mib) << 20;
  if (o->vmm) {
    bytes = (bytes + piece - 1) / piece * piece;
    work->buffer = map_memory(bytes, o->device, o->vmm == 2);
  } else if (o->managed) {
    CK(FN(cuMemAllocManaged)(&work->buffer, bytes, CU_MEM_ATTACH_GLOBAL));
  } else {
    CK(FN(cuMemAlloc)(&work->buffer, bytes));
  }
  work->words = bytes / 4;
  CK(FN(cuMemAlloc)(&work->counters, 16));
  CK(FN(cuMemsetD8)(work->counters, 0, 16));
  CUipcMemHandle handle;
  if (o->ipc) CK(FN(cuIpcGetMemHandle)(&handle, work->buffer));
}

static void take_host_memory(struct work *work, const struct options *o) {
  work->pinned_words = (size_t)o->pinned << 18;
  work->registered_words = (size_t)o->hostreg << 18;
  if (o->pinned) {
    CK(FN(cuMemAllocHost)((void **)&work->pinned, work->pinned_words * 4));
    for (size_t i = 0; i < work->pinned_words; i++) work->pinned[i] = (uint32_t)i * 7u;
  }
  if (o->hostreg) {
    size_t bytes = work->registered_words * 4;
    work->registered = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(work->registered, 5, bytes);
    CK(FN(cuMemHostRegister)(work->registered, bytes, 0));
  }
}

static void launch(const struct work *work, CUfunction function, unsigned blocks, unsigned threads, void **arguments) {
  CK(FN(cuLaunchKernel)(function, blocks, 1, 1, threads, 1, 1, 0, work->stream, arguments, 0));
}

// The kernel `inc` in an instantiated graph.
static CUgraphExec make_graph(struct work *work) {
  CUgraph graph;
  CUgraphExec ready;
  void *arguments[] = {&work->counters};
  CK(FN(cuStreamBeginCapture)(work->stream, CU_STREAM_CAPTURE_MODE_RELAXED));
  launch(work, work->increment, 1, 1, arguments);
  CK(FN(cuStreamEndCapture)(work->stream, &graph));
  CK(FN(cuGraphInstantiate)(&ready, graph, 0));
  return ready;
}

static void prepare(struct work *work, const struct options *o) {
  CUmodule module;
  CUfunction fill;
  CK(FN(cuModuleLoadData)(&module, kernels_fatbin));
  CK(FN(cuModuleGetFunction)(&fill, module, "fill"));
  CK(FN(cuModuleGetFunction)(&work->verify, module, "verify"));
  CK(FN(cuModuleGetFunction)(&work->increment, module, "inc"));
  CK(FN(cuModuleGetFunction)(&work->spin, module, "spin"));
  work->seed = 0xABCD1234u ^ (unsigned)getpid();
  take_device_memory(work, o);
  take_host_memory(work, o);
  CK(FN(cuStreamCreate)(&work->stream, CU_STREAM_NON_BLOCKING));
  CK(FN(cuEventCreate)(&work->event, 0));
  void *arguments[] = {&work->buffer, &work->words, &work->seed};
  launch(work, fill, 528, 256, arguments);
  CK(FN(cuStreamSynchronize)(work->stream));
  if (o->graph) work->graph = make_graph(work);
}

static unsigned long long bad_host_words(const struct work *work) {
  unsigned long long bad = 0;
  for (size_t i = 0; work->pinned && i < work->pinned_words; i += 997) bad += work->pinned[i] != (uint32_t)i * 7u;
  for (size_t i = 0; work->registered && i < work->registered_words; i += 997) bad += work->registered[i] != 0x05050505u;
  return bad;
}

// One count on the device, and a look at all memory.
static void round_of(struct work *work, long spin_ms, unsigned long long tick) {
  unsigned long long got[2], spin_ns = (unsigned long long)spin_ms * 1000000ull;
  void *count[] = {&work->counters};
  void *verify[] = {&work->buffer, &work->words, &work->seed, &work->counters};
  void *spin[] = {&spin_ns};
  if (work->graph) CK(FN(cuGraphLaunch)(work->graph, work->stream));
  else launch(work, work->increment, 1, 1, count);
  launch(work, work->verify, 528, 256, verify);
  if (spin_ms) launch(work, work->spin, 1, 1, spin);
  CK(FN(cuEventRecord)(work->event, work->stream));
  CK(FN(cuMemcpyDtoHAsync)(got, work->counters, 16, work->stream));
  CK(FN(cuStreamSynchronize)(work->stream));
  CK(FN(cuEventQuery)(work->event));
  char what[64];
  snprintf(what, sizeof what, "ok gpu %llu thr %llu", got[0], thread_ticks);
  status(tick, got[1] + (got[0] != tick) + bad_host_words(work), 0, what);
}

static void fork_child(void) {
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_NAME, "forked-child");
    for (;;) pause();
  }
  fprintf(stderr, "child %d\n", child);
}

static void start_nvml(void) {
  void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW);
  int (*init)(void) = library ? dlsym(library, "nvmlInit_v2") : 0;
  fprintf(stderr, "nvmlInit %d\n", init ? init() : -1);
}

static struct options parse(int argc, char **argv) {
  struct options o = {.status = "/dev/null", .mib = 16};
  struct option names[] = {{"status", 1, 0, 0},  {"mib", 1, 0, 1},      {"pinned", 1, 0, 2},   {"hostreg", 1, 0, 3}, {"managed", 1, 0, 4},
                           {"spin", 1, 0, 5},    {"threads", 1, 0, 6},  {"vmm", 1, 0, 7},      {"device", 1, 0, 8},  {"ipc", 0, &o.ipc, 1},
                           {"nvml", 0, &o.nvml, 1}, {"fork", 0, &o.dofork, 1}, {"preinit", 0, &o.preinit, 1}, {"initonly", 0, &o.initonly, 1},
                           {"graph", 0, &o.graph, 1}, {"nodump", 0, &o.nodump, 1}, {"seccomp", 0, &o.seccomp, 1}, {0}};
  long *numbers[] = {NULL, &o.mib, &o.pinned, &o.hostreg, &o.managed, &o.spin_ms, &o.threads, &o.vmm, &o.device};
  for (int found, at; (found = getopt_long(argc, argv, "", names, &at)) != -1;) {
    if (found == '?') exit(2);
    if (names[at].flag) continue;
    if (found == 0) o.status = optarg;
    else *numbers[found] = atol(optarg);
  }
  return o;
}

int main(int argc, char **argv) {
  struct options o = parse(argc, argv);
  status_fd = open(o.status, O_RDWR | O_CREAT | O_TRUNC, 0666);
  if (status_fd < 0) {
    perror(o.status);
    return 2;
  }
  if (o.nodump) prctl(PR_SET_DUMPABLE, 0);
  if (o.seccomp) filter_calls();
  open_lib();
  if (o.preinit) wait_for_ever("preinit");
  CK(FN(cuInit)(0));
  if (o.initonly) wait_for_ever("initonly");
  context = start_cuda(o.device);
  static struct work work;
  prepare(&work, &o);
  if (o.nvml) start_nvml();
  for (long i = 0; i < o.threads; i++) {
    pthread_t thread;
    pthread_create(&thread, 0, worker, 0);
  }
  if (o.dofork) fork_child();
  for (unsigned long long tick = 1;; tick++) {
    round_of(&work, o.spin_ms, tick);
    usleep(20000);
  }
}
