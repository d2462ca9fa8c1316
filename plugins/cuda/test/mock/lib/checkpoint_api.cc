// The checkpoint functions of the driver API, on the caller's side (gpu.md A.1).
#include <cstdlib>
#include <cstring>

#include "caller.h"
#include "process.h"
#include "storage.h"

namespace {

bool zero(const void *data, size_t size) {
  const char *bytes = static_cast<const char *>(data);
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != 0) return false;
  return true;
}

// Asks about faults, makes the call, and records it.
template <typename Body>
CUresult recorded(const char *name, int pid, Body body) {
  Verdict verdict = call_begins(name, pid);
  bool replaced = verdict.code != kSuccess && !verdict.after;
  CUresult code = replaced ? verdict.code : body(verdict);
  if (verdict.after && code == kSuccess) code = verdict.code;
  call_ends(name, pid, code);
  return code;
}

}  // namespace

CUDA_EXPORT CUresult cuCheckpointProcessGetRestoreThreadId(int pid, int *tid) {
  return recorded("get-restore-tid", pid, [&](const Verdict &) { return tid == nullptr ? kInvalidValue : find_restore_thread(pid, tid); });
}

CUDA_EXPORT CUresult cuCheckpointProcessGetState(int pid, CUprocessState *state) {
  return recorded("get-state", pid, [&](const Verdict &verdict) {
    return state == nullptr ? kInvalidValue : ask_target(pid, {Call::kState, 0, 0, nullptr, 0}, verdict, state, nullptr);
  });
}

CUDA_EXPORT CUresult cuCheckpointProcessLock(int pid, CUcheckpointLockArgs *args) {
  return recorded("lock", pid, [&](const Verdict &verdict) {
    if (args != nullptr && (args->reserved0 != 0 || !zero(args->reserved1, sizeof args->reserved1))) return CUresult{kInvalidValue};
    uint32_t timeout_ms = args == nullptr ? 0 : args->timeoutMs;
    return ask_target(pid, {Call::kLock, 0, timeout_ms, nullptr, 0}, verdict, nullptr, nullptr);
  });
}

CUDA_EXPORT CUresult cuCheckpointProcessCheckpoint(int pid, CUcheckpointCheckpointArgs *args) {
  return recorded("checkpoint", pid, [&](const Verdict &verdict) {
    bool storage = driver_version() >= kVersionStorage && args != nullptr && args->customStorageInfo_out != nullptr;
    size_t reserved_from = storage ? sizeof args->customStorageInfo_out : 0;
    if (args != nullptr && !zero(reinterpret_cast<char *>(args) + reserved_from, sizeof *args - reserved_from)) return CUresult{kInvalidValue};
    Request request{Call::kCheckpoint, storage ? kFlagStorage : 0, 0, nullptr, 0};
    if (storage) return ask_with_storage(pid, request, verdict, args->customStorageInfo_out);
    return ask_target(pid, request, verdict, nullptr, nullptr);
  });
}

CUDA_EXPORT CUresult cuCheckpointProcessRestore(int pid, CUcheckpointRestoreArgs *args) {
  return recorded("restore", pid, [&](const Verdict &verdict) {
    CUcheckpointRestoreArgs given{};
    if (args != nullptr) given = *args;
    CUcheckpointRestoreArgs rest = given;
    Request request{Call::kRestore, 0, 0, nullptr, 0};
    if (driver_version() >= kVersionPairs) {
      request.pairs = given.gpuPairs;
      request.pair_count = given.gpuPairsCount;
      rest.gpuPairs = nullptr;
      rest.gpuPairsCount = 0;
    }
    bool storage = driver_version() >= kVersionStorage && given.customStorageInfo_out != nullptr;
    if (storage) {
      request.flags = kFlagStorage;
      rest.customStorageInfo_out = nullptr;
    }
    if (!zero(&rest, sizeof rest)) return CUresult{kInvalidValue};
    if (request.pair_count > kMaxPairs || (request.pair_count > 0) != (request.pairs != nullptr)) return CUresult{kInvalidValue};
    // The GPU must be awake: persistence mode keeps it so, or this process being a CUDA process itself.
    if (check_initialized() != kSuccess && !persistence_mode()) return CUresult{kNotInitialized};
    if (storage) return ask_with_storage(pid, request, verdict, given.customStorageInfo_out);
    return ask_target(pid, request, verdict, nullptr, nullptr);
  });
}

CUDA_EXPORT CUresult cuCheckpointProcessUnlock(int pid, CUcheckpointUnlockArgs *args) {
  return recorded("unlock", pid, [&](const Verdict &verdict) {
    if (args != nullptr && !zero(args, sizeof *args)) return CUresult{kInvalidValue};
    return ask_target(pid, {Call::kUnlock, 0, 0, nullptr, 0}, verdict, nullptr, nullptr);
  });
}

CUDA_EXPORT CUresult cuCheckpointOperationComplete(CUcheckpointOperationHandle handle) {
  int pid = target_of(handle);
  return recorded("complete", pid, [&](const Verdict &verdict) { return complete_with_storage(handle, verdict); });
}
