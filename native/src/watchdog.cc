#include "watchdog.h"

#include <chrono>
#include <unistd.h>

namespace {

// For JavaScript that was merely late, and now cleans up.
constexpr std::chrono::milliseconds kGrace{3000};

}  // namespace

int Watchdog::Start(std::shared_ptr<JobThread> thread, int64_t milliseconds, std::string last_words, std::unique_ptr<Watchdog>* out) {
  std::unique_ptr<Watchdog> dog(new Watchdog(std::move(thread), milliseconds, std::move(last_words)));
  int err = StartThread(&dog->clock_, &Watchdog::Main, dog.get());
  if (err != 0) {
    dog->joined_ = true;
    return err;
  }
  *out = std::move(dog);
  return 0;
}

// SAFETY: `self` outlives the thread, because Disarm() joins it before the object goes.
void* Watchdog::Main(void* self) {
  static_cast<Watchdog*>(self)->Count();
  return nullptr;
}

void Watchdog::Count() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (changed_.wait_for(lock, std::chrono::milliseconds(milliseconds_), [this] { return disarmed_; })) return;
  expired_ = true;
  lock.unlock();
  thread_->Abandon();
  if (last_words_.empty()) return;
  lock.lock();
  if (changed_.wait_for(lock, kGrace, [this] { return disarmed_; })) return;
  ssize_t written = write(STDERR_FILENO, last_words_.data(), last_words_.size());
  _exit(written < 0 ? 2 : 1);
}

bool Watchdog::Disarm() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    disarmed_ = true;
    changed_.notify_all();
    if (!expired_) return false;
  }
  // Abandon() may still be under way; the caller is told when it is over.
  Join();
  return true;
}

Watchdog::~Watchdog() {
  Disarm();
  Join();
}

void Watchdog::Join() {
  if (!joined_) pthread_join(clock_, nullptr);
  joined_ = true;
}
