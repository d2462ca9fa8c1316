#include "states.h"

#include <cstring>

#include "gate.h"
#include "io.h"
#include "job_file.h"
#include "memory_moves.h"
#include "process.h"
#include "worker.h"

namespace {

// Lets the daemon give an opinion on what several processes do together. It may answer late, or never. `value`: this call's ordinal.
CUresult group_begin(const char *call, uint32_t timeout_ms, uint64_t *value) {
  if (g_process.group[0] == '\0' || !g_process.thread.is_open()) return kSuccess;
  GpuRequest request{};
  request.op = GpuOp::kGroupBegin;
  request.value = *value;
  request.delay_ms = timeout_ms;
  strcpy(request.text, call);
  GpuReply reply;
  CUresult code = g_process.thread.call(request, &reply);
  *value = reply.value;
  return code;
}

void group_end(const char *call, CUresult result) {
  if (g_process.group[0] == '\0' || !g_process.thread.is_open()) return;
  GpuRequest request{};
  request.op = GpuOp::kGroupEnd;
  request.value = g_process.state;
  request.handle = static_cast<uint64_t>(result);
  strcpy(request.text, call);
  GpuReply reply;
  g_process.thread.call(request, &reply);
}

uint32_t ms_until(uint64_t deadline_ns, uint64_t now) {
  if (deadline_ns == 0) return 0;
  return deadline_ns <= now ? 1 : static_cast<uint32_t>((deadline_ns - now) / 1'000'000 + 1);
}

void release_gpu() {
  close_links();
  close_nodes();
}

}  // namespace

CUresult ask_group(const char *call) {
  uint64_t none = 0;
  return group_begin(call, 0, &none);
}

CUresult lock_process(uint64_t deadline_ns) {
  uint64_t none = 0;
  CUresult code = group_begin("lock", ms_until(deadline_ns, now_ns()), &none);
  if (code != kSuccess) return code;
  if (g_process.state != kRunning) {
    code = kIllegalState;
  } else {
    gate_close();
    // Calls that are inside may still submit work, so they leave first.
    if (gate_wait_empty(deadline_ns) && drain(deadline_ns)) {
      g_process.state = kLocked;
    } else {
      gate_open();
      code = kNotReady;
    }
  }
  group_end("lock", code);
  return code;
}

CUresult unlock_process() {
  CUresult code = ask_group("unlock");
  if (code != kSuccess) return code;
  if (g_process.state != kLocked) {
    code = kIllegalState;
  } else {
    g_process.state = kRunning;
    gate_open();
  }
  group_end("unlock", code);
  return code;
}

CUresult checkpoint_process(bool storage, DeviceList *list) {
  if (g_process.state != kLocked) return kIllegalState;
  uint64_t ordinal = 0;
  CUresult code = group_begin("checkpoint", 0, &ordinal);
  if (code != kSuccess) return code;
  code = note_checkpoint() ? kSuccess : kOperatingSystem;
  if (code == kSuccess) code = storage ? export_memory(list) : memory_to_host();
  if (code == kSuccess) {
    g_process.ordinal = ordinal;
    g_process.stored = storage;
    g_process.state = storage ? kCheckpointing : kCheckpointed;
  }
  group_end("checkpoint", code);
  if (g_process.state == kCheckpointed) release_gpu();
  return code;
}

CUresult restore_process(const CUcheckpointGpuPair *pairs, uint32_t pair_count, bool storage, DeviceList *list) {
  if (g_process.state != kCheckpointed) return kIllegalState;
  // The driver never recovers from a restore that ran out of memory (NVIDIA/cuda-checkpoint #44), and says CHECKPOINTED all the same (hardware.md, vram).
  if (g_process.spent) return kOperatingSystem;
  // Memory that went to the caller's storage can only come back from there, and the other way round.
  if (g_process.stored != storage) return kInvalidValue;
  if (!has_checkpoint()) return kOperatingSystem;
  CUresult code = open_links();
  if (code != kSuccess) return code;
  uint64_t ordinal = g_process.ordinal;
  code = group_begin("restore", 0, &ordinal);
  if (code == kSuccess) {
    code = take_devices(pairs, pair_count);
    if (code == kSuccess) code = memory_to_devices(storage);
    if (code == kOutOfMemory) g_process.spent = true;
    if (code == kSuccess && storage) code = export_memory(list);
    if (code == kSuccess) g_process.state = storage ? kRestoring : kLocked;
    group_end("restore", code);
  }
  if (code != kSuccess) release_gpu();
  return code;
}

CUresult complete_operation() {
  if (g_process.state == kCheckpointing) {
    unexport_memory();
    free_devices();
    g_process.state = kCheckpointed;
    group_end("complete", kSuccess);
    release_gpu();
    return kSuccess;
  }
  if (g_process.state != kRestoring) return kIllegalState;
  unexport_memory();
  g_process.state = kLocked;
  return kSuccess;
}

void list_devices(DeviceList *list) {
  list->count = static_cast<uint32_t>(g_process.device_count);
  for (uint32_t i = 0; i < list->count; i++) {
    list->devices[i] = {};
    memcpy(list->devices[i].uuid, g_process.devices[i].info.uuid, 16);
  }
}
