// Stops a process thread by thread, and lets single threads run: what a checkpointer does around calls of the driver (gpu.md A.3.3).
#ifndef MOCK_TRACER_H
#define MOCK_TRACER_H

// All of these give 0, or the negative errno of the call that failed. ptrace belongs to a thread: all calls come from one.

// Stops every thread of `pid`.
int seize_all(int pid);
// Lets a stopped thread run with all signals blocked except SIGTRAP.
int wake(int tid);
// Stops it again, with the signal mask that it had before.
int halt(int tid);
// Lets every thread of `pid` go on.
int detach_all(int pid);

#endif
