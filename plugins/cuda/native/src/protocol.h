// How the engine and this helper talk: a line per request on descriptor 0 (`ID OPERATION ARGUMENT ...`, separated by single spaces), a line of JSON per answer on
// descriptor 3 (`{"id":ID,"code":CURESULT,"value":...}` or `{"id":ID,"error":"..."}`), in whatever order the calls end. Kept in step with
// plugins/cuda/src/helper-process.ts.
#pragma once

#include <string>
#include <vector>

constexpr int kRequestFd = 0;
constexpr int kAnswerFd = 3;
// A request with a pair for each of 256 devices fits.
constexpr size_t kMaxLine = 64 * 1024;

struct Request {
  unsigned long id = 0;
  std::string operation;
  std::vector<std::string> arguments;
};

// Reads the next line; false at the end of the stream, and for a line that is too long.
bool read_line(std::string *line);

// False for a line that is none of the above.
bool parse_request(const std::string &line, Request *request);

// A whole number from `min` to `max`, decimal digits only.
bool parse_number(const std::string &text, long min, long max, long *value);

std::string json_text(const std::string &text);

// `value` is JSON, or empty for none. Callable from every thread.
void answer(unsigned long id, int code, const std::string &value);
void answer_error(unsigned long id, const std::string &text);
