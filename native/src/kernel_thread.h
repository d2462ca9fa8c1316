// The JavaScript class KernelThread over a JobThread (core/kernel/native.ts, NativeThread).
#pragma once
#include <napi.h>

Napi::Function KernelThreadClass(Napi::Env env);
