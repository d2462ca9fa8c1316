// What test/gpu/src/ctl.c needs of NVIDIA's cuda.h, declared by hand so that it can be built for the mock without CUDA. Numbers and layouts: gpu.md A.1.
#ifndef MOCK_KIT_CUDA_H
#define MOCK_KIT_CUDA_H

#include <stddef.h>
#include <stdint.h>

typedef int CUresult;
typedef int CUdevice;
typedef unsigned CUprocessState;
typedef int CUdriverProcAddressQueryResult;

typedef struct {
  char bytes[16];
} CUuuid;

typedef struct {
  unsigned timeoutMs;
  unsigned reserved0;
  uint64_t reserved1[7];
} CUcheckpointLockArgs;

typedef struct {
  uint64_t reserved[8];
} CUcheckpointUnlockArgs;

typedef struct {
  uint64_t reserved[8];
} CUcheckpointCheckpointArgs;

typedef struct {
  CUuuid oldUuid;
  CUuuid newUuid;
} CUcheckpointGpuPair;

typedef struct {
  CUcheckpointGpuPair *gpuPairs;
  unsigned gpuPairsCount;
  char reserved[44];
  uint64_t reserved1;
} CUcheckpointRestoreArgs;

#define cuDeviceGetUuid cuDeviceGetUuid_v2
#define cuDeviceTotalMem cuDeviceTotalMem_v2
#define cuGetProcAddress cuGetProcAddress_v2

CUresult cuInit(unsigned);
CUresult cuDriverGetVersion(int *);
CUresult cuDeviceGetCount(int *);
CUresult cuDeviceGetUuid(CUuuid *, CUdevice);
CUresult cuDeviceGetName(char *, int, CUdevice);
CUresult cuDeviceTotalMem(size_t *, CUdevice);
CUresult cuGetErrorName(CUresult, const char **);
CUresult cuGetProcAddress(const char *, void **, int, uint64_t, CUdriverProcAddressQueryResult *);
CUresult cuCheckpointProcessGetState(int, CUprocessState *);
CUresult cuCheckpointProcessGetRestoreThreadId(int, int *);
CUresult cuCheckpointProcessLock(int, CUcheckpointLockArgs *);
CUresult cuCheckpointProcessCheckpoint(int, CUcheckpointCheckpointArgs *);
CUresult cuCheckpointProcessRestore(int, CUcheckpointRestoreArgs *);
CUresult cuCheckpointProcessUnlock(int, CUcheckpointUnlockArgs *);

#endif
