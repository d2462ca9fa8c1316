#include "nvml.h"

#include <dlfcn.h>

#include <cstdint>
#include <vector>

#include "protocol.h"

namespace {

using NvmlResult = int;
using NvmlDevice = struct NvmlDeviceOpaque *;
constexpr NvmlResult kNvmlSuccess = 0;
constexpr NvmlResult kInsufficientSize = 7;
constexpr uint64_t kNotAvailable = ~uint64_t{0};
// Far more than a device serves at a time.
constexpr unsigned kMaxProcesses = 4096;
constexpr unsigned kMaxDevices = 256;

struct NvmlMemory {
  uint64_t total;
  uint64_t free;
  uint64_t used;
};

// nvmlProcessInfo_t of the _v3 calls.
struct NvmlProcess {
  unsigned pid;
  uint64_t used;
  unsigned gpu_instance;
  unsigned compute_instance;
};
static_assert(sizeof(NvmlProcess) == 24 && sizeof(NvmlMemory) == 24);

using ProcessCall = NvmlResult (*)(NvmlDevice, unsigned *, NvmlProcess *);

struct Nvml {
  NvmlResult (*init)();
  NvmlResult (*shutdown)();
  const char *(*error_string)(NvmlResult);
  NvmlResult (*count)(unsigned *);
  NvmlResult (*handle)(unsigned, NvmlDevice *);
  NvmlResult (*uuid)(NvmlDevice, char *, unsigned);
  NvmlResult (*memory)(NvmlDevice, NvmlMemory *);
  NvmlResult (*mig)(NvmlDevice, unsigned *, unsigned *);
  NvmlResult (*persistence)(NvmlDevice, unsigned *);
  ProcessCall processes;
  ProcessCall mps_processes;
};

template <typename Function>
void load(void *library, const char *name, Function *slot) {
  static_assert(sizeof(Function) == sizeof(void *));
  // SAFETY: dlsym(3) answers functions as void*; POSIX demands that both have one representation.
  *reinterpret_cast<void **>(slot) = dlsym(library, name);
}

void *open_library(const std::string &beside, std::string *error) {
  size_t folder = beside.rfind('/');
  if (folder != std::string::npos) {
    if (void *library = dlopen((beside.substr(0, folder + 1) + "libnvidia-ml.so.1").c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
  }
  void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  const char *why = library == nullptr ? dlerror() : nullptr;
  if (why != nullptr) *error = why;
  return library;
}

Nvml load_all(void *library) {
  Nvml nvml{};
  load(library, "nvmlInit_v2", &nvml.init);
  load(library, "nvmlShutdown", &nvml.shutdown);
  load(library, "nvmlErrorString", &nvml.error_string);
  load(library, "nvmlDeviceGetCount_v2", &nvml.count);
  load(library, "nvmlDeviceGetHandleByIndex_v2", &nvml.handle);
  load(library, "nvmlDeviceGetUUID", &nvml.uuid);
  load(library, "nvmlDeviceGetMemoryInfo", &nvml.memory);
  load(library, "nvmlDeviceGetMigMode", &nvml.mig);
  load(library, "nvmlDeviceGetPersistenceMode", &nvml.persistence);
  load(library, "nvmlDeviceGetComputeRunningProcesses_v3", &nvml.processes);
  load(library, "nvmlDeviceGetMPSComputeRunningProcesses_v3", &nvml.mps_processes);
  return nvml;
}

// A mode that is 0 or 1: "true", "false", or "null" when the device does not tell.
template <typename Call>
std::string mode(bool is_there, Call call) {
  unsigned value = 0;
  if (!is_there || call(&value) != kNvmlSuccess) return "null";
  return value != 0 ? "true" : "false";
}

// False when the device does not tell. The list may grow between the question for its length and that for itself: there is room to spare.
bool list_processes(ProcessCall call, NvmlDevice device, std::vector<NvmlProcess> *list) {
  unsigned count = 0;
  if (call == nullptr) return false;
  NvmlResult result = call(device, &count, nullptr);
  if (result == kNvmlSuccess) return true;
  if (result != kInsufficientSize || count > kMaxProcesses) return false;
  count += 16;
  list->resize(count);
  if (call(device, &count, list->data()) != kNvmlSuccess || count > list->size()) return false;
  list->resize(count);
  return true;
}

template <typename Item>
std::string json_list(const std::vector<NvmlProcess> &list, Item item) {
  std::string out;
  for (const NvmlProcess &one : list) out += (out.empty() ? "" : ",") + item(one);
  return "[" + out + "]";
}

std::string process_json(const NvmlProcess &one) {
  std::string bytes = one.used == kNotAvailable ? "null" : std::to_string(one.used);
  return "{\"pid\":" + std::to_string(one.pid) + ",\"bytes\":" + bytes + "}";
}

std::string pid_json(const NvmlProcess &one) { return std::to_string(one.pid); }

std::string device_json(const Nvml &nvml, NvmlDevice device) {
  char uuid[96] = "";
  if (nvml.uuid == nullptr || nvml.uuid(device, uuid, sizeof uuid) != kNvmlSuccess) return "";
  uuid[sizeof uuid - 1] = '\0';
  NvmlMemory memory{};
  bool has_memory = nvml.memory != nullptr && nvml.memory(device, &memory) == kNvmlSuccess;
  unsigned pending = 0;
  std::vector<NvmlProcess> processes, mps;
  bool has_processes = list_processes(nvml.processes, device, &processes);
  bool has_mps = list_processes(nvml.mps_processes, device, &mps);
  return "{\"uuid\":" + json_text(uuid) + ",\"total\":" + (has_memory ? std::to_string(memory.total) : "null") +
         ",\"free\":" + (has_memory ? std::to_string(memory.free) : "null") +
         ",\"mig\":" + mode(nvml.mig != nullptr, [&](unsigned *value) { return nvml.mig(device, value, &pending); }) +
         ",\"persistence\":" + mode(nvml.persistence != nullptr, [&](unsigned *value) { return nvml.persistence(device, value); }) +
         ",\"processes\":" + (has_processes ? json_list(processes, process_json) : "null") + ",\"mps\":" + (has_mps ? json_list(mps, pid_json) : "null") + "}";
}

std::string unseen(const std::string &why) { return "{\"unseen\":" + json_text(why) + "}"; }

std::string failed(const Nvml &nvml, const char *call, NvmlResult result) {
  const char *text = nvml.error_string != nullptr ? nvml.error_string(result) : nullptr;
  return unseen(std::string(call) + " answered " + std::to_string(result) + (text != nullptr ? std::string(": ") + text : ""));
}

std::string all_devices(const Nvml &nvml) {
  unsigned count = 0;
  NvmlResult result = nvml.count(&count);
  if (result != kNvmlSuccess) return failed(nvml, "nvmlDeviceGetCount", result);
  std::string list;
  for (unsigned i = 0; i < count && i < kMaxDevices; i++) {
    NvmlDevice device = nullptr;
    // One that is lost, or not for us.
    if (nvml.handle(i, &device) != kNvmlSuccess) continue;
    std::string one = device_json(nvml, device);
    if (!one.empty()) list += (list.empty() ? "" : ",") + one;
  }
  return "{\"devices\":[" + list + "]}";
}

}  // namespace

std::string survey_devices(const std::string &beside) {
  std::string error;
  void *library = open_library(beside, &error);
  if (library == nullptr) return unseen(error);
  Nvml nvml = load_all(library);
  if (nvml.init == nullptr || nvml.count == nullptr || nvml.handle == nullptr) return unseen("libnvidia-ml.so.1 is no NVML library, or one before NVML 7");
  NvmlResult result = nvml.init();
  if (result != kNvmlSuccess) return failed(nvml, "nvmlInit", result);
  std::string report = all_devices(nvml);
  if (nvml.shutdown != nullptr) nvml.shutdown();
  return report;
}
