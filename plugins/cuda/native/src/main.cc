// criu-ts-cuda-helper [LIBRARY]: speaks the checkpoint API of the CUDA driver for the engine, one process per run (plugins/cuda/src/helper-process.ts).
//
// The driver may hang, crash or take seconds; here that is an error of a call. A call must not be interrupted: the channel to the target would be out of
// step for ever. So nothing ends this process while a call is under way: not Ctrl-C, not the end of the engine. When the requests end without `quit`, the
// engine died, and what was done to processes is taken back before this process ends.

#include <unistd.h>

#include <climits>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <set>
#include <thread>

#include "operations.h"

namespace {

constexpr size_t kMaxCalls = 256;

// Calls under way, and which of them nobody waits for any more.
class Calls {
 public:
  bool begin(unsigned long id) {
    std::lock_guard<std::mutex> guard(mutex_);
    if (active_.size() >= kMaxCalls || !active_.insert(id).second) return false;
    threads_++;
    return true;
  }
  // False when the call ended before.
  bool abandon(unsigned long id) {
    std::lock_guard<std::mutex> guard(mutex_);
    return active_.count(id) != 0 && abandoned_.insert(id).second;
  }
  // True when nobody waited for it any more.
  bool end(unsigned long id) {
    std::lock_guard<std::mutex> guard(mutex_);
    active_.erase(id);
    return abandoned_.erase(id) != 0;
  }
  // The thread of a call has nothing more to do.
  void leave() {
    std::lock_guard<std::mutex> guard(mutex_);
    threads_--;
    changed_.notify_all();
  }
  void wait_for_all() {
    std::unique_lock<std::mutex> guard(mutex_);
    changed_.wait(guard, [this] { return threads_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t threads_ = 0;
  std::set<unsigned long> active_;
  std::set<unsigned long> abandoned_;
};

// `abandon CALL PROCESS`: the engine waits no longer. What the call did to the process in the end, nobody knows but us.
// True when the call ended before, and what it did is to be undone now.
bool abandon(Helper &helper, Calls &calls, const Request &request, int *pid) {
  long id = 0, process = 0;
  if (request.arguments.size() != 2 || !parse_number(request.arguments[0], 1, 1L << 50, &id) || !parse_number(request.arguments[1], 1, INT_MAX, &process)) {
    answer_error(request.id, "abandon: wants a call and a process");
    return false;
  }
  *pid = static_cast<int>(process);
  helper.ledger->keep(*pid);
  return !calls.abandon(static_cast<unsigned long>(id));
}

void work(Helper &helper, Calls &calls, const Request &request) {
  perform(helper, request);
  if (calls.end(request.id)) helper.ledger->undo(subject_of(request));
  calls.leave();
}

void take_back(Helper &helper, Calls &calls, unsigned long id, int pid) {
  helper.ledger->undo(pid);
  calls.end(id);
  calls.leave();
}

void start(Helper &helper, Calls &calls, const Request &request) {
  // Noted by the reader itself: a `quit` right behind it must not come first, or the process stays as the call left it.
  int pid = 0;
  bool is_abandon = request.operation == "abandon";
  if (is_abandon && !abandon(helper, calls, request, &pid)) return;
  if (!calls.begin(request.id)) return answer_error(request.id, "too many calls at once, or a number that is in use");
  if (is_abandon)
    std::thread(take_back, std::ref(helper), std::ref(calls), request.id, pid).detach();
  else
    std::thread(work, std::ref(helper), std::ref(calls), request).detach();
}

// True when the engine said `quit`.
bool serve(Helper &helper, Calls &calls) {
  std::string line;
  while (read_line(&line)) {
    Request request;
    if (!parse_request(line, &request)) return false;
    if (request.operation == "quit") return true;
    start(helper, calls, request);
  }
  return false;
}

}  // namespace

int main(int argc, char **argv) {
  for (int number : {SIGINT, SIGHUP, SIGQUIT, SIGTERM, SIGPIPE}) signal(number, SIG_IGN);
  // Whatever the driver prints must not get between our answers.
  dup2(STDERR_FILENO, STDOUT_FILENO);
  Driver driver;
  Ledger ledger(&driver);
  Calls calls;
  Helper helper{&driver, &ledger, ""};
  driver.open(argc > 1 ? argv[1] : "libcuda.so.1", &helper.open_error);
  bool quit = serve(helper, calls);
  if (quit) ledger.forget_all();
  calls.wait_for_all();
  ledger.undo_all();
  // Destructors of the driver library have nothing to say to anybody.
  _exit(0);
}
