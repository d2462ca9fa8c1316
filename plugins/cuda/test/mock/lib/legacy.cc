// The first variants of calls that have a _v2, with 32-bit sizes and addresses. A real driver exports them too: whoever looks these names up with
// dlsym gets them, and passes 64-bit arguments to a function that does not take them. Here that is never right by chance.
#include "abi.h"

CUDA_EXPORT CUresult cuMemAlloc(unsigned *, unsigned) { return kNotSupported; }
CUDA_EXPORT CUresult cuMemFree(unsigned) { return kNotSupported; }
CUDA_EXPORT CUresult cuMemcpyHtoD(unsigned, const void *, unsigned) { return kNotSupported; }
CUDA_EXPORT CUresult cuMemcpyDtoH(void *, unsigned, unsigned) { return kNotSupported; }
CUDA_EXPORT CUresult cuMemGetInfo(unsigned *, unsigned *) { return kNotSupported; }
CUDA_EXPORT CUresult cuDeviceTotalMem(unsigned *, CUdevice) { return kNotSupported; }
