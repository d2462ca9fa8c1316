// The fake GPU daemon: everything that is known on the other side of the driver. One lock for all; a thread per connection.
#ifndef MOCK_DAEMON_H
#define MOCK_DAEMON_H

#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "abi.h"
#include "wire.h"

struct DeviceState {
  GpuDevice info;
  uint32_t attach_ms = 0;  // what one attach costs
  uint64_t used = 0;       // bytes of device memory that are given out
  uint64_t attaches = 0;
  uint32_t mig = 0;      // 0 off, 1 on, 2: a device that has no such mode
  int mps_client = 0;    // a process that uses it through MPS; 0: none
};

// One allocation of device memory. The memfd is never handed out.
struct Memory {
  uint64_t client;
  int device;
  uint64_t size;
  int memfd;
};

// A process that holds GPUs; its links come and go together.
struct Client {
  int links = 0;
  int pid = 0;
};

// A process in a group. It stays known while it is checkpointed, when it has no link.
struct Member {
  bool connected = false;
  CUprocessState state = kRunning;
  bool wants_lock = false;       // asked for a lock that is not decided
  bool granted = false;          // may go on with its lock
  bool checkpointing = false;
  int pid = 0;
};

struct Group {
  std::map<uint64_t, Member> members;
  uint64_t next_checkpoint = 0;
  uint64_t next_restore = 0;
};

// "Do this at the `nth` call from now."
struct FaultRule {
  std::string call;
  int nth;
  std::string verdict;
};

struct Daemon {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<DeviceState> devices;
  std::map<uint64_t, Client> clients;
  std::map<uint64_t, Memory> memory;
  std::map<uint64_t, std::vector<uint64_t>> regions;  // region to handles
  uint64_t next_handle = 1;
  std::map<std::string, Group> groups;
  std::list<FaultRule> faults;
  std::vector<std::string> events;  // JSON objects
  bool persistence = false;
  // How long a lock of one process of an NCCL group waits for those of the others.
  uint32_t nccl_grace_ms = 1000;
};

// All of these expect the lock to be held, unless they say otherwise.

// memory.cc
CUresult allocate_memory(Daemon &daemon, uint64_t client, const GpuRequest &request, uint64_t *handle);
CUresult free_memory(Daemon &daemon, uint64_t client, uint64_t handle);
void free_all(Daemon &daemon, uint64_t client);
uint64_t export_region(Daemon &daemon, uint64_t client, int device, uint64_t *size);
// A piece of an allocation: where a range of an allocation or region really lies.
struct Piece {
  int memfd;
  uint64_t offset;
  uint64_t size;
};
// Empty when the range is not all inside. The descriptors are duplicates: the caller closes them.
std::vector<Piece> pieces_of(Daemon &daemon, uint64_t client, uint64_t handle, uint64_t offset, uint64_t size);

// groups.cc
// May wait (the lock is given up meanwhile), for ever when the driver would hang.
CUresult group_begin(Daemon &daemon, std::unique_lock<std::mutex> &lock, const std::string &name, uint64_t client, const GpuRequest &request,
                     uint64_t *ordinal);
void group_end(Daemon &daemon, const std::string &name, uint64_t client, const GpuRequest &request);
void group_connected(Daemon &daemon, const std::string &name, uint64_t client, int pid);
void group_gone(Daemon &daemon, const std::string &name, uint64_t client);

// connection.cc, control.cc: one connection until its end. Take the lock themselves.
void serve_gpu(Daemon &daemon, int fd);
void serve_control(Daemon &daemon, int fd);

// control.cc
void record(Daemon &daemon, const char *format, ...) __attribute__((format(printf, 2, 3)));
std::string uuid_text(const unsigned char *uuid);
bool parse_uuid(const std::string &text, unsigned char *uuid);

#endif
