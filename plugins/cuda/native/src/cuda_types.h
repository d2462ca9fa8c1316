// The part of the CUDA driver API that is called here: numbers and layouts as NVIDIA documents them for libcuda.so.1 (CUDA 12.8 to 13.4).
// Declared by hand, so that the build needs no CUDA.
#pragma once

#include <cstddef>
#include <cstdint>

using CuResult = int;
using CuDevice = int;
using CuContext = struct CuContextOpaque *;

constexpr CuResult kSuccess = 0;
constexpr CuResult kOperatingSystem = 304;

struct CuUuid {
  unsigned char bytes[16];
};

// Every argument struct of a checkpoint call is 64 bytes, and zero means "not used": the layout of 13.4 serves every driver as long as what a driver does
// not know stays zero (Driver::version gates that).
struct LockArgs {
  uint32_t timeout_ms;  // 0: wait for ever
  uint32_t reserved0;
  uint64_t reserved1[7];
};

struct GpuPair {
  CuUuid old_uuid;
  CuUuid new_uuid;
};

struct RestoreArgs {
  GpuPair *gpu_pairs;  // since 13.0
  uint32_t gpu_pairs_count;
  uint32_t padding0;
  void **custom_storage_out;  // since 13.4
  char reserved[40];
};

struct CheckpointArgs {
  void **custom_storage_out;  // since 13.4
  char reserved[56];
};

struct UnlockArgs {
  uint64_t reserved[8];
};

static_assert(sizeof(LockArgs) == 64 && sizeof(RestoreArgs) == 64 && sizeof(CheckpointArgs) == 64 && sizeof(UnlockArgs) == 64);
static_assert(sizeof(GpuPair) == 32 && offsetof(RestoreArgs, custom_storage_out) == 16);

constexpr int kVersionCheckpoint = 12080;
constexpr int kVersionGpuPairs = 13000;
constexpr int kVersionCustomStorage = 13040;
