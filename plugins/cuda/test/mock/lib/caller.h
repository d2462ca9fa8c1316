// One request to the restore thread of another process (or of this one), and its answer.
#ifndef MOCK_CALLER_H
#define MOCK_CALLER_H

#include "channel.h"
#include "control.h"
#include "states.h"

// Thread id of the restore thread, seen from the caller's pid namespace. kInvalidValue: no such process; kNotInitialized: no CUDA in it.
CUresult find_restore_thread(int pid, int *tid);

struct Request {
  Call call;
  uint32_t flags;
  uint32_t timeout_ms;  // of a lock, 0: none
  const CUcheckpointGpuPair *pairs;
  uint32_t pair_count;
};

CUresult ask_target(int pid, const Request &request, const Verdict &verdict, CUprocessState *state, DeviceList *list);

#endif
