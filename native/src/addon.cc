// The export table of the addon. core/kernel/native.ts declares and documents each function and is the only caller.
#include <napi.h>
#include <unistd.h>

#include "cpu.h"
#include "embedded.h"
#include "kernel_thread.h"
#include "memory.h"

extern "C" {
#include "vm.h"
}

namespace {

constexpr int kAbi = 3;

Napi::Value RunHere(const Napi::CallbackInfo& info) {
  ProgramAt program;
  if (!ReadProgram(info, &program)) return info.Env().Undefined();
  // SAFETY: ReadProgram found the address in one of our mappings, which `program` keeps.
  return Napi::Number::New(info.Env(), static_cast<double>(vm_run(reinterpret_cast<vm_cell*>(program.address))));
}

// No destructors: taking down V8 and this addon's threads in order would take longer than the rest of the way out.
Napi::Value ExitNow(const Napi::CallbackInfo& info) {
  int64_t status = 0;
  if (ReadInteger(info, 0, "status", 0, 255, &status)) _exit(static_cast<int>(status));
  return info.Env().Undefined();
}

Napi::Object BlobObject(Napi::Env env) {
  Napi::Object blob = Napi::Object::New(env);
  blob.Set("code", Napi::Buffer<unsigned char>::Copy(env, kBlob, sizeof kBlob));
  blob.Set("seed", Napi::Buffer<unsigned char>::Copy(env, kSeed, sizeof kSeed));
  const struct {
    const char* name;
    unsigned offset;
  } entries[] = {{"entry", k_vm_entry},          {"stubBegin", k_stub_begin},   {"stubSyscall", k_stub_syscall}, {"stubUnmap", k_stub_unmap},
                 {"stubRescue", k_stub_rescue}, {"stubData", k_stub_data},     {"stubEnd", k_stub_end}};
  for (const auto& e : entries) blob.Set(e.name, Napi::Number::New(env, e.offset));
  return blob;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Memory());
  exports.Set("abi", Napi::Number::New(env, kAbi));
  exports.Set("blob", BlobObject(env));
  exports.Set("mapAnon", Napi::Function::New(env, MapAnon));
  exports.Set("mapFd", Napi::Function::New(env, MapFd));
  exports.Set("unmap", Napi::Function::New(env, Unmap));
  exports.Set("cpuid", Napi::Function::New(env, Cpuid));
  exports.Set("runHere", Napi::Function::New(env, RunHere));
  exports.Set("exitNow", Napi::Function::New(env, ExitNow));
  exports.Set("KernelThread", KernelThreadClass(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(criu_ts, Init)
