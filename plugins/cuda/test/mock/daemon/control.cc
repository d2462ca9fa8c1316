// The harness's and the callers' side: lines of text. Each line gets one line back.
//   fail CALL NTH CODE [after]    the NTH call from now gives CODE, without being made, or made all the same ("after")
//   hang CALL NTH                 the restore thread never answers it
//   crash CALL NTH thread|process
//   kill CALL NTH request|answer  its caller dies by SIGKILL when the request is sent, or with half of the answer read
//   forget                        no faults any more
//   stats, events, clear-events
//   nvml                          what the fake NVML tells of each device: UUID TOTAL USED MIG PERSISTENCE MPS-CLIENT PID:BYTES,... and "|" behind it
//   memory DEVICE BYTES, attach-ms DEVICE MS, mig DEVICE 0|1|2, mps DEVICE PID, persistence-on, persistence-off, nccl-grace MS
//   begin CALL CALLER TARGET, end CALL CALLER TARGET CODE, persistence    (from callers)
#include <unistd.h>

#include <cstdarg>
#include <sstream>

#include "daemon.h"
#include "io.h"

namespace {

constexpr size_t kMaxLine = 512;
// Enough for any test; a loop that runs away must not fill the memory.
constexpr size_t kMaxEvents = 20000;

using Words = std::vector<std::string>;

Words words_of(const std::string &line) {
  std::istringstream stream(line);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string rest_of(const Words &words, size_t from) {
  std::string text;
  for (size_t i = from; i < words.size(); i++) text += (i > from ? " " : "") + words[i];
  return text;
}

std::string add_fault(Daemon &daemon, const Words &words) {
  int nth = words.size() > 2 ? atoi(words[2].c_str()) : 0;
  if (nth < 1) return "error: KIND CALL NTH ...";
  std::string more = rest_of(words, 3);
  daemon.faults.push_back({words[1], nth, more.empty() ? words[0] : words[0] + " " + more});
  return "ok";
}

std::string begin(Daemon &daemon, const Words &words) {
  if (words.size() != 4) return "error: begin CALL CALLER TARGET";
  record(daemon, R"({"what":"begin","call":"%s","caller":%s,"target":%s})", words[1].c_str(), words[2].c_str(), words[3].c_str());
  std::string verdict = "none";
  for (auto rule = daemon.faults.begin(); rule != daemon.faults.end();) {
    bool now = rule->call == words[1] && --rule->nth == 0;
    if (now) verdict = rule->verdict;
    rule = now ? daemon.faults.erase(rule) : std::next(rule);
  }
  return verdict;
}

std::string end(Daemon &daemon, const Words &words) {
  if (words.size() != 5) return "error: end CALL CALLER TARGET CODE";
  record(daemon, R"({"what":"end","call":"%s","caller":%s,"target":%s,"code":%s})", words[1].c_str(), words[2].c_str(), words[3].c_str(),
         words[4].c_str());
  return "ok";
}

std::string stats(const Daemon &daemon) {
  std::ostringstream out;
  out << "{\"devices\":[";
  for (size_t i = 0; i < daemon.devices.size(); i++) {
    const DeviceState &device = daemon.devices[i];
    out << (i > 0 ? "," : "") << "{\"uuid\":\"" << uuid_text(device.info.uuid) << "\",\"name\":\"" << device.info.name
        << "\",\"memory\":" << device.info.memory << ",\"used\":" << device.used << ",\"attaches\":" << device.attaches << ",\"node\":\""
        << device.info.node << "\"}";
  }
  out << "],\"clients\":[";
  const char *comma = "";
  for (const auto &[id, client] : daemon.clients) {
    out << comma << "{\"pid\":" << client.pid << ",\"links\":" << client.links << "}";
    comma = ",";
  }
  out << "],\"allocations\":" << daemon.memory.size() << "}";
  return out.str();
}

std::string events(const Daemon &daemon) {
  std::string text = "[";
  for (const std::string &event : daemon.events) text += (text.size() > 1 ? "," : "") + event;
  return text + "]";
}

std::string nvml(const Daemon &daemon) {
  std::ostringstream out;
  for (size_t i = 0; i < daemon.devices.size(); i++) {
    const DeviceState &device = daemon.devices[i];
    std::map<int, uint64_t> users;
    for (const auto &[handle, memory] : daemon.memory)
      if (memory.device == static_cast<int>(i) && daemon.clients.count(memory.client) != 0) users[daemon.clients.at(memory.client).pid] += memory.size;
    out << uuid_text(device.info.uuid) << " " << device.info.memory << " " << device.used << " " << device.mig << " " << daemon.persistence << " "
        << device.mps_client << " ";
    for (const auto &[pid, bytes] : users) out << pid << ":" << bytes << ",";
    out << " | ";
  }
  return out.str();
}

std::string set_device(Daemon &daemon, const Words &words) {
  size_t index = words.size() == 3 ? strtoul(words[1].c_str(), nullptr, 10) : daemon.devices.size();
  if (index >= daemon.devices.size()) return "error: " + words[0] + " DEVICE NUMBER";
  uint64_t value = strtoull(words[2].c_str(), nullptr, 10);
  if (words[0] == "memory") daemon.devices[index].info.memory = value;
  else if (words[0] == "mig") daemon.devices[index].mig = static_cast<uint32_t>(value);
  else if (words[0] == "mps") daemon.devices[index].mps_client = static_cast<int>(value);
  else daemon.devices[index].attach_ms = static_cast<uint32_t>(value);
  return "ok";
}

std::string execute(Daemon &daemon, const Words &words) {
  const std::string &verb = words[0];
  if (verb == "begin") return begin(daemon, words);
  if (verb == "end") return end(daemon, words);
  if (verb == "persistence") return daemon.persistence ? "on" : "off";
  if (verb == "fail" || verb == "hang" || verb == "crash" || verb == "kill") return add_fault(daemon, words);
  if (verb == "stats") return stats(daemon);
  if (verb == "events") return events(daemon);
  if (verb == "nvml") return nvml(daemon);
  if (verb == "memory" || verb == "attach-ms" || verb == "mig" || verb == "mps") return set_device(daemon, words);
  if (verb == "forget") daemon.faults.clear();
  else if (verb == "clear-events") daemon.events.clear();
  else if (verb == "persistence-on" || verb == "persistence-off") daemon.persistence = verb == "persistence-on";
  else if (verb == "nccl-grace" && words.size() == 2) daemon.nccl_grace_ms = static_cast<uint32_t>(atoi(words[1].c_str()));
  else return "error: unknown command " + verb;
  return "ok";
}

}  // namespace

void record(Daemon &daemon, const char *format, ...) {
  if (daemon.events.size() >= kMaxEvents) return;
  char text[kMaxLine];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  daemon.events.emplace_back(text);
}

std::string uuid_text(const unsigned char *uuid) {
  std::string text = "GPU-";
  for (int i = 0; i < 16; i++) {
    char byte[4];
    snprintf(byte, sizeof byte, "%02x", uuid[i]);
    text += (i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "") + std::string(byte);
  }
  return text;
}

bool parse_uuid(const std::string &text, unsigned char *uuid) {
  std::string digits;
  for (char c : text.rfind("GPU-", 0) == 0 ? text.substr(4) : text)
    if (c != '-') digits += c;
  if (digits.size() != 32 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) return false;
  for (size_t i = 0; i < 16; i++) uuid[i] = static_cast<unsigned char>(strtoul(digits.substr(2 * i, 2).c_str(), nullptr, 16));
  return true;
}

void serve_control(Daemon &daemon, int fd) {
  std::string line;
  for (char c; line.size() < kMaxLine && read_all(fd, &c, 1);) {
    if (c != '\n') {
      line += c;
      continue;
    }
    Words words = words_of(line);
    line.clear();
    std::string answer;
    {
      std::lock_guard<std::mutex> guard(daemon.mutex);
      answer = words.empty() ? "error: empty line" : execute(daemon, words);
    }
    answer += '\n';
    if (!send_all(fd, answer.data(), answer.size())) break;
  }
  close(fd);
}
