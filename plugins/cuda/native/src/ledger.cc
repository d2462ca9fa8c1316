#include "ledger.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

// pidfd_open(2); a descriptor that polls readable once the process is a zombie or gone.
int open_pidfd(int pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

bool is_alive(int pidfd) {
  pollfd p{pidfd, POLLIN, 0};
  return pidfd >= 0 && poll(&p, 1, 0) == 0;
}

}  // namespace

Ledger::Entry *Ledger::find(int pid) {
  for (Entry &entry : entries_)
    if (entry.pid == pid) return &entry;
  return nullptr;
}

void Ledger::drop(int pid) {
  for (auto at = entries_.begin(); at != entries_.end(); ++at) {
    if (at->pid != pid) continue;
    if (at->pidfd >= 0) close(at->pidfd);
    entries_.erase(at);
    return;
  }
}

Ledger::Entry *Ledger::find_or_add(int pid) {
  if (Entry *entry = find(pid)) return entry;
  entries_.push_back({pid, open_pidfd(pid), false, false});
  return &entries_.back();
}

void Ledger::locked(int pid) {
  std::lock_guard<std::mutex> guard(mutex_);
  // The number may have been another process when it was met before.
  drop(pid);
  find_or_add(pid)->locked = true;
}

// A process that was locked before the engine came has no entry yet: it goes back to locked.
void Ledger::checkpointed(int pid) {
  std::lock_guard<std::mutex> guard(mutex_);
  find_or_add(pid)->checkpointed = true;
}

void Ledger::restored(int pid) {
  std::lock_guard<std::mutex> guard(mutex_);
  Entry *entry = find(pid);
  if (entry == nullptr) return;
  entry->checkpointed = false;
  if (!entry->locked) drop(pid);
}

void Ledger::unlocked(int pid) {
  std::lock_guard<std::mutex> guard(mutex_);
  drop(pid);
}

bool Ledger::take(int pid, Entry *entry) {
  std::lock_guard<std::mutex> guard(mutex_);
  Entry *found = find(pid);
  if (found == nullptr) return false;
  *entry = *found;
  found->pidfd = -1;
  drop(pid);
  return true;
}

void Ledger::undo(int pid) {
  Entry entry{};
  if (!take(pid, &entry)) return;
  RestoreArgs restore{};
  UnlockArgs unlock{};
  if (is_alive(entry.pidfd) && (!entry.checkpointed || driver_->Restore(pid, &restore) == kSuccess) && entry.locked) driver_->Unlock(pid, &unlock);
  if (entry.pidfd >= 0) close(entry.pidfd);
}

void Ledger::undo_all() {
  for (;;) {
    int pid = 0;
    {
      std::lock_guard<std::mutex> guard(mutex_);
      if (entries_.empty()) return;
      pid = entries_.back().pid;
    }
    undo(pid);
  }
}

void Ledger::keep(int pid) {
  std::lock_guard<std::mutex> guard(mutex_);
  kept_.insert(pid);
}

void Ledger::forget_all() {
  std::lock_guard<std::mutex> guard(mutex_);
  std::vector<Entry> kept;
  for (const Entry &entry : entries_) {
    if (kept_.count(entry.pid) != 0)
      kept.push_back(entry);
    else if (entry.pidfd >= 0)
      close(entry.pidfd);
  }
  entries_ = kept;
}
