// What a native part of a criu-ts plugin includes. C++17, header only, over node-addon-api.
//
//   #include <criu_ts_plugin.h>
//   static Napi::Value Describe(const Napi::CallbackInfo& info) { ... }
//   CRIU_TS_PLUGIN(exports) { exports.Set("describe", Napi::Function::New(exports.Env(), Describe)); }
//
// It is loaded into a helper process by host.loadNative(): a crash here is the error of one call. Functions get one argument of plain data and,
// when the caller sent descriptors, an array of them; those are closed when the call is over. A descriptor that is returned goes by its number, and
// stays open here until the plugin has taken it (NativeProcess.takeFd) or the process ends.
#pragma once

#include <napi.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

// What loader and native part agree on: the same number as PLUGIN_NATIVE_ABI of the SDK.
#define CRIU_TS_PLUGIN_ABI 1

namespace criu_ts {

// An open descriptor, closed with its holder.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

// The error of a system call that just failed: `call: text (errno)`. Pass what was called, with its arguments.
inline Napi::Error Failure(Napi::Env env, const std::string& call, int error = errno) {
  Napi::Error out = Napi::Error::New(env, call + ": " + std::strerror(error));
  out.Set("errno", Napi::Number::New(env, error));
  return out;
}

// Throws it into JavaScript. The value is what the function returns then.
inline Napi::Value Fail(Napi::Env env, const std::string& call, int error = errno) {
  Failure(env, call, error).ThrowAsJavaScriptException();
  return env.Undefined();
}

// The answer {fd}: the plugin takes the descriptor with takeFd(), so it is no longer closed here.
inline Napi::Object FdResult(Napi::Env env, Fd fd) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("fd", Napi::Number::New(env, fd.release()));
  return out;
}

// Descriptor number `index` of the call, or -1. It is the helper's, which closes it after the call: dup it to keep it.
inline int FdArgument(const Napi::CallbackInfo& info, uint32_t index = 0) {
  if (info.Length() < 2 || !info[1].IsArray()) return -1;
  const Napi::Array fds = info[1].As<Napi::Array>();
  if (index >= fds.Length()) return -1;
  const Napi::Value fd = fds.Get(index);
  return fd.IsNumber() ? fd.As<Napi::Number>().Int32Value() : -1;
}

}  // namespace criu_ts

// Begins the function that fills the exports. What the loader checks is set before it runs.
#define CRIU_TS_PLUGIN(exports)                                                      \
  static void criu_ts_fill(Napi::Object exports);                                    \
  static Napi::Object criu_ts_init(Napi::Env env, Napi::Object object) {             \
    object.Set("criuTsPluginAbi", Napi::Number::New(env, CRIU_TS_PLUGIN_ABI));       \
    criu_ts_fill(object);                                                            \
    return object;                                                                   \
  }                                                                                  \
  NODE_API_MODULE(NODE_GYP_MODULE_NAME, criu_ts_init)                                \
  static void criu_ts_fill([[maybe_unused]] Napi::Object exports)
