// What the CUDA victims share: the driver, loaded as programs load it, and buffers in device memory whose content is known.
#ifndef CUDA_TARGET_H
#define CUDA_TARGET_H

#include "victim.h"

#include <dlfcn.h>
#include <pthread.h>

typedef unsigned long long CUdeviceptr;
typedef void *CUcontext;
typedef void *CUstream;

static void *cuda_library;

// The driver knows which variant of a function belongs to a version; 12040 is enough for all that a program calls.
VICTIM_UNUSED static void *cuda_function(const char *name) {
  if (cuda_library == NULL) cuda_library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  CHECK(cuda_library != NULL, "%s", dlerror());
  if (strncmp(name, "fake", 4) == 0) return dlsym(cuda_library, name);
  int (*look_up)(const char *, void **, int, uint64_t, int *) = dlsym(cuda_library, "cuGetProcAddress_v2");
  CHECK(look_up != NULL, "the driver has no cuGetProcAddress_v2");
  void *function = NULL;
  int code = look_up(name, &function, 12040, 0, NULL);
  CHECK(code == 0 && function != NULL, "cuGetProcAddress %s: %d", name, code);
  return function;
}

// CUDA(cuMemAlloc, CUdeviceptr *, size_t)(&address, size): the result of a driver function that takes these types.
#define CUDA(name, ...) ((int (*)(__VA_ARGS__))cuda_function(#name))

#define CU(call)                                                                 \
  do {                                                                           \
    int cuda_code = (call);                                                      \
    if (cuda_code != 0) victim_fail(__FILE__, __LINE__, "%s: CUresult %d", #call, cuda_code); \
  } while (0)

// Starts the driver and makes the primary context of device `ordinal` current.
VICTIM_UNUSED static void cuda_start(int ordinal) {
  CU(CUDA(cuInit, unsigned)(0));
  CUcontext context;
  CU(CUDA(cuDevicePrimaryCtxRetain, CUcontext *, int)(&context, ordinal));
  CU(CUDA(cuCtxSetCurrent, CUcontext)(context));
}

struct cuda_buffer {
  CUdeviceptr address;
  size_t size;
  unsigned seed;
  unsigned char added;  // by "kernels" since it was filled
};

VICTIM_UNUSED static struct cuda_buffer cuda_filled(size_t size, unsigned seed) {
  struct cuda_buffer buffer = {0, size, seed, 0};
  CU(CUDA(cuMemAlloc, CUdeviceptr *, size_t)(&buffer.address, size));
  unsigned char *host = malloc(size);
  CHECK(host != NULL, "malloc %zu", size);
  victim_fill(host, size, seed);
  CU(CUDA(cuMemcpyHtoD, CUdeviceptr, const void *, size_t)(buffer.address, host, size));
  free(host);
  return buffer;
}

// FNV-1a over what is in device memory now; fails when it is not what belongs there.
VICTIM_UNUSED static uint64_t cuda_check(const struct cuda_buffer *buffer) {
  unsigned char *host = malloc(buffer->size);
  CHECK(host != NULL, "malloc %zu", buffer->size);
  CU(CUDA(cuMemcpyDtoH, void *, CUdeviceptr, size_t)(host, buffer->address, buffer->size));
  uint64_t hash = 14695981039346656037ull;
  for (size_t i = 0; i < buffer->size; i++) {
    unsigned char wanted = (unsigned char)(victim_pattern(buffer->seed, i) + buffer->added);
    CHECK(host[i] == wanted, "device memory %llx: byte %zu is %u and not %u", buffer->address, i, host[i], wanted);
    hash = (hash ^ host[i]) * 1099511628211ull;
  }
  free(host);
  return hash;
}

#endif
