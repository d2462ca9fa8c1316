#include "caller.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "io.h"
#include "process.h"

namespace {

struct Channel {
  int requests = -1;
  int answers = -1;
  ~Channel() {
    if (requests >= 0) close(requests);
    if (answers >= 0) close(answers);
  }
};

struct Ends {
  int tid;
  unsigned request_write;
  unsigned answer_read;
};

// "cuda" and 11 hex digits: tells the restore thread from other threads of the driver, such as cuda-EvtHandlr.
bool parse_name(const char *name, const char *kind, Ends *ends) {
  int length = 0;
  if (strncmp(name, kind, 4) != 0 || sscanf(name + 4, "%5x%6x%n", &ends->request_write, &ends->answer_read, &length) != 2) return false;
  return length == 11 && (name[15] == '\0' || name[15] == '\n');
}

bool read_name(int pid, const char *tid, char *name, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%.16s/comm", pid, tid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t n = read(fd, name, size - 1);
  close(fd);
  name[n < 0 ? 0 : n] = '\0';
  return n > 0;
}

CUresult find_ends(int pid, const char *kind, Ends *ends) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = pid > 0 ? opendir(path) : nullptr;
  if (tasks == nullptr) return kOperatingSystem;
  CUresult code = kNotInitialized;
  for (dirent *one = readdir(tasks); one != nullptr && code != kSuccess; one = readdir(tasks)) {
    char name[32];
    if (one->d_name[0] == '.' || !read_name(pid, one->d_name, name, sizeof name) || !parse_name(name, kind, ends)) continue;
    ends->tid = atoi(one->d_name);
    code = kSuccess;
  }
  closedir(tasks);
  return code;
}

int open_end(int pid, unsigned fd, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%u", pid, fd);
  struct stat st;
  // Opening a fifo through /proc needs the right to ptrace its owner: the kernel's own check, and in the caller's pid namespace.
  if (stat(path, &st) != 0 || !S_ISFIFO(st.st_mode)) return -1;
  return open(path, flags | O_CLOEXEC);
}

void send_request(int fd, const Request &request, Fault fault, uint64_t serial) {
  struct {
    ChannelRequest head;
    CUcheckpointGpuPair pairs[kMaxPairs];
  } message;
  message.head = {kRequestMagic, request.call, fault, request.flags, serial, request.timeout_ms, request.pair_count};
  size_t pairs_size = request.pair_count * sizeof message.pairs[0];
  if (pairs_size > 0) memcpy(message.pairs, request.pairs, pairs_size);
  if (write(fd, &message, sizeof message.head + pairs_size) < 0) return;
}

CUresult read_answer(int fd, Death death, ChannelAnswer *answer, DeviceList *list) {
  char *bytes = reinterpret_cast<char *>(answer);
  if (!read_all(fd, bytes, 8)) return kOperatingSystem;
  if (death == Death::kHalfAnswer) raise(SIGKILL);
  if (!read_all(fd, bytes + 8, sizeof *answer - 8)) return kOperatingSystem;
  if (answer->magic != kAnswerMagic || answer->device_count > kMaxDevices) return kOperatingSystem;
  DeviceList ignored;
  DeviceList *into = list == nullptr ? &ignored : list;
  into->count = answer->device_count;
  if (!read_all(fd, into->devices, answer->device_count * sizeof into->devices[0])) return kOperatingSystem;
  return answer->code;
}

}  // namespace

CUresult find_restore_thread(int pid, int *tid) {
  Ends ends;
  CUresult code = find_ends(pid, kRestoreThread, &ends);
  if (code == kSuccess) *tid = ends.tid;
  return code;
}

CUresult ask_target(int pid, const Request &request, const Verdict &verdict, CUprocessState *state, DeviceList *list) {
  Ends ends;
  CUresult code = find_ends(pid, kRestoreThread, &ends);
  if (code == kNotInitialized && request.call == Call::kState) code = find_ends(pid, kCoordinator, &ends);
  if (code != kSuccess) return code;
  Channel channel;
  channel.requests = open_end(pid, ends.request_write, O_WRONLY);
  channel.answers = open_end(pid, ends.answer_read, O_RDONLY);
  if (channel.requests < 0 || channel.answers < 0) return kOperatingSystem;
  // Until the descriptors of this call are closed, by whatever.
  while (flock(channel.requests, LOCK_EX) != 0)
    if (errno != EINTR) return kOperatingSystem;
  uint64_t serial = now_ns();
  send_request(channel.requests, request, verdict.fault, serial);
  if (verdict.death == Death::kAfterRequest) raise(SIGKILL);
  ChannelAnswer answer{};
  do code = read_answer(channel.answers, verdict.death, &answer, list);
  while (answer.magic == kAnswerMagic && answer.serial != serial);
  if (code == kSuccess && state != nullptr) *state = answer.state;
  return code;
}
