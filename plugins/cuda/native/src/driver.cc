#include "driver.h"

#include <dlfcn.h>
#include <link.h>

// A function: its name for cuGetProcAddress, its name in the table of symbols (many carry the number of their ABI there), and the CUDA version that brought
// it.
struct Driver::Wanted {
  const char *name;
  const char *symbol;
  int since;
  void **slot;
};

namespace {

template <typename Function>
void **slot_of(Function &function) {
  static_assert(sizeof(Function) == sizeof(void *));
  // SAFETY: dlsym(3) answers functions as void*; POSIX demands that both have one representation.
  return reinterpret_cast<void **>(&function);
}

std::string path_of(void *library, const char *asked) {
  link_map *map = nullptr;
  if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map != nullptr && map->l_name != nullptr && map->l_name[0] != '\0') return map->l_name;
  return asked;
}

// The newest version whose ABI is known here and that the driver has: what cuGetProcAddress is asked for.
int abi_for(int version) {
  for (int known : {kVersionCustomStorage, 13030, kVersionGpuPairs, kVersionCheckpoint})
    if (version >= known) return known;
  return version;
}

}  // namespace

std::vector<Driver::Wanted> Driver::wanted() {
  return {
      {"cuDriverGetVersion", "cuDriverGetVersion", 2020, slot_of(DriverGetVersion)},
      {"cuInit", "cuInit", 2000, slot_of(init_)},
      {"cuDeviceGetCount", "cuDeviceGetCount", 2000, slot_of(DeviceGetCount)},
      {"cuDeviceGet", "cuDeviceGet", 2000, slot_of(DeviceGet)},
      {"cuDeviceGetName", "cuDeviceGetName", 2000, slot_of(DeviceGetName)},
      {"cuDeviceGetUuid", "cuDeviceGetUuid_v2", 11040, slot_of(DeviceGetUuid)},
      {"cuDeviceTotalMem", "cuDeviceTotalMem_v2", 3020, slot_of(DeviceTotalMem)},
      {"cuDevicePrimaryCtxRetain", "cuDevicePrimaryCtxRetain", 7000, slot_of(DevicePrimaryCtxRetain)},
      {"cuDevicePrimaryCtxRelease", "cuDevicePrimaryCtxRelease_v2", 11000, slot_of(DevicePrimaryCtxRelease)},
      {"cuCtxSetCurrent", "cuCtxSetCurrent", 4000, slot_of(CtxSetCurrent)},
      {"cuMemGetInfo", "cuMemGetInfo_v2", 3020, slot_of(MemGetInfo)},
      {"cuCheckpointProcessGetState", "cuCheckpointProcessGetState", kVersionCheckpoint, slot_of(GetState)},
      {"cuCheckpointProcessGetRestoreThreadId", "cuCheckpointProcessGetRestoreThreadId", kVersionCheckpoint, slot_of(GetRestoreThreadId)},
      {"cuCheckpointProcessLock", "cuCheckpointProcessLock", kVersionCheckpoint, slot_of(Lock)},
      {"cuCheckpointProcessCheckpoint", "cuCheckpointProcessCheckpoint", kVersionCheckpoint, slot_of(Checkpoint)},
      {"cuCheckpointProcessRestore", "cuCheckpointProcessRestore", kVersionCheckpoint, slot_of(Restore)},
      {"cuCheckpointProcessUnlock", "cuCheckpointProcessUnlock", kVersionCheckpoint, slot_of(Unlock)},
      {"cuCheckpointOperationComplete", "cuCheckpointOperationComplete", kVersionCustomStorage, slot_of(OperationComplete)},
  };
}

// By cuGetProcAddress first: plain names in the table of symbols are old ABIs of some functions.
void *Driver::find(const Wanted &entry) const {
  if (entry.since > version_) return nullptr;
  void *function = nullptr;
  if (get_proc_address_ != nullptr) {
    int status = 0;
    if (get_proc_address_(entry.name, &function, abi_for(version_), 0, &status) == kSuccess && function != nullptr) return function;
  }
  return dlsym(library_, entry.symbol);
}

bool Driver::open(const char *path, std::string *error) {
  library_ = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library_ == nullptr) {
    const char *why = dlerror();
    *error = why != nullptr ? why : path;
    return false;
  }
  path_ = path_of(library_, path);
  *slot_of(DriverGetVersion) = dlsym(library_, "cuDriverGetVersion");
  if (DriverGetVersion == nullptr || DriverGetVersion(&version_) != kSuccess) {
    *error = path_ + ": is no CUDA driver library (cuDriverGetVersion does not answer)";
    return false;
  }
  *slot_of(get_proc_address_) = dlsym(library_, "cuGetProcAddress_v2");
  for (const Wanted &entry : wanted()) *entry.slot = find(entry);
  return true;
}

CuResult Driver::init() {
  std::call_once(init_once_, [this] { init_result_ = init_ != nullptr ? init_(0) : -1; });
  return init_result_;
}

std::vector<std::string> Driver::missing() const {
  std::vector<std::string> names;
  for (const Wanted &entry : const_cast<Driver *>(this)->wanted())
    if (*entry.slot == nullptr) names.emplace_back(entry.name);
  return names;
}
