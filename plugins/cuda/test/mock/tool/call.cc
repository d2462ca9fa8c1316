// cuda-call: a resident caller of the driver's checkpoint API for tests. A command per line; per line one answer: the CUresult and a value.
//   init | version | symbol NAME | proc NAME VERSION | retain | state PID | tid PID | lock PID [MS] | unlock PID | checkpoint PID
//   restore PID [OLD=NEW,...] | checkpoint-raw PID OFFSET | restore-raw PID OFFSET      (one byte of the argument struct is not zero)
//   store PID FILE | load PID FILE [OLD=NEW,...]     custom storage: Checkpoint or Restore and the copy
//   complete
//   seize PID | wake TID | halt TID | detach PID      stop all threads, let one run, stop it, let all run
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <vector>

#include "driver.h"
#include "tracer.h"
#include "uuid.h"

namespace {

Driver g_driver;
CUcheckpointCustomStorageInfo *g_storage = nullptr;
constexpr int kPairRoom = 200;

struct Answer {
  CUresult code;
  std::string value;
};

Answer look_up(const std::string &name, int version) {
  void *function = nullptr;
  int status = 0;
  CUresult code = g_driver.call("cuGetProcAddress", name.c_str(), &function, version, uint64_t{0}, &status);
  return {code, std::to_string(status) + (function == nullptr ? " null" : " found")};
}

Answer retain_all() {
  int count = 0;
  CUresult code = g_driver.call("cuDeviceGetCount", &count);
  for (int i = 0; i < count && code == kSuccess; i++) {
    CUcontext context;
    code = g_driver.call("cuDevicePrimaryCtxRetain", &context, i);
    if (code == kSuccess) code = g_driver.call("cuCtxSetCurrent", context);
  }
  return {code, std::to_string(count)};
}

Answer restore(int pid, const std::string &map, CUcheckpointRestoreArgs args) {
  std::vector<CUcheckpointGpuPair> pairs(kPairRoom);
  int count = parse_pairs(map.c_str(), pairs.data(), kPairRoom);
  if (count < 0) return {-1, "bad device map"};
  args.gpuPairs = count == 0 ? nullptr : pairs.data();
  args.gpuPairsCount = static_cast<uint32_t>(count);
  return {g_driver.call("cuCheckpointProcessRestore", pid, &args), ""};
}

Answer move(const std::string &path, bool store) {
  std::fstream file(path, store ? std::ios::out | std::ios::binary : std::ios::in | std::ios::binary);
  uint64_t total = 0;
  for (uint32_t i = 0; i < g_storage->deviceCount; i++) {
    const CUcheckpointPerDeviceData &data = g_storage->perDeviceData[i];
    std::vector<char> bytes(data.size);
    CUresult code = kSuccess;
    if (store) code = g_driver.call("cuMemcpyDtoHAsync", static_cast<void *>(bytes.data()), data.devPtr, data.size, data.stream);
    if (store) file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    else file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!store) code = g_driver.call("cuMemcpyHtoDAsync", data.devPtr, static_cast<const void *>(bytes.data()), data.size, data.stream);
    if (code != kSuccess) return {code, "copy"};
    if (!file) return {-1, path};
    total += data.size;
  }
  return {kSuccess, std::to_string(g_storage->deviceCount) + " " + std::to_string(total)};
}

Answer store(int pid, const std::string &path) {
  CUcheckpointCheckpointArgs args{};
  args.customStorageInfo_out = &g_storage;
  CUresult code = g_driver.call("cuCheckpointProcessCheckpoint", pid, &args);
  return code == kSuccess ? move(path, true) : Answer{code, ""};
}

Answer load(int pid, const std::string &path, const std::string &map) {
  CUcheckpointRestoreArgs args{};
  args.customStorageInfo_out = &g_storage;
  Answer answer = restore(pid, map, args);
  return answer.code == kSuccess ? move(path, false) : answer;
}

template <typename Arguments>
CUresult call_with_byte(const char *name, int pid, size_t offset) {
  Arguments args{};
  if (offset < sizeof args) reinterpret_cast<char *>(&args)[offset] = 1;
  return g_driver.call(name, pid, &args);
}

Answer about_process(const std::string &verb, int pid, const std::string &first, const std::string &second) {
  if (verb == "state") {
    CUprocessState state = 99;
    CUresult code = g_driver.call("cuCheckpointProcessGetState", pid, &state);
    return {code, code == kSuccess ? std::to_string(state) : ""};
  }
  if (verb == "tid") {
    int tid = 0;
    CUresult code = g_driver.call("cuCheckpointProcessGetRestoreThreadId", pid, &tid);
    return {code, code == kSuccess ? std::to_string(tid) : ""};
  }
  if (verb == "lock") {
    CUcheckpointLockArgs args{};
    args.timeoutMs = static_cast<uint32_t>(atoi(first.c_str()));
    return {g_driver.call("cuCheckpointProcessLock", pid, &args), ""};
  }
  if (verb == "unlock") return {g_driver.call("cuCheckpointProcessUnlock", pid, static_cast<CUcheckpointUnlockArgs *>(nullptr)), ""};
  if (verb == "checkpoint") return {g_driver.call("cuCheckpointProcessCheckpoint", pid, static_cast<CUcheckpointCheckpointArgs *>(nullptr)), ""};
  if (verb == "restore") return restore(pid, first, {});
  size_t offset = static_cast<size_t>(atoi(first.c_str()));
  if (verb == "checkpoint-raw") return {call_with_byte<CUcheckpointCheckpointArgs>("cuCheckpointProcessCheckpoint", pid, offset), ""};
  if (verb == "restore-raw") return {call_with_byte<CUcheckpointRestoreArgs>("cuCheckpointProcessRestore", pid, offset), ""};
  if (verb == "store") return store(pid, first);
  if (verb == "load") return load(pid, first, second);
  return {-1, "unknown command " + verb};
}

Answer execute(const std::string &verb, const std::string &first, const std::string &second, const std::string &third) {
  if (verb == "init") return {g_driver.call("cuInit", 0u), ""};
  if (verb == "version") {
    int version = 0;
    CUresult code = g_driver.call("cuDriverGetVersion", &version);
    return {code, std::to_string(version)};
  }
  if (verb == "symbol") return {kSuccess, g_driver.symbol(first.c_str()) == nullptr ? "absent" : "present"};
  if (verb == "proc") return look_up(first, atoi(second.c_str()));
  if (verb == "retain") return retain_all();
  if (verb == "complete") {
    CUresult code = g_driver.call("cuCheckpointOperationComplete", g_storage == nullptr ? nullptr : g_storage->handle);
    return {code, ""};
  }
  if (verb == "seize") return {seize_all(atoi(first.c_str())), ""};
  if (verb == "wake") return {wake(atoi(first.c_str())), ""};
  if (verb == "halt") return {halt(atoi(first.c_str())), ""};
  if (verb == "detach") return {detach_all(atoi(first.c_str())), ""};
  return about_process(verb, atoi(first.c_str()), second, third);
}

}  // namespace

int main() {
  if (!g_driver.loaded()) {
    std::cerr << "cuda-call: " << dlerror() << "\n";
    return 2;
  }
  std::cout << "READY" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string verb, first, second, third;
    words >> verb >> first >> second >> third;
    Answer answer = execute(verb, first, second, third);
    std::cout << answer.code << " " << answer.value << std::endl;
  }
  return 0;
}
