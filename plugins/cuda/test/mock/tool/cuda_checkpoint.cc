// The fake cuda-checkpoint: words, output and exit codes of NVIDIA's utility (gpu.md A.2), over the fake library.
#include <fcntl.h>
#include <getopt.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "driver.h"
#include "uuid.h"

namespace {

Driver *g_driver;
constexpr int kPairRoom = 64;

struct Options {
  bool get_state = false;
  bool get_tid = false;
  bool toggle = false;
  std::string action;
  int pid = 0;
  bool has_timeout = false;
  uint32_t timeout_ms = 0;
  std::string device_map;
};

int version() {
  int version = 0;
  g_driver->call("cuDriverGetVersion", &version);
  return version;
}

[[noreturn]] void refuse(const std::string &why) {
  fprintf(stderr, "%s\n", why.c_str());
  exit(1);
}

[[noreturn]] void fail(const std::string &what, int pid, CUresult code) {
  refuse(what + " " + std::to_string(pid) + ": \"" + g_driver->text(code) + "\"");
}

void usage() {
  printf("cuda-checkpoint (fake): checkpoint and restore of CUDA state\n\n  --toggle --pid|-p PID\n");
  if (version() >= kVersionActions) {
    printf("  --get-state --pid|-p PID\n  --get-restore-tid --pid|-p PID\n  --action lock|checkpoint|restore|unlock --pid|-p PID\n");
  }
  if (version() >= kVersionCheckpoint) printf("      --timeout|-t MS          with --action lock\n");
  if (version() >= kVersionPairs) printf("      --device-map|-d OLD=NEW,...  with --action restore\n");
  if (version() >= kVersionJobs) printf("  --launch-job|-j PROGRAM [ARGUMENTS]\n");
  printf("  --help|-h\n");
}

CUprocessState state_of(int pid) {
  CUprocessState state = kFailed;
  CUresult code = g_driver->call("cuCheckpointProcessGetState", pid, &state);
  if (code != kSuccess) fail("Error getting process state for process ID", pid, code);
  return state;
}

void print_state(int pid) {
  static const char *const kWords[] = {"running", "locked", "checkpointed", "failed", "checkpointing", "restoring"};
  CUprocessState state = state_of(pid);
  puts(state < sizeof kWords / sizeof kWords[0] ? kWords[state] : "unknown");
}

void print_tid(int pid) {
  int tid = 0;
  CUresult code = g_driver->call("cuCheckpointProcessGetRestoreThreadId", pid, &tid);
  if (code != kSuccess) fail("Could not find restore thread for process ID", pid, code);
  printf("%d\n", tid);
}

void lock(const Options &options) {
  CUcheckpointLockArgs args{};
  args.timeoutMs = options.timeout_ms;
  CUresult code = g_driver->call("cuCheckpointProcessLock", options.pid, &args);
  if (code != kSuccess) fail("Could not lock on process ID", options.pid, code);
}

void checkpoint(int pid) {
  CUresult code = g_driver->call("cuCheckpointProcessCheckpoint", pid, static_cast<CUcheckpointCheckpointArgs *>(nullptr));
  if (code != kSuccess) fail("Could not checkpoint on process ID", pid, code);
}

void restore(const Options &options) {
  std::vector<CUcheckpointGpuPair> pairs(kPairRoom);
  int count = parse_pairs(options.device_map.c_str(), pairs.data(), kPairRoom);
  if (count < 0) refuse("Invalid device map: " + options.device_map);
  CUcheckpointRestoreArgs args{};
  args.gpuPairs = count == 0 ? nullptr : pairs.data();
  args.gpuPairsCount = static_cast<uint32_t>(count);
  CUresult code = g_driver->call("cuCheckpointProcessRestore", options.pid, &args);
  if (code != kSuccess) fail("Could not restore on process ID", options.pid, code);
}

void unlock(int pid) {
  CUresult code = g_driver->call("cuCheckpointProcessUnlock", pid, static_cast<CUcheckpointUnlockArgs *>(nullptr));
  if (code != kSuccess) fail("Could not unlock on process ID", pid, code);
}

void toggle(const Options &options) {
  CUprocessState state = state_of(options.pid);
  if (state == kRunning) {
    lock(options);
    checkpoint(options.pid);
  } else if (state == kCheckpointed) {
    restore(options);
    unlock(options.pid);
  } else {
    fail("Could not toggle process ID", options.pid, kIllegalState);
  }
}

void act(const Options &options) {
  if (options.has_timeout && options.action != "lock") refuse("--timeout is only for --action lock");
  if (!options.device_map.empty() && options.action != "restore") refuse("--device-map is only for --action restore");
  if (options.action == "lock") lock(options);
  else if (options.action == "checkpoint") checkpoint(options.pid);
  else if (options.action == "restore") restore(options);
  else if (options.action == "unlock") unlock(options.pid);
  else refuse("Unknown action: " + options.action);
}

// All CUDA processes below the program share one job file, an in-memory one that they inherit.
int launch_job(char **program) {
  int file = memfd_create("cuda-checkpoint-job", 0);
  if (file < 0) refuse("Could not create the job file");
  setenv("CUDA_CHECKPOINT_JOB_FILE", ("/proc/self/fd/" + std::to_string(file)).c_str(), 1);
  // Its own state can be asked for, as that of a CUDA process; a restore thread it has not.
  auto serve = reinterpret_cast<bool (*)()>(g_driver->symbol("fakeServeCoordinator"));
  if (serve == nullptr || !serve()) refuse("Could not launch the job");
  pid_t child = fork();
  if (child == 0) {
    execvp(program[0], program);
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) refuse("Could not launch the job");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int pid_from(const char *text) {
  char *end = nullptr;
  long pid = strtol(text, &end, 10);
  if (*text == '\0' || *end != '\0' || pid <= 0 || pid > 4 << 20) refuse(std::string("Invalid process ID: ") + text);
  return static_cast<int>(pid);
}

void need(int since, const char *option) {
  if (version() < since) refuse(std::string("unrecognized option '") + option + "'");
}

Options parse(int argc, char **argv) {
  static const option kLong[] = {{"get-state", no_argument, nullptr, 's'},       {"get-restore-tid", no_argument, nullptr, 'r'},
                                 {"action", required_argument, nullptr, 'a'},    {"toggle", no_argument, nullptr, 'g'},
                                 {"pid", required_argument, nullptr, 'p'},       {"timeout", required_argument, nullptr, 't'},
                                 {"device-map", required_argument, nullptr, 'd'}, {"launch-job", no_argument, nullptr, 'j'},
                                 {"help", no_argument, nullptr, 'h'},            {nullptr, 0, nullptr, 0}};
  Options options;
  for (int c; (c = getopt_long(argc, argv, "+p:t:d:jh", kLong, nullptr)) != -1;) {
    if (c == 's' || c == 'r' || c == 'a') need(kVersionActions, argv[optind - 1]);
    if (c == 't') need(kVersionCheckpoint, "--timeout");
    if (c == 'd') need(kVersionPairs, "--device-map");
    if (c == 'j') need(kVersionJobs, "--launch-job");
    switch (c) {
      case 's': options.get_state = true; break;
      case 'r': options.get_tid = true; break;
      case 'a': options.action = optarg; break;
      case 'g': options.toggle = true; break;
      case 'p': options.pid = pid_from(optarg); break;
      case 't': options.has_timeout = true; options.timeout_ms = static_cast<uint32_t>(strtoul(optarg, nullptr, 10)); break;
      case 'd': options.device_map = optarg; break;
      case 'j':
        if (argv[optind] == nullptr) refuse("--launch-job wants a program");
        exit(launch_job(argv + optind));
      case 'h': usage(); exit(0);
      default: exit(1);
    }
  }
  return options;
}

}  // namespace

int main(int argc, char **argv) {
  Driver driver;
  g_driver = &driver;
  if (!driver.loaded()) refuse(std::string("Error initializing CUDA: ") + dlerror());
  Options options = parse(argc, argv);
  int modes = options.get_state + options.get_tid + options.toggle + !options.action.empty();
  if (modes != 1 || options.pid == 0) refuse("One of --get-state, --get-restore-tid, --action and --toggle is needed, with --pid");
  // One attach per call: what makes a tool that is started for each action slow.
  CUresult code = driver.call("cuInit", 0u);
  if (code != kSuccess) refuse(std::string("Error initializing CUDA: \"") + driver.text(code) + "\"");
  if (options.get_state) print_state(options.pid);
  else if (options.get_tid) print_tid(options.pid);
  else if (options.toggle) toggle(options);
  else act(options);
  return 0;
}
