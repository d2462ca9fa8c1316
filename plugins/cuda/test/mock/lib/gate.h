// The gate at the head of every API call: open while the process runs, closed while it is LOCKED or further.
#ifndef MOCK_GATE_H
#define MOCK_GATE_H

#include <cstdint>

// Waits while the gate is closed, then counts the caller in.
void gate_enter();
void gate_leave();
void gate_close();
void gate_open();
// Waits until no call is inside. False when `deadline_ns` (CLOCK_MONOTONIC, 0: none) came first.
bool gate_wait_empty(uint64_t deadline_ns);

// One API call, from its first line to its return.
struct ApiCall {
  ApiCall() { gate_enter(); }
  ~ApiCall() { gate_leave(); }
  ApiCall(const ApiCall &) = delete;
  ApiCall &operator=(const ApiCall &) = delete;
};

#endif
