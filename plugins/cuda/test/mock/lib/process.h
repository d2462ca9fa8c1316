// What the fake driver knows about the process that it is loaded into. A driver library is one per process, so this is one object.
#ifndef MOCK_PROCESS_H
#define MOCK_PROCESS_H

#include <pthread.h>
#include <sys/types.h>

#include "abi.h"
#include "link.h"
#include "wire.h"

// Real drivers reserve far more address space than they use.
constexpr uint64_t kReservation = 16ull << 30;
constexpr int kMaxAllocations = 256;

struct Device {
  GpuDevice info;
  int remote;            // its number at the daemon
  int node_fd;           // its stand-in for /dev/nvidiaN, open as long as the GPU is held
  char *reservation;     // kReservation bytes of PROT_NONE: device addresses are places in it
  uint64_t used;         // bytes of it that were given out
  uint32_t primary;      // times that the primary context is retained
};

struct Allocation {
  CUdeviceptr address;  // 0: free entry
  uint64_t size;
  uint64_t handle;  // the daemon's; a region (kRegion) when it is another process's memory
  int device;       // index in Process::devices
  void *copy;       // host copy, while checkpointed
};

struct Process {
  pid_t pid;  // 0: cuInit was not called. Another pid than getpid(): a child that was forked after it.
  pthread_mutex_t mutex;
  Device devices[kMaxDevices];  // every device whose node this process can see
  int device_count;
  int visible[kMaxDevices];  // CUDA ordinal to index: CUDA_VISIBLE_DEVICES chooses and orders
  int visible_count;
  Allocation allocations[kMaxAllocations];

  Link api;     // calls of the program
  Link worker;  // work on streams
  Link thread;  // the restore thread
  char folder[64];
  char group[64];
  char job_file[64];
  uint64_t job_stamp;    // of the last checkpoint, also in the job file
  uint64_t client;

  CUprocessState state;  // written by the restore thread only
  uint64_t ordinal;      // which checkpoint of its job this was
  bool stored;           // device memory went to its caller's own storage
  bool spent;            // a restore ran out of memory: no other one works
};

extern Process g_process;

// What cuDriverGetVersion says: FAKE_CUDA_VERSION, or what this build of the library is made for.
int driver_version();
// The daemon's folder: FAKE_CUDA_DIR.
const char *daemon_folder();

// kSuccess in the process that called cuInit.
CUresult check_initialized();

// Connects all three links. On failure none is open.
CUresult open_links();
void close_links();
// Opens the nodes of all devices; false when one is missing.
bool open_nodes();
void close_nodes();

// Starts a thread with all signals blocked, as drivers do.
bool start_driver_thread(const char *name, void *(*body)(void *));
// Threads of the driver, started by cuInit.
bool start_worker();
bool start_restore_thread();

// The current context of the calling thread, null without one.
Device *current_device();

Allocation *find_allocation(CUdeviceptr address, uint64_t size);
// Gives the new piece of device memory an address. Null when the table or the reservation is full.
Allocation *add_allocation(int device, uint64_t size, uint64_t handle);

#endif
