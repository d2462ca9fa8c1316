#include "cpu.h"

#include <cpuid.h>

#include "memory.h"

Napi::Value Cpuid(const Napi::CallbackInfo& info) {
  int64_t leaf = 0, subleaf = 0;
  if (!ReadInteger(info, 0, "leaf", 0, UINT32_MAX, &leaf) || !ReadInteger(info, 1, "subleaf", 0, UINT32_MAX, &subleaf))
    return info.Env().Undefined();
  uint32_t r[4];
  __cpuid_count(static_cast<uint32_t>(leaf), static_cast<uint32_t>(subleaf), r[0], r[1], r[2], r[3]);
  Napi::Array out = Napi::Array::New(info.Env(), 4);
  for (uint32_t i = 0; i < 4; i++) out.Set(i, Napi::Number::New(info.Env(), r[i]));
  return out;
}
