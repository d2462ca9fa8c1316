// What the restore thread does to its process: the state machine of the checkpoint API (gpu.md A.1), on the target's side.
#ifndef MOCK_STATES_H
#define MOCK_STATES_H

#include "abi.h"
#include "channel.h"
#include "wire.h"

// Devices that an answer names: all of the process, or those whose memory the caller is to copy.
struct DeviceList {
  ChannelDevice devices[kMaxDevices];
  uint32_t count;
};

// A call that changes nothing: may hang while a peer is locked.
CUresult ask_group(const char *call);
CUresult lock_process(uint64_t deadline_ns);
CUresult unlock_process();
CUresult checkpoint_process(bool storage, DeviceList *list);
// `pairs`: empty means that every device keeps its UUID.
CUresult restore_process(const CUcheckpointGpuPair *pairs, uint32_t pair_count, bool storage, DeviceList *list);
CUresult complete_operation();
void list_devices(DeviceList *list);

#endif
