// The restore thread: reads requests of callers from a pipe and answers on another. Callers find both by the thread's name.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "channel.h"
#include "io.h"
#include "process.h"
#include "states.h"

namespace {

// The ends for callers stay open here, too: that is how callers can open them through /proc, and why a broken caller gives no end of file.
struct Pipes {
  int request_read, request_write;
  int answer_read, answer_write;
};
Pipes g_pipes;

struct Answer {
  ChannelAnswer head;
  ChannelDevice devices[kMaxDevices];
};

[[noreturn]] void hang() {
  for (;;) pause();
}

void obey(Fault fault) {
  if (fault == Fault::kHang) hang();
  if (fault == Fault::kCrashThread) syscall(SYS_exit, 0);
  // A fault of its own: a signal that was sent would stay blocked.
  if (fault == Fault::kCrashProcess) __builtin_trap();
}

CUresult serve(const ChannelRequest &request, const CUcheckpointGpuPair *pairs, DeviceList *list) {
  bool storage = (request.flags & kFlagStorage) != 0;
  switch (request.call) {
    case Call::kState:
      return ask_group("state");
    case Call::kLock:
      return lock_process(request.timeout_ms == 0 ? 0 : now_ns() + uint64_t{request.timeout_ms} * 1'000'000);
    case Call::kCheckpoint:
      return checkpoint_process(storage, list);
    case Call::kRestore:
      return restore_process(pairs, request.pair_count, storage, list);
    case Call::kUnlock:
      return unlock_process();
    case Call::kDevices:
      list_devices(list);
      return kSuccess;
    case Call::kComplete:
      return complete_operation();
  }
  return kInvalidValue;
}

void answer_one() {
  ChannelRequest request;
  CUcheckpointGpuPair pairs[kMaxPairs];
  // Both ends are ours, so there is no end of file; an error cannot be reported to anybody.
  if (!read_all(g_pipes.request_read, &request, sizeof request)) hang();
  bool sane = request.magic == kRequestMagic && request.pair_count <= kMaxPairs;
  if (sane && !read_all(g_pipes.request_read, pairs, request.pair_count * sizeof pairs[0])) hang();
  DeviceList list;
  list.count = 0;
  if (sane) obey(request.fault);
  CUresult code = sane ? serve(request, pairs, &list) : kOperatingSystem;
  Answer answer;
  answer.head = {kAnswerMagic, code, g_process.state, code == kSuccess ? list.count : 0, request.serial};
  memcpy(answer.devices, list.devices, sizeof list.devices);
  size_t size = sizeof answer.head + answer.head.device_count * sizeof list.devices[0];
  if (write(g_pipes.answer_write, &answer, size) != static_cast<ssize_t>(size)) hang();
}

void *serve_for_ever(void *) {
  for (;;) answer_one();
  return nullptr;
}

}  // namespace

namespace {

bool start_channel(const char *kind) {
  int requests[2], answers[2];
  if (pipe2(requests, O_CLOEXEC) != 0 || pipe2(answers, O_CLOEXEC) != 0) return false;
  g_pipes = {requests[0], requests[1], answers[0], answers[1]};
  char name[16];
  snprintf(name, sizeof name, "%s%05x%06x", kind, static_cast<unsigned>(g_pipes.request_write), static_cast<unsigned>(g_pipes.answer_read));
  return start_driver_thread(name, serve_for_ever);
}

}  // namespace

bool start_restore_thread() { return start_channel(kRestoreThread); }

// The process that has started a job: answers get-state like a CUDA process, and has no restore thread.
CUDA_EXPORT bool fakeServeCoordinator() { return start_channel(kCoordinator); }
