// What a caller of the checkpoint API asks and tells the daemon about each call: faults to inject, and the record of calls.
#ifndef MOCK_CONTROL_H
#define MOCK_CONTROL_H

#include "abi.h"
#include "channel.h"

// When this process is to end by SIGKILL in the middle of a call.
enum class Death { kNone, kAfterRequest, kHalfAnswer };

struct Verdict {
  CUresult code;  // kSuccess: none
  bool after;     // `code` replaces the result of a call that was made
  Fault fault;
  Death death;
};

// Without a daemon there is no verdict, and nothing is recorded.
Verdict call_begins(const char *call, int target);
void call_ends(const char *call, int target, CUresult code);
bool persistence_mode();

#endif
