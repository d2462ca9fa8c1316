// What the engine can ask for. Each request runs in a thread of its own, because each may block for ever.
#pragma once

#include "driver.h"
#include "ledger.h"
#include "protocol.h"

struct Helper {
  // `open_error` says why `driver` cannot be used; empty when it can.
  Driver *driver;
  Ledger *ledger;
  std::string open_error;
};

// Answers the request, and always answers.
void perform(Helper &helper, const Request &request);

// The process that a request is about, or 0.
int subject_of(const Request &request);
