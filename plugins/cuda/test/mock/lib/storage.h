// Custom storage (CUDA 13.4, gpu.md A.1.9) on the caller's side: memory of the target's devices, seen in the caller's own address space.
#ifndef MOCK_STORAGE_H
#define MOCK_STORAGE_H

#include "caller.h"

// Makes the call, then the device memory that it answers with accessible here. `info` stays ours until OperationComplete.
CUresult ask_with_storage(int pid, const Request &request, const Verdict &verdict, CUcheckpointCustomStorageInfo **info);
CUresult complete_with_storage(CUcheckpointOperationHandle handle, const Verdict &verdict);
// Pid that an operation is about; 0 for a handle that is not one of ours.
int target_of(CUcheckpointOperationHandle handle);

#endif
