#include "memory_moves.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "process.h"

namespace {

uint64_t g_regions[kMaxDevices];

// Small enough that no long copy is needed between socket and memory, large enough that round trips do not count.
constexpr uint64_t kChunk = 1 << 20;

CUresult copy(Allocation &one, bool upload) {
  for (uint64_t at = 0; at < one.size; at += kChunk) {
    GpuRequest request{};
    request.handle = one.handle;
    request.offset = at;
    request.size = one.size - at < kChunk ? one.size - at : kChunk;
    char *host = static_cast<char *>(one.copy) + at;
    CUresult code = upload ? g_process.thread.write(request, host) : g_process.thread.read(request, host);
    if (code != kSuccess) return code;
  }
  return kSuccess;
}

void free_handle(Allocation &one) {
  GpuRequest request{};
  request.op = GpuOp::kFree;
  request.handle = one.handle;
  GpuReply reply;
  g_process.thread.call(request, &reply);
  one.handle = 0;
}

void drop_copy(Allocation &one) {
  if (one.copy != nullptr) munmap(one.copy, one.size);
  one.copy = nullptr;
}

CUresult allocate(Allocation &one) {
  GpuRequest request{};
  request.op = GpuOp::kAlloc;
  request.device = g_process.devices[one.device].remote;
  request.size = one.size;
  GpuReply reply;
  CUresult code = g_process.thread.call(request, &reply);
  if (code == kSuccess) one.handle = reply.value;
  return code;
}

bool same(const unsigned char *a, const unsigned char *b) { return memcmp(a, b, 16) == 0; }

int index_of(const GpuDevice *devices, int count, const unsigned char *uuid) {
  for (int i = 0; i < count; i++)
    if (same(devices[i].uuid, uuid)) return i;
  return -1;
}

// The UUID that device `i` has now; null when no pair names it. As there are as many pairs as devices, a device that is named twice leaves
// another one without.
const unsigned char *wanted_uuid(int i, const CUcheckpointGpuPair *pairs, uint32_t pair_count) {
  const unsigned char *own = g_process.devices[i].info.uuid;
  if (pair_count == 0) return own;
  for (uint32_t k = 0; k < pair_count; k++)
    if (same(pairs[k].oldUuid.bytes, own)) return pairs[k].newUuid.bytes;
  return nullptr;
}

bool distinct(const Device *chosen, int count) {
  for (int i = 0; i < count; i++)
    for (int k = 0; k < i; k++)
      if (chosen[i].remote == chosen[k].remote) return false;
  return true;
}

CUresult attach() {
  for (int i = 0; i < g_process.device_count; i++) {
    GpuRequest request{};
    request.op = GpuOp::kAttach;
    request.device = g_process.devices[i].remote;
    GpuReply reply;
    CUresult code = g_process.thread.call(request, &reply);
    if (code != kSuccess) return code;
  }
  return kSuccess;
}

}  // namespace

CUresult memory_to_host() {
  CUresult code = kSuccess;
  for (Allocation &one : g_process.allocations) {
    if (one.address == 0 || code != kSuccess) continue;
    void *copied = mmap(nullptr, one.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    one.copy = copied == MAP_FAILED ? nullptr : copied;
    code = one.copy == nullptr ? kOutOfMemory : copy(one, false);
  }
  for (Allocation &one : g_process.allocations) {
    if (one.address == 0) continue;
    if (code == kSuccess) free_handle(one);
    else drop_copy(one);
  }
  return code;
}

CUresult memory_to_devices(bool storage) {
  CUresult code = kSuccess;
  for (Allocation &one : g_process.allocations) {
    if (one.address == 0 || code != kSuccess) continue;
    code = allocate(one);
    if (code == kSuccess && !storage) code = copy(one, true);
  }
  for (Allocation &one : g_process.allocations) {
    if (one.address == 0) continue;
    if (code == kSuccess) drop_copy(one);
    else if (one.handle != 0) free_handle(one);
  }
  return code;
}

CUresult export_memory(DeviceList *list) {
  list->count = 0;
  for (int i = 0; i < g_process.device_count; i++) {
    GpuRequest request{};
    request.op = GpuOp::kExport;
    request.device = g_process.devices[i].remote;
    GpuReply reply;
    CUresult code = g_process.thread.call(request, &reply);
    if (code != kSuccess) return code;
    g_regions[i] = reply.value;
    if (reply.value2 == 0) continue;
    ChannelDevice &device = list->devices[list->count++];
    device = {{}, reply.value2, reply.value};
    memcpy(device.uuid, g_process.devices[i].info.uuid, 16);
  }
  return kSuccess;
}

void unexport_memory() {
  for (int i = 0; i < g_process.device_count; i++) {
    GpuRequest request{};
    request.op = GpuOp::kUnexport;
    request.handle = g_regions[i];
    GpuReply reply;
    g_process.thread.call(request, &reply);
  }
}

void free_devices() {
  for (Allocation &one : g_process.allocations)
    if (one.address != 0) free_handle(one);
}

CUresult take_devices(const CUcheckpointGpuPair *pairs, uint32_t pair_count) {
  GpuDevice present[kMaxDevices];
  int present_count = 0;
  CUresult code = g_process.thread.devices(present, &present_count);
  if (code != kSuccess) return code;
  if (pair_count != 0 && pair_count != static_cast<uint32_t>(g_process.device_count)) return kInvalidValue;

  Device chosen[kMaxDevices];
  for (int i = 0; i < g_process.device_count; i++) {
    const unsigned char *uuid = wanted_uuid(i, pairs, pair_count);
    int at = uuid == nullptr ? -1 : index_of(present, present_count, uuid);
    if (at < 0 || strcmp(present[at].name, g_process.devices[i].info.name) != 0) return kInvalidValue;
    chosen[i] = g_process.devices[i];
    chosen[i].info = present[at];
    chosen[i].remote = at;
  }
  if (!distinct(chosen, g_process.device_count)) return kInvalidValue;
  for (int i = 0; i < g_process.device_count; i++)
    if (access(chosen[i].info.node, R_OK | W_OK) != 0) return kNotSupported;

  memcpy(g_process.devices, chosen, sizeof(Device) * static_cast<size_t>(g_process.device_count));
  code = attach();
  return code == kSuccess && !open_nodes() ? kNotSupported : code;
}
