// libcuda.so.1, opened at run time. Absent library or symbols are an absent feature, told in words; nothing here ends the process.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "cuda_types.h"

class Driver {
 public:
  // Opens the library and looks up every function. `error` is set, and false answered, when that cannot be done. Called once, before any thread exists.
  bool open(const char *path, std::string *error);

  // cuInit(0), once for the life of this process: the call that costs seconds on a large host. Everybody who needs it waits for the one.
  CuResult init();

  int version() const { return version_; }
  const std::string &path() const { return path_; }
  // Functions that were looked for and are not there.
  std::vector<std::string> missing() const;

  // Of the driver API, null where the driver has none. Names without the prefix `cu`.
  CuResult (*DriverGetVersion)(int *) = nullptr;
  CuResult (*DeviceGetCount)(int *) = nullptr;
  CuResult (*DeviceGet)(CuDevice *, int) = nullptr;
  CuResult (*DeviceGetName)(char *, int, CuDevice) = nullptr;
  CuResult (*DeviceGetUuid)(CuUuid *, CuDevice) = nullptr;
  CuResult (*DeviceTotalMem)(size_t *, CuDevice) = nullptr;
  CuResult (*DevicePrimaryCtxRetain)(CuContext *, CuDevice) = nullptr;
  CuResult (*DevicePrimaryCtxRelease)(CuDevice) = nullptr;
  CuResult (*CtxSetCurrent)(CuContext) = nullptr;
  CuResult (*MemGetInfo)(size_t *, size_t *) = nullptr;
  CuResult (*GetState)(int, int *) = nullptr;
  CuResult (*GetRestoreThreadId)(int, int *) = nullptr;
  CuResult (*Lock)(int, LockArgs *) = nullptr;
  CuResult (*Checkpoint)(int, CheckpointArgs *) = nullptr;
  CuResult (*Restore)(int, RestoreArgs *) = nullptr;
  CuResult (*Unlock)(int, UnlockArgs *) = nullptr;
  CuResult (*OperationComplete)(void *) = nullptr;

 private:
  struct Wanted;
  std::vector<Wanted> wanted();
  void *find(const Wanted &entry) const;

  void *library_ = nullptr;
  CuResult (*init_)(unsigned) = nullptr;
  CuResult (*get_proc_address_)(const char *, void **, int, uint64_t, int *) = nullptr;
  std::string path_;
  int version_ = 0;
  std::once_flag init_once_;
  CuResult init_result_ = 0;
};
