// What JavaScript has no function for: the state of an open descriptor, asked from the kernel.
#include <criu_ts_plugin.h>
#include <fcntl.h>

// describe(null, [fd]): {blocking}
static Napi::Value Describe(const Napi::CallbackInfo& info) {
  const int flags = fcntl(criu_ts::FdArgument(info), F_GETFL);
  if (flags < 0) return criu_ts::Fail(info.Env(), "fcntl(F_GETFL)");
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("blocking", Napi::Boolean::New(info.Env(), (flags & O_NONBLOCK) == 0));
  return out;
}

CRIU_TS_PLUGIN(exports) { exports.Set("describe", Napi::Function::New(exports.Env(), Describe)); }
