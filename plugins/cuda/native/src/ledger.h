// What this helper did to processes and has not yet taken back. When the engine dies, or no longer waits for a call, nobody else would unlock them: the
// processes would wait in their next CUDA call for ever.
#pragma once

#include <mutex>
#include <set>
#include <vector>

#include "driver.h"

class Ledger {
 public:
  explicit Ledger(Driver *driver) : driver_(driver) {}

  void locked(int pid);
  void checkpointed(int pid);
  void restored(int pid);
  void unlocked(int pid);

  // Takes back what was done to a process, in the order that the driver allows. Blocks as long as the driver does.
  void undo(int pid);
  // The same for all, last locked first.
  void undo_all();
  // A call on the process is abandoned: what it did or does yet is undone, whatever the engine says before it ends.
  void keep(int pid);
  // The engine says that everything is as it wants it, except for processes that are kept.
  void forget_all();

 private:
  // `pidfd` proves that the number still means the process that was locked.
  struct Entry {
    int pid;
    int pidfd;
    bool locked;
    bool checkpointed;
  };
  Entry *find(int pid);
  Entry *find_or_add(int pid);
  void drop(int pid);
  bool take(int pid, Entry *entry);

  Driver *driver_;
  std::mutex mutex_;
  std::vector<Entry> entries_;
  // Beside the entries: the call that is abandoned may not have made one yet.
  std::set<int> kept_;
};
