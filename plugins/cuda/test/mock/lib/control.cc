#include "control.h"

#include "io.h"
#include "process.h"

namespace {

// One line there, one line back. An empty answer when nobody listens.
void ask(const char *line, char *answer, size_t size) {
  answer[0] = '\0';
  char path[128];
  snprintf(path, sizeof path, "%s/control.sock", daemon_folder());
  int fd = connect_unix(path);
  if (fd < 0) return;
  size_t used = 0;
  if (send_all(fd, line, strlen(line))) {
    for (ssize_t n; used < size - 1 && (n = read(fd, answer + used, size - 1 - used)) > 0;) {
      used += static_cast<size_t>(n);
      if (answer[used - 1] == '\n') break;
    }
  }
  answer[used] = '\0';
  close(fd);
}

bool starts(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

}  // namespace

Verdict call_begins(const char *call, int target) {
  char line[128], answer[128], when[16] = "";
  snprintf(line, sizeof line, "begin %s %d %d\n", call, getpid(), target);
  ask(line, answer, sizeof answer);
  Verdict verdict{kSuccess, false, Fault::kNone, Death::kNone};
  if (sscanf(answer, "fail %d %15s", &verdict.code, when) >= 1) verdict.after = strcmp(when, "after") == 0;
  if (starts(answer, "hang")) verdict.fault = Fault::kHang;
  if (starts(answer, "crash thread")) verdict.fault = Fault::kCrashThread;
  if (starts(answer, "crash process")) verdict.fault = Fault::kCrashProcess;
  if (starts(answer, "kill request")) verdict.death = Death::kAfterRequest;
  if (starts(answer, "kill answer")) verdict.death = Death::kHalfAnswer;
  return verdict;
}

void call_ends(const char *call, int target, CUresult code) {
  char line[128], answer[16];
  snprintf(line, sizeof line, "end %s %d %d %d\n", call, getpid(), target, code);
  ask(line, answer, sizeof answer);
}

bool persistence_mode() {
  char answer[16];
  ask("persistence\n", answer, sizeof answer);
  return starts(answer, "on");
}
