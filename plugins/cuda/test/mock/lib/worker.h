// Work on streams: "kernels" and host functions, done in order by a thread of the driver. All streams of a process share one order.
#ifndef MOCK_WORKER_H
#define MOCK_WORKER_H

#include "abi.h"
#include "wire.h"

struct Work {
  GpuRequest kernel;  // what the daemon is to do, when `function` is null
  CUhostFn function;
  void *argument;
};

// kOutOfMemory when too much work waits.
CUresult submit(const Work &work);
// Waits until all work is done. False when `deadline_ns` (CLOCK_MONOTONIC, 0: none) came first.
bool drain(uint64_t deadline_ns);

#endif
