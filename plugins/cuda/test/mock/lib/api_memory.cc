// Driver API of the fake library: memory, streams, and the one "kernel".
#include <sys/mman.h>

#include <cstring>

#include "gate.h"
#include "process.h"
#include "worker.h"

namespace {

struct PinnedBlock {
  void *at;
  size_t size;
};
constexpr int kMaxPinned = 64;
PinnedBlock g_pinned[kMaxPinned];

struct Locked {
  Locked() { pthread_mutex_lock(&g_process.mutex); }
  ~Locked() { pthread_mutex_unlock(&g_process.mutex); }
};

CUresult check_context() {
  CUresult code = check_initialized();
  return code == kSuccess && current_device() == nullptr ? kInvalidContext : code;
}

// A request about `size` bytes at a device address. kInvalidValue when they are not all in one allocation.
CUresult locate(CUdeviceptr address, uint64_t size, GpuRequest *request) {
  Locked locked;
  Allocation *one = find_allocation(address, size);
  if (one == nullptr) return kInvalidValue;
  *request = {};
  request->handle = one->handle;
  request->offset = address - one->address;
  request->size = size;
  return kSuccess;
}

// Ordinary calls and calls on the default stream wait for the work before them.
CUresult locate_when_idle(CUdeviceptr address, uint64_t size, GpuRequest *request) {
  CUresult code = check_context();
  if (code != kSuccess) return code;
  drain(0);
  return locate(address, size, request);
}

int ordinal_of(const Device *device) { return static_cast<int>(device - g_process.devices); }

CUresult ask(GpuOp op, int device, uint64_t size, GpuReply *reply) {
  GpuRequest request{};
  request.op = op;
  request.device = device;
  request.size = size;
  return g_process.api.call(request, reply);
}

}  // namespace

CUDA_EXPORT CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *total_bytes) {
  ApiCall call;
  CUresult code = check_context();
  if (code != kSuccess) return code;
  if (free_bytes == nullptr || total_bytes == nullptr) return kInvalidValue;
  GpuReply reply;
  code = ask(GpuOp::kMemInfo, current_device()->remote, 0, &reply);
  if (code != kSuccess) return code;
  *free_bytes = reply.value;
  *total_bytes = reply.value2;
  return kSuccess;
}

CUDA_EXPORT CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t size) {
  ApiCall call;
  CUresult code = check_context();
  if (code != kSuccess) return code;
  if (address == nullptr || size == 0) return kInvalidValue;
  GpuReply reply;
  code = ask(GpuOp::kAlloc, current_device()->remote, size, &reply);
  if (code != kSuccess) return code;
  Locked locked;
  Allocation *one = add_allocation(ordinal_of(current_device()), size, reply.value);
  if (one == nullptr) return kOutOfMemory;
  *address = one->address;
  return kSuccess;
}

CUDA_EXPORT CUresult cuMemFree_v2(CUdeviceptr address) {
  ApiCall call;
  GpuRequest request;
  CUresult code = locate_when_idle(address, 0, &request);
  if (code != kSuccess) return code;
  if (request.offset != 0 || (request.handle & kRegion) != 0) return kInvalidValue;
  request.op = GpuOp::kFree;
  GpuReply reply;
  code = g_process.api.call(request, &reply);
  if (code != kSuccess) return code;
  Locked locked;
  *find_allocation(address, 0) = {};
  return kSuccess;
}

CUDA_EXPORT CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t size) {
  ApiCall call;
  GpuRequest request;
  CUresult code = locate_when_idle(to, size, &request);
  return code == kSuccess ? g_process.api.write(request, from) : code;
}

CUDA_EXPORT CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t size) {
  ApiCall call;
  GpuRequest request;
  CUresult code = locate_when_idle(from, size, &request);
  return code == kSuccess ? g_process.api.read(request, to) : code;
}

// The asynchronous copies are done before they return, which a program cannot tell from a fast copy.
CUDA_EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t size, CUstream) { return cuMemcpyHtoD_v2(to, from, size); }

CUDA_EXPORT CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t size, CUstream) { return cuMemcpyDtoH_v2(to, from, size); }

CUDA_EXPORT CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char byte, size_t size) {
  ApiCall call;
  GpuRequest request;
  CUresult code = locate_when_idle(to, size, &request);
  if (code != kSuccess) return code;
  request.op = GpuOp::kSet8;
  request.value = byte;
  GpuReply reply;
  return g_process.api.call(request, &reply);
}

CUDA_EXPORT CUresult cuMemAllocHost_v2(void **memory, size_t size) {
  ApiCall call;
  CUresult code = check_context();
  if (code != kSuccess) return code;
  if (memory == nullptr || size == 0) return kInvalidValue;
  Locked locked;
  for (PinnedBlock &block : g_pinned) {
    if (block.at != nullptr) continue;
    void *at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return kOutOfMemory;
    block = {at, size};
    *memory = at;
    return kSuccess;
  }
  return kOutOfMemory;
}

CUDA_EXPORT CUresult cuMemFreeHost(void *memory) {
  ApiCall call;
  if (check_initialized() != kSuccess) return kNotInitialized;
  Locked locked;
  for (PinnedBlock &block : g_pinned) {
    if (memory == nullptr || block.at != memory) continue;
    munmap(block.at, block.size);
    block = {};
    return kSuccess;
  }
  return kInvalidValue;
}

CUDA_EXPORT CUresult cuStreamCreate(CUstream *stream, unsigned) {
  static int next = 0;
  ApiCall call;
  CUresult code = check_context();
  if (code != kSuccess) return code;
  if (stream == nullptr) return kInvalidValue;
  Locked locked;
  *stream = reinterpret_cast<CUstream>(static_cast<uintptr_t>(++next) << 12);
  return kSuccess;
}

CUDA_EXPORT CUresult cuStreamDestroy_v2(CUstream stream) {
  ApiCall call;
  if (check_initialized() != kSuccess) return kNotInitialized;
  return stream == nullptr ? kInvalidValue : kSuccess;
}

CUDA_EXPORT CUresult cuStreamSynchronize(CUstream) {
  ApiCall call;
  CUresult code = check_context();
  if (code == kSuccess) drain(0);
  return code;
}

CUDA_EXPORT CUresult cuCtxSynchronize() { return cuStreamSynchronize(nullptr); }

CUDA_EXPORT CUresult cuLaunchHostFunc(CUstream, CUhostFn function, void *argument) {
  ApiCall call;
  CUresult code = check_context();
  if (code != kSuccess) return code;
  return function == nullptr ? kInvalidValue : submit({{}, function, argument});
}

// The one kernel that there is: after `ms`, adds `k` to each of `size` bytes at `at`. Not a name of the real driver.
CUDA_EXPORT CUresult fakeLaunchAdd(CUdeviceptr at, size_t size, unsigned char k, unsigned ms, CUstream) {
  ApiCall call;
  CUresult code = check_context();
  if (code != kSuccess) return code;
  GpuRequest request;
  code = locate(at, size, &request);
  if (code != kSuccess) return code;
  request.op = GpuOp::kAdd;
  request.value = k;
  request.delay_ms = ms;
  return submit({request, nullptr, nullptr});
}
