#include "storage.h"

#include <unistd.h>

#include <cstring>

#include "process.h"

namespace {

constexpr int kMaxOperations = 16;

struct Operation {
  int pid;  // 0: free entry
  CUcheckpointCustomStorageInfo info;
  CUcheckpointPerDeviceData data[kMaxDevices];
};
Operation g_operations[kMaxOperations];

Operation *operation_of(CUcheckpointOperationHandle handle) {
  for (Operation &one : g_operations)
    if (one.pid != 0 && reinterpret_cast<CUcheckpointOperationHandle>(&one) == handle) return &one;
  return nullptr;
}

int own_device(const unsigned char *uuid) {
  for (int i = 0; i < g_process.device_count; i++)
    if (memcmp(g_process.devices[i].info.uuid, uuid, 16) == 0) return i;
  return -1;
}

// The caller must hold the primary context of every device of the target.
CUresult check_contexts(const DeviceList &list) {
  for (uint32_t i = 0; i < list.count; i++) {
    int device = own_device(list.devices[i].uuid);
    if (device < 0 || g_process.devices[device].primary == 0) return kInvalidContext;
  }
  return kSuccess;
}

// The devices that the target will have after the call.
DeviceList mapped(DeviceList list, const Request &request) {
  for (uint32_t i = 0; i < list.count; i++) {
    for (uint32_t k = 0; k < request.pair_count; k++) {
      if (memcmp(request.pairs[k].oldUuid.bytes, list.devices[i].uuid, 16) != 0) continue;
      memcpy(list.devices[i].uuid, request.pairs[k].newUuid.bytes, 16);
      break;
    }
  }
  return list;
}

void forget(Operation *operation) {
  for (CUcheckpointPerDeviceData &data : operation->data) {
    Allocation *region = data.size == 0 ? nullptr : find_allocation(data.devPtr, data.size);
    if (region != nullptr) *region = {};
  }
  *operation = {};
}

CUresult import(Operation *operation, const DeviceList &list) {
  for (uint32_t i = 0; i < list.count; i++) {
    Allocation *region = add_allocation(own_device(list.devices[i].uuid), list.devices[i].size, list.devices[i].region | kRegion);
    if (region == nullptr) return kOutOfMemory;
    // A stream of the device's primary context; work of this library is in one order anyway.
    auto stream = reinterpret_cast<CUstream>(&operation->data[i]);
    operation->data[i] = {region->address, static_cast<size_t>(region->size), stream};
  }
  operation->info = {reinterpret_cast<CUcheckpointOperationHandle>(operation), operation->data, list.count};
  return kSuccess;
}

Operation *free_operation() {
  for (Operation &one : g_operations)
    if (one.pid == 0) return &one;
  return nullptr;
}

}  // namespace

CUresult ask_with_storage(int pid, const Request &request, const Verdict &verdict, CUcheckpointCustomStorageInfo **info) {
  if (check_initialized() != kSuccess) return kNotInitialized;
  if (pid == getpid()) return kNotSupported;
  DeviceList list;
  CUresult code = ask_target(pid, {Call::kDevices, 0, 0, nullptr, 0}, {}, nullptr, &list);
  if (code == kSuccess) code = check_contexts(mapped(list, request));
  if (code == kSuccess) code = ask_target(pid, request, verdict, nullptr, &list);
  if (code != kSuccess) return code;
  pthread_mutex_lock(&g_process.mutex);
  Operation *operation = free_operation();
  code = operation == nullptr ? kOutOfMemory : kSuccess;
  if (code == kSuccess) {
    operation->pid = pid;
    code = import(operation, list);
    if (code != kSuccess) forget(operation);
  }
  pthread_mutex_unlock(&g_process.mutex);
  if (code == kSuccess) *info = &operation->info;
  return code;
}

CUresult complete_with_storage(CUcheckpointOperationHandle handle, const Verdict &verdict) {
  Operation *operation = operation_of(handle);
  if (operation == nullptr) return kInvalidValue;
  CUresult code = ask_target(operation->pid, {Call::kComplete, 0, 0, nullptr, 0}, verdict, nullptr, nullptr);
  if (code != kSuccess) return code;
  pthread_mutex_lock(&g_process.mutex);
  forget(operation);
  pthread_mutex_unlock(&g_process.mutex);
  return kSuccess;
}

int target_of(CUcheckpointOperationHandle handle) {
  Operation *operation = operation_of(handle);
  return operation == nullptr ? 0 : operation->pid;
}
