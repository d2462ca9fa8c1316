// What holds for several processes together (gpu.md A.1.7 "several NCCL processes", A.1.8 jobs).
//
// "nccl:NAME": peers wait for each other. A lock waits a while for the locks of all peers; when they do not come, it is given alone, and from
// then on every call on a peer that is not locked hangs until this one is unlocked.
// "job:NAME": all are locked before any is checkpointed, checkpoints one at a time, restores in the order of the checkpoints; else 401.
#include <chrono>

#include "daemon.h"

namespace {

using Clock = std::chrono::steady_clock;

bool is_nccl(const std::string &name) { return name.rfind("nccl:", 0) == 0; }

bool peer_is_locked(const Group &group, uint64_t client) {
  for (const auto &[other, member] : group.members)
    if (other != client && member.connected && (member.granted || member.state == kLocked)) return true;
  return false;
}

bool all_want_lock(const Group &group) {
  for (const auto &[client, member] : group.members)
    if (member.connected && !member.wants_lock && !member.granted && member.state == kRunning) return false;
  return true;
}

// Waits for ever, or until the lock's own timeout.
CUresult hang_while_peer_is_locked(Daemon &daemon, std::unique_lock<std::mutex> &lock, Group &group, uint64_t client, Clock::time_point until) {
  auto free = [&] { return group.members[client].granted || !peer_is_locked(group, client); };
  if (until == Clock::time_point::max()) {
    daemon.changed.wait(lock, free);
    return kSuccess;
  }
  return daemon.changed.wait_until(lock, until, free) ? kSuccess : kNotReady;
}

CUresult begin_nccl(Daemon &daemon, std::unique_lock<std::mutex> &lock, Group &group, uint64_t client, const GpuRequest &request) {
  bool locking = std::string(request.text) == "lock";
  if (group.members[client].state != kRunning) return kSuccess;
  auto until = request.delay_ms == 0 ? Clock::time_point::max() : Clock::now() + std::chrono::milliseconds(request.delay_ms);
  CUresult code = hang_while_peer_is_locked(daemon, lock, group, client, until);
  if (!locking || code != kSuccess || group.members[client].granted) return code;
  group.members[client].wants_lock = true;
  daemon.changed.notify_all();
  auto patience = Clock::now() + std::chrono::milliseconds(daemon.nccl_grace_ms);
  daemon.changed.wait_until(lock, patience < until ? patience : until, [&] { return group.members[client].granted || all_want_lock(group); });
  // Whoever sees first that all are there lets all through at once: otherwise the first would make the others hang.
  if (all_want_lock(group)) {
    for (auto &[other, member] : group.members) member.granted = member.granted || member.wants_lock;
    daemon.changed.notify_all();
  }
  group.members[client].wants_lock = false;
  group.members[client].granted = true;
  return kSuccess;
}

CUresult begin_checkpoint(Group &group, uint64_t client, uint64_t *ordinal) {
  for (const auto &[other, member] : group.members) {
    if (other == client) continue;
    if (member.checkpointing || (member.connected && member.state == kRunning)) return kIllegalState;
  }
  group.members[client].checkpointing = true;
  *ordinal = group.next_checkpoint;
  return kSuccess;
}

CUresult begin_job(Group &group, uint64_t client, const std::string &call, uint64_t *ordinal) {
  if (call == "checkpoint") return begin_checkpoint(group, client, ordinal);
  if (call == "restore" && *ordinal != group.next_restore) return kIllegalState;
  if (call != "lock") return kSuccess;
  // The first lock of a new round: all are back.
  bool all_run = true;
  for (const auto &[other, member] : group.members) all_run = all_run && member.state == kRunning;
  if (all_run) group.next_checkpoint = group.next_restore = 0;
  return kSuccess;
}

}  // namespace

CUresult group_begin(Daemon &daemon, std::unique_lock<std::mutex> &lock, const std::string &name, uint64_t client, const GpuRequest &request,
                     uint64_t *ordinal) {
  if (name.empty()) return kSuccess;
  Group &group = daemon.groups[name];
  record(daemon, "{\"what\":\"group\",\"call\":\"%.16s\",\"pid\":%d}", request.text, group.members[client].pid);
  return is_nccl(name) ? begin_nccl(daemon, lock, group, client, request) : begin_job(group, client, request.text, ordinal);
}

void group_end(Daemon &daemon, const std::string &name, uint64_t client, const GpuRequest &request) {
  if (name.empty()) return;
  Group &group = daemon.groups[name];
  Member &member = group.members[client];
  std::string call = request.text;
  member.state = static_cast<CUprocessState>(request.value);
  member.granted = false;
  if (call == "checkpoint") member.checkpointing = false;
  if (call == "checkpoint" && request.handle == kSuccess) group.next_checkpoint++;
  if (call == "restore" && request.handle == kSuccess) group.next_restore++;
  daemon.changed.notify_all();
}

void group_connected(Daemon &daemon, const std::string &name, uint64_t client, int pid) {
  if (name.empty()) return;
  Member &member = daemon.groups[name].members[client];
  // A member that this daemon does not know and that is not new comes from another host, checkpointed; its first call will be restore.
  member.connected = true;
  member.pid = pid;
  daemon.changed.notify_all();
}

void group_gone(Daemon &daemon, const std::string &name, uint64_t client) {
  if (name.empty()) return;
  Group &group = daemon.groups[name];
  Member &member = group.members[client];
  member.connected = false;
  // What is checkpointed has let go of its GPUs and comes back; anything else has ended.
  if (member.state != kCheckpointed) group.members.erase(client);
  daemon.changed.notify_all();
}
