#include "operations.h"

#include <climits>
#include <cstring>

#include "nvml.h"

namespace {

constexpr size_t kMaxPairs = 256;
constexpr long kMaxLockMs = 24L * 3600 * 1000;

using Operation = void (*)(Helper &, const Request &);

bool wants(const Request &request, size_t least, size_t most) {
  if (request.arguments.size() >= least && request.arguments.size() <= most) return true;
  answer_error(request.id, request.operation + ": wrong number of arguments");
  return false;
}

bool pid_of(const Request &request, int *pid) {
  long value = 0;
  if (!request.arguments.empty() && parse_number(request.arguments[0], 1, INT_MAX, &value)) {
    *pid = static_cast<int>(value);
    return true;
  }
  answer_error(request.id, request.operation + ": the first argument must be a process");
  return false;
}

// Every call on a process needs cuInit in this one: a restore takes devices through it. Answers for a function that is not there, too.
bool is_ready(Helper &helper, const Request &request, const void *function) {
  if (function == nullptr) {
    answer_error(request.id, request.operation + ": this driver has no such call");
    return false;
  }
  CuResult code = helper.driver->init();
  if (code != kSuccess) answer_error(request.id, "cuInit answered " + std::to_string(code));
  return code == kSuccess;
}

// Notes what a call did to a process. A channel out of step (304) means that no later call may be made: nothing is to be undone there.
void note(Helper &helper, int pid, CuResult code, void (Ledger::*done)(int)) {
  if (code == kSuccess) (helper.ledger->*done)(pid);
  if (code == kOperatingSystem) helper.ledger->unlocked(pid);
}

template <typename Function>
const void *address_of(Function function) {
  return reinterpret_cast<const void *>(function);
}

std::string uuid_text(const CuUuid &uuid) {
  static const char digits[] = "0123456789abcdef";
  std::string out = "GPU-";
  for (size_t i = 0; i < sizeof uuid.bytes; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += digits[uuid.bytes[i] >> 4];
    out += digits[uuid.bytes[i] & 15];
  }
  return out;
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// `GPU-` and 8-4-4-4-12 hex digits.
bool parse_uuid(const std::string &text, CuUuid *uuid) {
  if (text.size() != 40 || text.compare(0, 4, "GPU-") != 0) return false;
  size_t at = 4;
  for (size_t i = 0; i < sizeof uuid->bytes; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      if (text[at++] != '-') return false;
    }
    int high = digit_of(text[at]), low = digit_of(text[at + 1]);
    if (high < 0 || low < 0) return false;
    uuid->bytes[i] = static_cast<unsigned char>(high << 4 | low);
    at += 2;
  }
  return true;
}

bool parse_pairs(const Request &request, std::vector<GpuPair> *pairs) {
  for (size_t i = 1; i < request.arguments.size(); i++) {
    const std::string &text = request.arguments[i];
    GpuPair pair{};
    if (text.size() != 81 || text[40] != '=' || !parse_uuid(text.substr(0, 40), &pair.old_uuid) || !parse_uuid(text.substr(41), &pair.new_uuid)) {
      answer_error(request.id, "restore: a pair must be OLD=NEW, two UUIDs of devices");
      return false;
    }
    pairs->push_back(pair);
  }
  return true;
}

void tell_driver(Helper &helper, const Request &request) {
  std::string missing;
  for (const std::string &name : helper.driver->missing()) missing += (missing.empty() ? "" : ",") + json_text(name);
  answer(request.id, kSuccess,
         "{\"version\":" + std::to_string(helper.driver->version()) + ",\"path\":" + json_text(helper.driver->path()) + ",\"missing\":[" + missing + "]}");
}

void init(Helper &helper, const Request &request) { answer(request.id, helper.driver->init(), ""); }

CuResult describe(Driver &driver, int ordinal, std::string *out) {
  CuDevice device = 0;
  CuUuid uuid{};
  char name[256] = {};
  size_t total = 0;
  CuResult code = driver.DeviceGet(&device, ordinal);
  if (code == kSuccess) code = driver.DeviceGetUuid(&uuid, device);
  if (code == kSuccess) code = driver.DeviceGetName(name, sizeof name - 1, device);
  if (code == kSuccess) code = driver.DeviceTotalMem(&total, device);
  *out = "{\"uuid\":" + json_text(uuid_text(uuid)) + ",\"name\":" + json_text(name) + ",\"total\":" + std::to_string(total) + "}";
  return code;
}

void devices(Helper &helper, const Request &request) {
  Driver &driver = *helper.driver;
  bool all = driver.DeviceGetCount && driver.DeviceGet && driver.DeviceGetUuid && driver.DeviceGetName && driver.DeviceTotalMem;
  if (!is_ready(helper, request, all ? address_of(driver.DeviceGetCount) : nullptr)) return;
  int count = 0;
  CuResult code = driver.DeviceGetCount(&count);
  std::string list;
  for (int i = 0; code == kSuccess && i < count; i++) {
    std::string one;
    code = describe(driver, i, &one);
    list += (i > 0 ? "," : "") + one;
  }
  answer(request.id, code, "[" + list + "]");
}

// Free memory of a device in bytes. Only a context can tell: one is made, which takes memory and time itself, and given back.
void memory(Helper &helper, const Request &request) {
  Driver &driver = *helper.driver;
  bool all = driver.DeviceGet && driver.DevicePrimaryCtxRetain && driver.DevicePrimaryCtxRelease && driver.CtxSetCurrent && driver.MemGetInfo;
  long ordinal = 0;
  if (!wants(request, 1, 1)) return;
  if (!parse_number(request.arguments[0], 0, 4096, &ordinal)) return answer_error(request.id, "memory: the argument must be the ordinal of a device");
  if (!is_ready(helper, request, all ? address_of(driver.MemGetInfo) : nullptr)) return;
  CuDevice device = 0;
  CuContext context = nullptr;
  size_t free_bytes = 0, total = 0;
  CuResult code = driver.DeviceGet(&device, static_cast<int>(ordinal));
  if (code == kSuccess) code = driver.DevicePrimaryCtxRetain(&context, device);
  if (code != kSuccess) return answer(request.id, code, "");
  code = driver.CtxSetCurrent(context);
  if (code == kSuccess) code = driver.MemGetInfo(&free_bytes, &total);
  driver.CtxSetCurrent(nullptr);
  driver.DevicePrimaryCtxRelease(device);
  answer(request.id, code, std::to_string(free_bytes));
}

// Needs no cuInit.
void survey(Helper &helper, const Request &request) {
  if (wants(request, 0, 0)) answer(request.id, kSuccess, survey_devices(helper.driver->path()));
}

void state(Helper &helper, const Request &request) {
  int pid = 0, value = -1;
  if (!wants(request, 1, 1) || !pid_of(request, &pid) || !is_ready(helper, request, address_of(helper.driver->GetState))) return;
  CuResult code = helper.driver->GetState(pid, &value);
  answer(request.id, code, std::to_string(value));
}

void thread(Helper &helper, const Request &request) {
  int pid = 0, value = 0;
  if (!wants(request, 1, 1) || !pid_of(request, &pid) || !is_ready(helper, request, address_of(helper.driver->GetRestoreThreadId))) return;
  CuResult code = helper.driver->GetRestoreThreadId(pid, &value);
  answer(request.id, code, std::to_string(value));
}

void lock(Helper &helper, const Request &request) {
  int pid = 0;
  long timeout = 0;
  if (!wants(request, 2, 2) || !pid_of(request, &pid)) return;
  if (!parse_number(request.arguments[1], 1, kMaxLockMs, &timeout)) return answer_error(request.id, "lock: the time must be 1 to 86400000 ms");
  if (!is_ready(helper, request, address_of(helper.driver->Lock))) return;
  LockArgs args{};
  args.timeout_ms = static_cast<uint32_t>(timeout);
  CuResult code = helper.driver->Lock(pid, &args);
  note(helper, pid, code, &Ledger::locked);
  answer(request.id, code, "");
}

void checkpoint(Helper &helper, const Request &request) {
  int pid = 0;
  if (!wants(request, 1, 1) || !pid_of(request, &pid) || !is_ready(helper, request, address_of(helper.driver->Checkpoint))) return;
  CheckpointArgs args{};
  CuResult code = helper.driver->Checkpoint(pid, &args);
  note(helper, pid, code, &Ledger::checkpointed);
  answer(request.id, code, "");
}

void restore(Helper &helper, const Request &request) {
  int pid = 0;
  std::vector<GpuPair> pairs;
  if (!wants(request, 1, 1 + kMaxPairs) || !pid_of(request, &pid) || !parse_pairs(request, &pairs)) return;
  if (!pairs.empty() && helper.driver->version() < kVersionGpuPairs)
    return answer_error(request.id, "restore: this driver cannot move a process to other devices (CUDA 13.0, r580, can)");
  if (!is_ready(helper, request, address_of(helper.driver->Restore))) return;
  RestoreArgs args{};
  if (!pairs.empty()) {
    args.gpu_pairs = pairs.data();
    args.gpu_pairs_count = static_cast<uint32_t>(pairs.size());
  }
  CuResult code = helper.driver->Restore(pid, &args);
  note(helper, pid, code, &Ledger::restored);
  answer(request.id, code, "");
}

void unlock(Helper &helper, const Request &request) {
  int pid = 0;
  if (!wants(request, 1, 1) || !pid_of(request, &pid) || !is_ready(helper, request, address_of(helper.driver->Unlock))) return;
  UnlockArgs args{};
  CuResult code = helper.driver->Unlock(pid, &args);
  note(helper, pid, code, &Ledger::unlocked);
  answer(request.id, code, "");
}

struct Entry {
  const char *name;
  Operation operation;
};

constexpr Entry kOperations[] = {
    {"driver", tell_driver}, {"init", init}, {"devices", devices},       {"memory", memory},   {"survey", survey}, {"state", state},
    {"thread", thread},      {"lock", lock}, {"checkpoint", checkpoint}, {"restore", restore}, {"unlock", unlock},
};

}  // namespace

int subject_of(const Request &request) {
  long pid = 0;
  if (request.operation == "memory" || request.arguments.empty() || !parse_number(request.arguments[0], 1, INT_MAX, &pid)) return 0;
  return static_cast<int>(pid);
}

void perform(Helper &helper, const Request &request) {
  if (!helper.open_error.empty()) return answer_error(request.id, helper.open_error);
  for (const Entry &entry : kOperations)
    if (request.operation == entry.name) return entry.operation(helper, request);
  answer_error(request.id, request.operation + ": is no operation");
}
