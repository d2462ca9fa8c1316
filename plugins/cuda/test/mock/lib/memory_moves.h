// Device memory on its way to and from ordinary memory of the process, and the devices that it comes back to.
#ifndef MOCK_MEMORY_MOVES_H
#define MOCK_MEMORY_MOVES_H

#include "states.h"

// Copies all device memory to fresh anonymous memory and frees it on the devices. All or nothing.
CUresult memory_to_host();
// Allocates on the devices, and unless `storage` uploads and unmaps the host copies. kOutOfMemory when a device is too small.
CUresult memory_to_devices(bool storage);
// Makes the device memory readable and writable for another client of the daemon.
CUresult export_memory(DeviceList *list);
void unexport_memory();
void free_devices();
// Decides which device of the daemon each device of ours is now, and attaches to them.
CUresult take_devices(const CUcheckpointGpuPair *pairs, uint32_t pair_count);

#endif
