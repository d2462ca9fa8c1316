// What a caller of the checkpoint API and the restore thread of a target say to each other, over two pipes whose ends the target holds.
// The caller finds the thread by its name, "cuda" + 5 + 6 hex digits: the target's descriptors for writing requests and reading answers.
// One caller at a time: it holds a lock on the pipe, so that calls behind a hanging one hang, too. Who dies leaves the lock, and an answer that later callers pass over by
// its serial; a target goes on with what it was asked. So r580 does (hardware.md). Who dies with half of an answer read shifts the stream for all after it (#2547).
#ifndef MOCK_CHANNEL_H
#define MOCK_CHANNEL_H

#include <climits>
#include <cstdint>

enum class Call : uint32_t { kState = 1, kLock, kCheckpoint, kRestore, kUnlock, kDevices, kComplete };

// First four letters of the names of the threads that serve: a restore thread, and the coordinator of a job, which only has a state.
constexpr const char *kRestoreThread = "cuda";
constexpr const char *kCoordinator = "cjob";

// What the caller was told to make the restore thread do (fault injection).
enum class Fault : uint32_t { kNone, kHang, kCrashThread, kCrashProcess };

constexpr uint32_t kRequestMagic = 0x71657263;
constexpr uint32_t kAnswerMagic = 0x736e6163;

constexpr uint32_t kFlagStorage = 1;

struct ChannelRequest {
  uint32_t magic;
  Call call;
  Fault fault;
  uint32_t flags;
  uint64_t serial;      // no other request of this target has it
  uint32_t timeout_ms;  // of a lock, from when the thread begins with it; 0: none
  uint32_t pair_count;  // CUcheckpointGpuPair records that follow in the same write
};
static_assert(sizeof(ChannelRequest) == 32);

// Read in two halves, so that a caller can die between them.
struct ChannelAnswer {
  uint32_t magic;
  int32_t code;
  uint32_t state;
  uint32_t device_count;  // ChannelDevice records that follow
  uint64_t serial;        // of the request
};
static_assert(sizeof(ChannelAnswer) == 24);

struct ChannelDevice {
  unsigned char uuid[16];
  uint64_t size;
  uint64_t region;
};
static_assert(sizeof(ChannelDevice) == 32);

// One write of at most PIPE_BUF bytes is never mixed with another caller's.
constexpr uint32_t kMaxPairs = (PIPE_BUF - sizeof(ChannelRequest)) / 32;

#endif
