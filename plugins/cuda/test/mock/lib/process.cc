#include "process.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "io.h"

Process g_process = [] {
  Process process{};
  pthread_mutex_init(&process.mutex, nullptr);
  return process;
}();

int driver_version() {
  const char *text = getenv("FAKE_CUDA_VERSION");
  int version = text == nullptr ? 0 : atoi(text);
  return version > 0 ? version : MOCK_VERSION;
}

const char *daemon_folder() {
  const char *folder = getenv("FAKE_CUDA_DIR");
  return folder == nullptr ? "" : folder;
}

CUresult check_initialized() { return g_process.pid == getpid() ? kSuccess : kNotInitialized; }

CUresult open_links() {
  char path[96];
  snprintf(path, sizeof path, "%s/gpu.sock", g_process.folder);
  // The restore thread's is the one that speaks for the group.
  CUresult code = g_process.thread.open(path, g_process.client, g_process.group);
  if (code == kSuccess) code = g_process.worker.open(path, g_process.client, "");
  if (code == kSuccess) code = g_process.api.open(path, g_process.client, "");
  if (code != kSuccess) close_links();
  return code;
}

void close_links() {
  g_process.api.close();
  g_process.worker.close();
  g_process.thread.close();
}

bool open_nodes() {
  bool all = true;
  for (int i = 0; i < g_process.device_count; i++) {
    Device &device = g_process.devices[i];
    device.node_fd = open(device.info.node, O_RDWR | O_CLOEXEC);
    if (device.node_fd < 0) all = false;
  }
  if (!all) close_nodes();
  return all;
}

void close_nodes() {
  for (int i = 0; i < g_process.device_count; i++) {
    Device &device = g_process.devices[i];
    if (device.node_fd >= 0) close(device.node_fd);
    device.node_fd = -1;
  }
}

Allocation *find_allocation(CUdeviceptr address, uint64_t size) {
  for (Allocation &one : g_process.allocations) {
    if (one.address == 0 || address < one.address) continue;
    uint64_t offset = address - one.address;
    if (offset <= one.size && size <= one.size - offset) return &one;
  }
  return nullptr;
}

Allocation *add_allocation(int index, uint64_t size, uint64_t handle) {
  Device &device = g_process.devices[index];
  uint64_t place = (device.used + 511) & ~511ull;
  if (size > kReservation || place > kReservation - size) return nullptr;
  for (Allocation &one : g_process.allocations) {
    if (one.address != 0) continue;
    device.used = place + size;
    one = {reinterpret_cast<CUdeviceptr>(device.reservation) + place, size, handle, index, nullptr};
    return &one;
  }
  return nullptr;
}
