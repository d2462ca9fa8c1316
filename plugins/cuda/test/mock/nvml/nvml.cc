// A fake libnvidia-ml.so.1: the calls of NVML that the plugin's helper makes, answered with what the fake GPU daemon knows. FAKE_CUDA_DIR as for the driver.
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "io.h"

#define NVML_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

enum : int { kOk = 0, kUninitialized = 1, kInvalidArgument = 2, kNotSupported = 3, kTooSmall = 7, kDriverNotLoaded = 9 };

struct Memory {
  uint64_t total, free, used;
};

struct ProcessInfo {
  unsigned pid;
  uint64_t used;
  unsigned gpu_instance, compute_instance;
};

struct Gpu {
  std::string uuid;
  Memory memory{};
  unsigned mig = 0, persistence = 0;
  std::vector<ProcessInfo> processes, mps;
};

// Filled by nvmlInit_v2: what is read afterwards belongs together.
std::vector<Gpu> gpus;
bool initialized;

bool ask_daemon(std::string *answer) {
  const char *folder = getenv("FAKE_CUDA_DIR");
  int fd = folder != nullptr ? connect_unix((std::string(folder) + "/control.sock").c_str()) : -1;
  if (fd < 0) return false;
  char c = 0;
  if (send_all(fd, "nvml\n", 5))
    while (read_all(fd, &c, 1) && c != '\n') *answer += c;
  close(fd);
  return c == '\n';
}

Gpu parse(std::istringstream &stream) {
  Gpu gpu;
  unsigned mps = 0;
  stream >> gpu.uuid >> gpu.memory.total >> gpu.memory.used >> gpu.mig >> gpu.persistence >> mps;
  gpu.memory.free = gpu.memory.total - gpu.memory.used;
  if (mps != 0) gpu.mps.push_back({mps, 0, ~0u, ~0u});
  for (std::string word; stream >> word && word != "|";) {
    std::istringstream users(word);
    ProcessInfo one{0, 0, ~0u, ~0u};
    for (char mark; users >> one.pid >> mark >> one.used >> mark;) gpu.processes.push_back(one);
  }
  return gpu;
}

const Gpu *gpu_of(void *device) {
  for (const Gpu &gpu : gpus)
    if (&gpu == device) return &gpu;
  return nullptr;
}

int list(const std::vector<ProcessInfo> &from, unsigned *count, ProcessInfo *into) {
  unsigned room = *count;
  *count = static_cast<unsigned>(from.size());
  if (from.size() > room) return kTooSmall;
  for (size_t i = 0; i < from.size(); i++) into[i] = from[i];
  return kOk;
}

}  // namespace

NVML_EXPORT int nvmlInit_v2() {
  std::string answer;
  if (!ask_daemon(&answer)) return kDriverNotLoaded;
  gpus.clear();
  std::istringstream stream(answer);
  while (stream >> std::ws && stream.peek() != EOF) gpus.push_back(parse(stream));
  initialized = true;
  return kOk;
}

NVML_EXPORT int nvmlShutdown() {
  if (!initialized) return kUninitialized;
  initialized = false;
  return kOk;
}

NVML_EXPORT const char *nvmlErrorString(int code) { return code == kDriverNotLoaded ? "Driver Not Loaded" : "Unknown Error"; }

NVML_EXPORT int nvmlDeviceGetCount_v2(unsigned *count) {
  *count = static_cast<unsigned>(gpus.size());
  return initialized ? kOk : kUninitialized;
}

NVML_EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
  if (!initialized) return kUninitialized;
  if (index >= gpus.size()) return kInvalidArgument;
  *device = &gpus[index];
  return kOk;
}

NVML_EXPORT int nvmlDeviceGetUUID(void *device, char *text, unsigned size) {
  const Gpu *gpu = gpu_of(device);
  if (gpu == nullptr) return kInvalidArgument;
  if (gpu->uuid.size() >= size) return kTooSmall;
  strcpy(text, gpu->uuid.c_str());
  return kOk;
}

NVML_EXPORT int nvmlDeviceGetMemoryInfo(void *device, Memory *memory) {
  const Gpu *gpu = gpu_of(device);
  if (gpu != nullptr) *memory = gpu->memory;
  return gpu != nullptr ? kOk : kInvalidArgument;
}

NVML_EXPORT int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending) {
  const Gpu *gpu = gpu_of(device);
  if (gpu == nullptr) return kInvalidArgument;
  if (gpu->mig > 1) return kNotSupported;
  *current = *pending = gpu->mig;
  return kOk;
}

NVML_EXPORT int nvmlDeviceGetPersistenceMode(void *device, unsigned *value) {
  const Gpu *gpu = gpu_of(device);
  if (gpu != nullptr) *value = gpu->persistence;
  return gpu != nullptr ? kOk : kInvalidArgument;
}

NVML_EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, ProcessInfo *infos) {
  const Gpu *gpu = gpu_of(device);
  return gpu != nullptr ? list(gpu->processes, count, infos) : kInvalidArgument;
}

NVML_EXPORT int nvmlDeviceGetMPSComputeRunningProcesses_v3(void *device, unsigned *count, ProcessInfo *infos) {
  const Gpu *gpu = gpu_of(device);
  return gpu != nullptr ? list(gpu->mps, count, infos) : kInvalidArgument;
}
