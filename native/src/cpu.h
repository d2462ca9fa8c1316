// What only an instruction can tell: CPUID.
#pragma once
#include <napi.h>

// cpuid(leaf, subleaf) -> [eax, ebx, ecx, edx].
Napi::Value Cpuid(const Napi::CallbackInfo& info);
