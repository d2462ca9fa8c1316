// What the fake library and the fake GPU daemon say to each other over gpu.sock: one request, one reply, in turn, on each connection.
// A request of kWrite is followed by `size` bytes, a reply to kRead by `value` bytes, a reply to kDevices by `count` GpuDevice records.
#ifndef MOCK_WIRE_H
#define MOCK_WIRE_H

#include <cstdint>

constexpr int kMaxDevices = 8;
constexpr uint64_t kMaxAllocation = 1ull << 36;

enum class GpuOp : uint32_t {
  kHello = 1,   // value: client, chosen by the target; text: its group ("nccl:NAME", "job:NAME") or empty
  kDevices,     //
  kAttach,      // device; answered after the device's attach delay
  kAlloc,       // device, size; reply.value: handle
  kFree,        // handle
  kRead,        // handle (or region), offset, size
  kWrite,       // handle (or region), offset, size
  kSet8,        // handle, offset, size, value: byte
  kAdd,         // handle, offset, size, value: byte; delay_ms: how long the "kernel" runs
  kMemInfo,     // device; reply.value: free, reply.value2: total
  kExport,      // device; reply.value: region of all allocations of this client there, reply.value2: its size
  kUnexport,    // handle: region
  kGroupBegin,  // text: call; value: ordinal (restore); delay_ms: timeout; may be answered late or never
  kGroupEnd,    // text: call; value: new state; handle: result
};

struct GpuRequest {
  GpuOp op;
  int32_t device;
  uint64_t handle;
  uint64_t offset;
  uint64_t size;
  uint64_t value;
  uint32_t delay_ms;
  uint32_t reserved;
  char text[64];
};
static_assert(sizeof(GpuRequest) == 112);

struct GpuReply {
  int32_t code;  // CUresult
  uint32_t count;
  uint64_t value;
  uint64_t value2;
};
static_assert(sizeof(GpuReply) == 24);

struct GpuDevice {
  unsigned char uuid[16];
  char name[48];
  uint64_t memory;
  char node[200];  // stand-in for /dev/nvidiaN: looked up in the target's own root
};
static_assert(sizeof(GpuDevice) == 272);

// Region handles have this bit; allocations never do.
constexpr uint64_t kRegion = 1ull << 63;

#endif
