// Driver API of the fake library: start, devices, contexts.
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

#include "control.h"
#include "gate.h"
#include "io.h"
#include "process.h"

namespace {

thread_local Device *t_current = nullptr;

void parse_uuid(const char *text, unsigned char *uuid) {
  if (strncmp(text, "GPU-", 4) == 0) text += 4;
  for (int i = 0; i < 16 && *text != '\0';) {
    if (*text == '-') {
      text++;
      continue;
    }
    unsigned byte = 0;
    if (sscanf(text, "%2x", &byte) != 1) return;
    uuid[i++] = static_cast<unsigned char>(byte);
    text += 2;
  }
}

int device_named(const char *word) {
  if (strncmp(word, "GPU-", 4) != 0) {
    int index = atoi(word);
    return index >= 0 && index < g_process.device_count ? index : -1;
  }
  unsigned char uuid[16] = {};
  parse_uuid(word, uuid);
  for (int i = 0; i < g_process.device_count; i++)
    if (memcmp(uuid, g_process.devices[i].info.uuid, 16) == 0) return i;
  return -1;
}

// CUDA_VISIBLE_DEVICES: ordinals or UUIDs; the first one that does not exist ends the list, as with the real driver.
void choose_visible() {
  const char *words = getenv("CUDA_VISIBLE_DEVICES");
  g_process.visible_count = 0;
  if (words == nullptr) {
    for (int i = 0; i < g_process.device_count; i++) g_process.visible[g_process.visible_count++] = i;
    return;
  }
  char copy[512];
  snprintf(copy, sizeof copy, "%s", words);
  char *rest = nullptr;
  for (char *word = strtok_r(copy, ",", &rest); word != nullptr && g_process.visible_count < kMaxDevices; word = strtok_r(nullptr, ",", &rest)) {
    int index = device_named(word);
    if (index < 0) return;
    g_process.visible[g_process.visible_count++] = index;
  }
}

// Peers that a checkpoint must treat together: FAKE_CUDA_GROUP, or those that were started with one job file.
void choose_group() {
  const char *group = getenv("FAKE_CUDA_GROUP");
  const char *job = driver_version() >= kVersionJobs ? getenv("CUDA_CHECKPOINT_JOB_FILE") : nullptr;
  struct stat st;
  if (group != nullptr) snprintf(g_process.group, sizeof g_process.group, "%s", group);
  if (group != nullptr || job == nullptr || stat(job, &st) != 0) return;
  snprintf(g_process.group, sizeof g_process.group, "job:%lu", st.st_ino);
  snprintf(g_process.job_file, sizeof g_process.job_file, "%s", job);
}

CUresult attach(int remote) {
  GpuRequest request{};
  request.op = GpuOp::kAttach;
  request.device = remote;
  GpuReply reply;
  return g_process.api.call(request, &reply);
}

bool reserve(Device *device) {
  void *at = mmap(nullptr, kReservation, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  device->reservation = at == MAP_FAILED ? nullptr : static_cast<char *>(at);
  return device->reservation != nullptr;
}

// Devices whose node this process can open: the others are not there, as in a container.
CUresult take_devices() {
  GpuDevice present[kMaxDevices];
  int count = 0;
  CUresult code = g_process.api.devices(present, &count);
  g_process.device_count = 0;
  for (int i = 0; i < count && code == kSuccess; i++) {
    if (access(present[i].node, R_OK | W_OK) != 0) continue;
    Device &device = g_process.devices[g_process.device_count];
    device = {};
    device.info = present[i];
    device.remote = i;
    device.node_fd = -1;
    if (!reserve(&device)) return kOutOfMemory;
    g_process.device_count++;
    code = attach(i);
  }
  if (code != kSuccess) return code;
  return g_process.device_count > 0 && open_nodes() ? kSuccess : kNoDevice;
}

// Real drivers leave such a socket open in every process, also while it is checkpointed (plugins/cuda/docs/hardware.md); the zero at its end is a part of its name.
bool open_uvm_socket() {
  struct stat names;
  sockaddr_un address = {AF_UNIX, ""};
  if (stat("/proc/self/ns/pid", &names) != 0) return false;
  int n = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "cuda-uvmfd-%lu-%d", static_cast<unsigned long>(names.st_ino), getpid());
  socklen_t length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + static_cast<size_t>(n) + 1);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  return fd >= 0 && bind(fd, reinterpret_cast<sockaddr *>(&address), length) == 0 && listen(fd, 128) == 0;
}

CUresult initialize() {
  snprintf(g_process.folder, sizeof g_process.folder, "%s", daemon_folder());
  if (getrandom(&g_process.client, sizeof g_process.client, 0) != sizeof g_process.client) return kOperatingSystem;
  choose_group();
  CUresult code = open_links();
  if (code != kSuccess) return code;
  code = take_devices();
  if (code == kSuccess) {
    choose_visible();
    if (g_process.visible_count == 0) code = kNoDevice;
  }
  if (code == kSuccess && !(open_uvm_socket() && start_worker() && start_restore_thread())) code = kOperatingSystem;
  if (code != kSuccess) close_links();
  return code;
}

Device *device_at(CUdevice ordinal) {
  if (ordinal < 0 || ordinal >= g_process.visible_count) return nullptr;
  return &g_process.devices[g_process.visible[ordinal]];
}

}  // namespace

Device *current_device() { return t_current; }

CUDA_EXPORT CUresult cuInit(unsigned flags) {
  ApiCall call;
  if (flags != 0) return kInvalidValue;
  pthread_mutex_lock(&g_process.mutex);
  CUresult code = kSuccess;
  if (g_process.pid != 0) {
    // A child that was forked after cuInit cannot use CUDA, not even by another cuInit.
    code = check_initialized();
  } else {
    Verdict verdict = call_begins("init", getpid());
    code = verdict.code != kSuccess ? verdict.code : initialize();
    if (code == kSuccess) g_process.pid = getpid();
    call_ends("init", getpid(), code);
  }
  pthread_mutex_unlock(&g_process.mutex);
  return code;
}

// Needs no cuInit.
CUDA_EXPORT CUresult cuDriverGetVersion(int *version) {
  if (version == nullptr) return kInvalidValue;
  *version = driver_version();
  return kSuccess;
}

CUDA_EXPORT CUresult cuDeviceGetCount(int *count) {
  ApiCall call;
  if (check_initialized() != kSuccess) return kNotInitialized;
  if (count == nullptr) return kInvalidValue;
  *count = g_process.visible_count;
  return kSuccess;
}

CUDA_EXPORT CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  ApiCall call;
  if (check_initialized() != kSuccess) return kNotInitialized;
  if (device == nullptr) return kInvalidValue;
  if (device_at(ordinal) == nullptr) return kInvalidDevice;
  *device = ordinal;
  return kSuccess;
}

CUDA_EXPORT CUresult cuDeviceGetName(char *name, int length, CUdevice ordinal) {
  ApiCall call;
  if (check_initialized() != kSuccess) return kNotInitialized;
  Device *device = device_at(ordinal);
  if (device == nullptr) return kInvalidDevice;
  if (name == nullptr || length <= 0) return kInvalidValue;
  snprintf(name, static_cast<size_t>(length), "%s", device->info.name);
  return kSuccess;
}

CUDA_EXPORT CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice ordinal) {
  ApiCall call;
  if (check_initialized() != kSuccess) return kNotInitialized;
  Device *device = device_at(ordinal);
  if (device == nullptr) return kInvalidDevice;
  if (uuid == nullptr) return kInvalidValue;
  memcpy(uuid->bytes, device->info.uuid, sizeof uuid->bytes);
  return kSuccess;
}

CUDA_EXPORT CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice ordinal) {
  ApiCall call;
  if (check_initialized() != kSuccess) return kNotInitialized;
  Device *device = device_at(ordinal);
  if (device == nullptr) return kInvalidDevice;
  if (bytes == nullptr) return kInvalidValue;
  *bytes = device->info.memory;
  return kSuccess;
}

CUDA_EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice ordinal) {
  ApiCall call;
  if (check_initialized() != kSuccess) return kNotInitialized;
  Device *device = device_at(ordinal);
  if (device == nullptr) return kInvalidDevice;
  if (context == nullptr) return kInvalidValue;
  pthread_mutex_lock(&g_process.mutex);
  device->primary++;
  pthread_mutex_unlock(&g_process.mutex);
  *context = reinterpret_cast<CUcontext>(device);
  return kSuccess;
}

CUDA_EXPORT CUresult cuDevicePrimaryCtxRelease_v2(CUdevice ordinal) {
  ApiCall call;
  if (check_initialized() != kSuccess) return kNotInitialized;
  Device *device = device_at(ordinal);
  if (device == nullptr) return kInvalidDevice;
  pthread_mutex_lock(&g_process.mutex);
  bool held = device->primary > 0;
  if (held) device->primary--;
  pthread_mutex_unlock(&g_process.mutex);
  return held ? kSuccess : kInvalidContext;
}

CUDA_EXPORT CUresult cuCtxSetCurrent(CUcontext context) {
  ApiCall call;
  if (check_initialized() != kSuccess) return kNotInitialized;
  auto *device = reinterpret_cast<Device *>(context);
  if (device != nullptr && (device < g_process.devices || device >= g_process.devices + g_process.device_count)) return kInvalidContext;
  t_current = device;
  return kSuccess;
}

CUDA_EXPORT CUresult cuCtxGetCurrent(CUcontext *context) {
  ApiCall call;
  if (check_initialized() != kSuccess) return kNotInitialized;
  if (context == nullptr) return kInvalidValue;
  *context = reinterpret_cast<CUcontext>(t_current);
  return kSuccess;
}
