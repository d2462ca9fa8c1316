// Device memory: a memfd for each allocation.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon.h"

CUresult allocate_memory(Daemon &daemon, uint64_t client, const GpuRequest &request, uint64_t *handle) {
  if (request.device < 0 || static_cast<size_t>(request.device) >= daemon.devices.size()) return kInvalidDevice;
  DeviceState &device = daemon.devices[static_cast<size_t>(request.device)];
  if (request.size == 0 || request.size > kMaxAllocation) return kOutOfMemory;
  if (device.used > device.info.memory || request.size > device.info.memory - device.used) return kOutOfMemory;
  int memfd = memfd_create("fake-gpu-memory", MFD_CLOEXEC);
  if (memfd < 0 || ftruncate(memfd, static_cast<off_t>(request.size)) != 0) {
    if (memfd >= 0) close(memfd);
    return kOutOfMemory;
  }
  device.used += request.size;
  *handle = daemon.next_handle++;
  daemon.memory[*handle] = {client, request.device, request.size, memfd};
  return kSuccess;
}

CUresult free_memory(Daemon &daemon, uint64_t client, uint64_t handle) {
  auto found = daemon.memory.find(handle);
  if (found == daemon.memory.end() || found->second.client != client) return kInvalidValue;
  daemon.devices[static_cast<size_t>(found->second.device)].used -= found->second.size;
  close(found->second.memfd);
  daemon.memory.erase(found);
  return kSuccess;
}

void free_all(Daemon &daemon, uint64_t client) {
  std::vector<uint64_t> handles;
  for (const auto &[handle, memory] : daemon.memory)
    if (memory.client == client) handles.push_back(handle);
  for (uint64_t handle : handles) free_memory(daemon, client, handle);
}

uint64_t export_region(Daemon &daemon, uint64_t client, int device, uint64_t *size) {
  std::vector<uint64_t> handles;
  *size = 0;
  for (const auto &[handle, memory] : daemon.memory) {
    if (memory.client != client || memory.device != device) continue;
    handles.push_back(handle);
    *size += memory.size;
  }
  uint64_t region = daemon.next_handle++;
  daemon.regions[region] = handles;
  return region;
}

static bool in_region(Daemon &daemon, uint64_t region, std::vector<uint64_t> *handles) {
  auto found = daemon.regions.find(region & ~kRegion);
  if (found == daemon.regions.end()) return false;
  *handles = found->second;
  return true;
}

std::vector<Piece> pieces_of(Daemon &daemon, uint64_t client, uint64_t handle, uint64_t offset, uint64_t size) {
  std::vector<uint64_t> handles{handle};
  bool region = (handle & kRegion) != 0;
  if (region && !in_region(daemon, handle, &handles)) return {};
  std::vector<Piece> pieces;
  for (uint64_t one : handles) {
    auto found = daemon.memory.find(one);
    if (found == daemon.memory.end() || (!region && found->second.client != client)) break;
    const Memory &memory = found->second;
    if (offset >= memory.size) {
      offset -= memory.size;
      continue;
    }
    uint64_t part = size < memory.size - offset ? size : memory.size - offset;
    if (part > 0) pieces.push_back({fcntl(memory.memfd, F_DUPFD_CLOEXEC, 3), offset, part});
    size -= part;
    offset = 0;
    if (size == 0) return pieces;
  }
  for (const Piece &piece : pieces) close(piece.memfd);
  return {};
}
