#include "cpu_x64.h"

#include <cpuid.h>

Napi::Value Cpuid(const Napi::CallbackInfo& info) {
  uint32_t r[4];
  __cpuid_count(info[0].As<Napi::Number>().Uint32Value(), info[1].As<Napi::Number>().Uint32Value(), r[0], r[1], r[2], r[3]);
  Napi::Array out = Napi::Array::New(info.Env(), 4);
  for (uint32_t i = 0; i < 4; i++) out.Set(i, Napi::Number::New(info.Env(), r[i]));
  return out;
}
