// The ABI of libcuda.so.1 as far as the mock speaks it. Numbers and layouts: shared/docs/gpu.md A.1 (NVIDIA's public header).
#ifndef MOCK_ABI_H
#define MOCK_ABI_H

#include <cstddef>
#include <cstdint>

using CUresult = int;
using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st *;
using CUstream = struct CUstream_st *;
using CUhostFn = void (*)(void *);
using CUprocessState = unsigned;

constexpr CUresult kSuccess = 0;
constexpr CUresult kInvalidValue = 1;
constexpr CUresult kOutOfMemory = 2;
constexpr CUresult kNotInitialized = 3;
constexpr CUresult kNoDevice = 100;
constexpr CUresult kInvalidDevice = 101;
constexpr CUresult kInvalidContext = 201;
constexpr CUresult kOperatingSystem = 304;
constexpr CUresult kIllegalState = 401;
constexpr CUresult kNotReady = 600;
constexpr CUresult kNotSupported = 801;
constexpr CUresult kUnknown = 999;

enum : CUprocessState { kRunning = 0, kLocked = 1, kCheckpointed = 2, kFailed = 3, kCheckpointing = 4, kRestoring = 5 };

// Versions as cuDriverGetVersion gives them: 1000 * major + 10 * minor of CUDA.
constexpr int kVersionActions = 12050;     // r555: separate actions of the tool
constexpr int kVersionCheckpoint = 12080;  // r570: public API, lock timeout
constexpr int kVersionPairs = 13000;       // r580: GPU remapping
constexpr int kVersionJobs = 13010;        // r590: --launch-job
constexpr int kVersionStorage = 13040;     // custom storage, OperationComplete

struct CUuuid {
  unsigned char bytes[16];
};

struct CUcheckpointLockArgs {
  uint32_t timeoutMs;  // 0: wait for ever
  uint32_t reserved0;
  uint64_t reserved1[7];
};

struct CUcheckpointUnlockArgs {
  uint64_t reserved[8];
};

struct CUcheckpointGpuPair {
  CUuuid oldUuid;
  CUuuid newUuid;
};

struct CUcheckpointPerDeviceData {
  CUdeviceptr devPtr;
  size_t size;
  CUstream stream;
};

using CUcheckpointOperationHandle = struct CUcheckpointOperation_st *;

struct CUcheckpointCustomStorageInfo {
  CUcheckpointOperationHandle handle;
  CUcheckpointPerDeviceData *perDeviceData;
  uint32_t deviceCount;
};

struct CUcheckpointCheckpointArgs {
  CUcheckpointCustomStorageInfo **customStorageInfo_out;  // reserved before 13.4
  char reserved[56];
};

struct CUcheckpointRestoreArgs {
  CUcheckpointGpuPair *gpuPairs;  // reserved before 13.0
  uint32_t gpuPairsCount;
  uint32_t padding0;
  CUcheckpointCustomStorageInfo **customStorageInfo_out;  // reserved before 13.4
  char reserved[40];
};

static_assert(sizeof(CUcheckpointLockArgs) == 64 && sizeof(CUcheckpointUnlockArgs) == 64);
static_assert(sizeof(CUcheckpointCheckpointArgs) == 64 && sizeof(CUcheckpointRestoreArgs) == 64);
static_assert(offsetof(CUcheckpointRestoreArgs, gpuPairsCount) == 8 && offsetof(CUcheckpointRestoreArgs, customStorageInfo_out) == 16);
static_assert(sizeof(CUcheckpointGpuPair) == 32 && sizeof(CUcheckpointPerDeviceData) == 24);
static_assert(offsetof(CUcheckpointCustomStorageInfo, deviceCount) == 16);

#define CUDA_EXPORT extern "C" __attribute__((visibility("default")))

#endif
