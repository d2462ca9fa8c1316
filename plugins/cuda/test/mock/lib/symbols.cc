// Names of errors, and the look-up of functions by version. FAKE_CUDA_VERSION gates the look-up; which symbols the ELF file itself has
// is decided when it is built (MOCK_VERSION), because dlsym sees that and nothing else.
#include <cstring>

#include "abi.h"
#include "process.h"

#define EXPORTED(name) extern "C" CUresult name(...)
EXPORTED(cuInit);
EXPORTED(cuDriverGetVersion);
EXPORTED(cuDeviceGetCount);
EXPORTED(cuDeviceGet);
EXPORTED(cuDeviceGetName);
EXPORTED(cuDeviceGetUuid_v2);
EXPORTED(cuDeviceTotalMem_v2);
EXPORTED(cuDevicePrimaryCtxRetain);
EXPORTED(cuDevicePrimaryCtxRelease_v2);
EXPORTED(cuCtxSetCurrent);
EXPORTED(cuCtxGetCurrent);
EXPORTED(cuCtxSynchronize);
EXPORTED(cuMemGetInfo_v2);
EXPORTED(cuMemAlloc_v2);
EXPORTED(cuMemFree_v2);
EXPORTED(cuMemcpyHtoD_v2);
EXPORTED(cuMemcpyDtoH_v2);
EXPORTED(cuMemcpyHtoDAsync_v2);
EXPORTED(cuMemcpyDtoHAsync_v2);
EXPORTED(cuMemsetD8_v2);
EXPORTED(cuMemAllocHost_v2);
EXPORTED(cuMemFreeHost);
EXPORTED(cuStreamCreate);
EXPORTED(cuStreamDestroy_v2);
EXPORTED(cuStreamSynchronize);
EXPORTED(cuLaunchHostFunc);
EXPORTED(cuCheckpointProcessGetRestoreThreadId);
EXPORTED(cuCheckpointProcessGetState);
EXPORTED(cuCheckpointProcessLock);
EXPORTED(cuCheckpointProcessCheckpoint);
EXPORTED(cuCheckpointProcessRestore);
EXPORTED(cuCheckpointProcessUnlock);
EXPORTED(cuCheckpointOperationComplete);
CUDA_EXPORT CUresult cuGetErrorName(CUresult code, const char **text);
CUDA_EXPORT CUresult cuGetErrorString(CUresult code, const char **text);
CUDA_EXPORT CUresult cuGetProcAddress_v2(const char *name, void **function, int version, uint64_t flags, int *status);

namespace {

struct Symbol {
  const char *name;  // without its version suffix
  int since;
  void *function;
};

template <typename Function>
void *address_of(Function *function) {
  return reinterpret_cast<void *>(function);
}

const Symbol kSymbols[] = {
    {"cuInit", 2000, address_of(cuInit)},
    {"cuDriverGetVersion", 2020, address_of(cuDriverGetVersion)},
    {"cuDeviceGetCount", 2000, address_of(cuDeviceGetCount)},
    {"cuDeviceGet", 2000, address_of(cuDeviceGet)},
    {"cuDeviceGetName", 2000, address_of(cuDeviceGetName)},
    {"cuDeviceGetUuid", 11040, address_of(cuDeviceGetUuid_v2)},
    {"cuDeviceTotalMem", 3020, address_of(cuDeviceTotalMem_v2)},
    {"cuDevicePrimaryCtxRetain", 7000, address_of(cuDevicePrimaryCtxRetain)},
    {"cuDevicePrimaryCtxRelease", 11000, address_of(cuDevicePrimaryCtxRelease_v2)},
    {"cuCtxSetCurrent", 4000, address_of(cuCtxSetCurrent)},
    {"cuCtxGetCurrent", 4000, address_of(cuCtxGetCurrent)},
    {"cuCtxSynchronize", 2000, address_of(cuCtxSynchronize)},
    {"cuMemGetInfo", 3020, address_of(cuMemGetInfo_v2)},
    {"cuMemAlloc", 3020, address_of(cuMemAlloc_v2)},
    {"cuMemFree", 3020, address_of(cuMemFree_v2)},
    {"cuMemcpyHtoD", 3020, address_of(cuMemcpyHtoD_v2)},
    {"cuMemcpyDtoH", 3020, address_of(cuMemcpyDtoH_v2)},
    {"cuMemcpyHtoDAsync", 3020, address_of(cuMemcpyHtoDAsync_v2)},
    {"cuMemcpyDtoHAsync", 3020, address_of(cuMemcpyDtoHAsync_v2)},
    {"cuMemsetD8", 3020, address_of(cuMemsetD8_v2)},
    {"cuMemAllocHost", 3020, address_of(cuMemAllocHost_v2)},
    {"cuMemFreeHost", 2000, address_of(cuMemFreeHost)},
    {"cuStreamCreate", 2000, address_of(cuStreamCreate)},
    {"cuStreamDestroy", 4000, address_of(cuStreamDestroy_v2)},
    {"cuStreamSynchronize", 2000, address_of(cuStreamSynchronize)},
    {"cuLaunchHostFunc", 10000, address_of(cuLaunchHostFunc)},
    {"cuGetErrorName", 6000, address_of(cuGetErrorName)},
    {"cuGetErrorString", 6000, address_of(cuGetErrorString)},
    {"cuGetProcAddress", 12000, address_of(cuGetProcAddress_v2)},
    {"cuCheckpointProcessGetRestoreThreadId", kVersionCheckpoint, address_of(cuCheckpointProcessGetRestoreThreadId)},
    {"cuCheckpointProcessGetState", kVersionCheckpoint, address_of(cuCheckpointProcessGetState)},
    {"cuCheckpointProcessLock", kVersionCheckpoint, address_of(cuCheckpointProcessLock)},
    {"cuCheckpointProcessCheckpoint", kVersionCheckpoint, address_of(cuCheckpointProcessCheckpoint)},
    {"cuCheckpointProcessRestore", kVersionCheckpoint, address_of(cuCheckpointProcessRestore)},
    {"cuCheckpointProcessUnlock", kVersionCheckpoint, address_of(cuCheckpointProcessUnlock)},
    {"cuCheckpointOperationComplete", kVersionStorage, address_of(cuCheckpointOperationComplete)},
};

struct ErrorText {
  CUresult code;
  const char *name;
  const char *text;
};

const ErrorText kErrors[] = {
    {kSuccess, "CUDA_SUCCESS", "no error"},
    {kInvalidValue, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {kOutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {kNotInitialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {kNoDevice, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {kInvalidDevice, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {kInvalidContext, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {kOperatingSystem, "CUDA_ERROR_OPERATING_SYSTEM", "OS call failed or operation not supported on this OS"},
    {kIllegalState, "CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"},
    {kNotReady, "CUDA_ERROR_NOT_READY", "device not ready"},
    {kNotSupported, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {kUnknown, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

const ErrorText *error_of(CUresult code) {
  for (const ErrorText &one : kErrors)
    if (one.code == code) return &one;
  return nullptr;
}

enum : int { kFound = 0, kNotFound = 1, kVersionTooLow = 2 };

}  // namespace

CUDA_EXPORT CUresult cuGetErrorName(CUresult code, const char **text) {
  const ErrorText *error = error_of(code);
  *text = error == nullptr ? nullptr : error->name;
  return error == nullptr ? kInvalidValue : kSuccess;
}

CUDA_EXPORT CUresult cuGetErrorString(CUresult code, const char **text) {
  const ErrorText *error = error_of(code);
  *text = error == nullptr ? nullptr : error->text;
  return error == nullptr ? kInvalidValue : kSuccess;
}

CUDA_EXPORT CUresult cuGetProcAddress_v2(const char *name, void **function, int version, uint64_t, int *status) {
  if (name == nullptr || function == nullptr) return kInvalidValue;
  int found = kNotFound;
  *function = nullptr;
  for (const Symbol &symbol : kSymbols) {
    if (strcmp(symbol.name, name) != 0 || symbol.since > driver_version()) continue;
    found = symbol.since > version ? kVersionTooLow : kFound;
    if (found == kFound) *function = symbol.function;
  }
  if (status != nullptr) *status = found;
  return kSuccess;
}

// What the fake cuda-checkpoint uses, like the real one, which needs no public API: r550 and r555 have the tool and none of these symbols.
CUDA_EXPORT void *fakePrivateFunction(const char *name) {
  for (const Symbol &symbol : kSymbols)
    if (strcmp(symbol.name, name) == 0) return symbol.function;
  return nullptr;
}
