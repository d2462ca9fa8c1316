#include "protocol.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace {

std::mutex answer_mutex;

// All or nothing matters no more once the engine is gone: SIGPIPE is ignored and so is EPIPE.
void write_line(const std::string &line) {
  std::lock_guard<std::mutex> guard(answer_mutex);
  size_t done = 0;
  while (done < line.size()) {
    ssize_t n = write(kAnswerFd, line.data() + done, line.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    done += static_cast<size_t>(n);
  }
}

}  // namespace

bool read_line(std::string *line) {
  static std::string pending;
  for (;;) {
    size_t end = pending.find('\n');
    if (end != std::string::npos) {
      *line = pending.substr(0, end);
      pending.erase(0, end + 1);
      return true;
    }
    if (pending.size() > kMaxLine) return false;
    char chunk[4096];
    ssize_t n = read(kRequestFd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    pending.append(chunk, static_cast<size_t>(n));
  }
}

bool parse_number(const std::string &text, long min, long max, long *value) {
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos) return false;
  *value = std::strtol(text.c_str(), nullptr, 10);
  return *value >= min && *value <= max;
}

bool parse_request(const std::string &line, Request *request) {
  std::vector<std::string> words;
  for (size_t at = 0; at <= line.size();) {
    size_t end = line.find(' ', at);
    if (end == std::string::npos) end = line.size();
    words.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  long id = 0;
  if (words.size() < 2 || !parse_number(words[0], 1, 1L << 50, &id)) return false;
  request->id = static_cast<unsigned long>(id);
  request->operation = words[1];
  request->arguments.assign(words.begin() + 2, words.end());
  return true;
}

std::string json_text(const std::string &text) {
  std::string out = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c >= 0x20) {
      out += static_cast<char>(c);
      continue;
    }
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\u%04x", c);
    out += escape;
  }
  return out + '"';
}

void answer(unsigned long id, int code, const std::string &value) {
  std::string line = "{\"id\":" + std::to_string(id) + ",\"code\":" + std::to_string(code);
  if (!value.empty()) line += ",\"value\":" + value;
  write_line(line + "}\n");
}

void answer_error(unsigned long id, const std::string &text) {
  write_line("{\"id\":" + std::to_string(id) + ",\"error\":" + json_text(text) + "}\n");
}
