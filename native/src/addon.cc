// The export table of the addon. core/kernel/native.ts declares and documents each function and is the only caller; it validates all arguments.
#include <napi.h>

#include <cerrno>
#include <cstring>
#include <sys/mman.h>

#include "cpu_x64.h"
#include "embedded.h"
#include "job_thread.h"
#include "watchdog.h"

extern "C" {
#include "vm.h"
}

namespace {

uint64_t AsAddress(const Napi::Value& v) {
  bool lossless = false;
  return v.As<Napi::BigInt>().Uint64Value(&lossless);
}

Napi::Value Failed(Napi::Env env, const char* call) {
  Napi::Error error = Napi::Error::New(env, std::string(call) + ": " + std::strerror(errno));
  error.Set("errno", Napi::Number::New(env, errno));
  error.ThrowAsJavaScriptException();
  return env.Undefined();
}

// {buffer, addr} over a mapping. The mapping outlives the buffer: unmap() detaches first.
Napi::Value MappingObject(Napi::Env env, void* at, size_t size) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("buffer", Napi::ArrayBuffer::New(env, at, size, [](Napi::Env, void*) {}));
  out.Set("addr", Napi::BigInt::New(env, static_cast<uint64_t>(reinterpret_cast<uintptr_t>(at))));
  return out;
}

Napi::Value MapAnon(const Napi::CallbackInfo& info) {
  size_t size = static_cast<size_t>(info[0].As<Napi::Number>().Int64Value());
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return Failed(info.Env(), "mmap");
  return MappingObject(info.Env(), at, size);
}

Napi::Value MapFd(const Napi::CallbackInfo& info) {
  int fd = info[0].As<Napi::Number>().Int32Value();
  size_t size = static_cast<size_t>(info[1].As<Napi::Number>().Int64Value());
  off_t offset = static_cast<off_t>(info[2].As<Napi::Number>().Int64Value());
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
  if (at == MAP_FAILED) return Failed(info.Env(), "mmap");
  return MappingObject(info.Env(), at, size);
}

Napi::Value Unmap(const Napi::CallbackInfo& info) {
  Napi::Object mapping = info[0].As<Napi::Object>();
  Napi::ArrayBuffer buffer = mapping.Get("buffer").As<Napi::ArrayBuffer>();
  uint64_t addr = AsAddress(mapping.Get("addr"));
  size_t size = buffer.ByteLength();
  // Detached first: late access from JavaScript throws instead of touching unmapped memory.
  if (size > 0) {
    buffer.Detach();
    munmap(reinterpret_cast<void*>(static_cast<uintptr_t>(addr)), size);
  }
  return info.Env().Undefined();
}

Napi::Value RunHere(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(vm_run(reinterpret_cast<vm_cell*>(AsAddress(info[0])))));
}

class KernelThread : public Napi::ObjectWrap<KernelThread> {
 public:
  explicit KernelThread(const Napi::CallbackInfo& info) : Napi::ObjectWrap<KernelThread>(info), thread_(JobThread::Start()) {
    if (!thread_) Napi::Error::New(info.Env(), "pthread_create failed").ThrowAsJavaScriptException();
  }
  ~KernelThread() override {
    if (thread_) thread_->Close();
  }

  static Napi::Function Init(Napi::Env env) {
    return DefineClass(env, "KernelThread",
                       {InstanceMethod<&KernelThread::Run>("run"), InstanceMethod<&KernelThread::RunSync>("runSync"),
                        InstanceMethod<&KernelThread::Interrupt>("interrupt"), InstanceMethod<&KernelThread::Abandon>("abandon"),
                        InstanceMethod<&KernelThread::Close>("close"), InstanceMethod<&KernelThread::Arm>("arm"),
                        InstanceMethod<&KernelThread::Disarm>("disarm"), InstanceAccessor<&KernelThread::Tid>("tid"),
                        InstanceAccessor<&KernelThread::Dead>("dead")});
  }

 private:
  Napi::Value Run(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    auto deferred = std::make_shared<Napi::Promise::Deferred>(Napi::Promise::Deferred::New(env));
    auto done = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "criu-ts job", 0, 1);
    auto job = std::make_shared<Job>();
    job->program = AsAddress(info[0]);
    job->on_done = [done, deferred](int64_t result) mutable {
      done.NonBlockingCall([deferred, result](Napi::Env e, Napi::Function) { deferred->Resolve(Napi::Number::New(e, static_cast<double>(result))); });
      done.Release();
    };
    thread_->Submit(job);
    return deferred->Promise();
  }
  Napi::Value RunSync(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(thread_->RunSync(AsAddress(info[0]))));
  }
  void Interrupt(const Napi::CallbackInfo&) { thread_->Interrupt(); }
  void Abandon(const Napi::CallbackInfo&) { thread_->Abandon(); }
  void Close(const Napi::CallbackInfo&) { thread_->Close(); }
  void Arm(const Napi::CallbackInfo& info) { watchdog_ = std::make_unique<Watchdog>(thread_, info[0].As<Napi::Number>().Int64Value()); }
  // True when the deadline had passed (the thread is then abandoned and every target thawed).
  Napi::Value Disarm(const Napi::CallbackInfo& info) {
    bool expired = watchdog_ && watchdog_->Disarm();
    watchdog_.reset();
    return Napi::Boolean::New(info.Env(), expired);
  }
  Napi::Value Tid(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), thread_->tid()); }
  Napi::Value Dead(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), thread_->dead()); }

  std::shared_ptr<JobThread> thread_;
  std::unique_ptr<Watchdog> watchdog_;
};

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("abi", Napi::Number::New(env, 2));
  Napi::Object blob = Napi::Object::New(env);
  blob.Set("code", Napi::Buffer<unsigned char>::Copy(env, kBlob, sizeof kBlob));
  blob.Set("seed", Napi::Buffer<unsigned char>::Copy(env, kSeed, sizeof kSeed));
  const struct {
    const char* name;
    unsigned offset;
  } entries[] = {{"entry", k_vm_entry},          {"stubBegin", k_stub_begin},   {"stubSyscall", k_stub_syscall}, {"stubUnmap", k_stub_unmap},
                 {"stubRescue", k_stub_rescue}, {"stubData", k_stub_data},     {"stubEnd", k_stub_end}};
  for (const auto& e : entries) blob.Set(e.name, Napi::Number::New(env, e.offset));
  exports.Set("blob", blob);
  exports.Set("mapAnon", Napi::Function::New(env, MapAnon));
  exports.Set("mapFd", Napi::Function::New(env, MapFd));
  exports.Set("unmap", Napi::Function::New(env, Unmap));
  exports.Set("cpuid", Napi::Function::New(env, Cpuid));
  exports.Set("runHere", Napi::Function::New(env, RunHere));
  exports.Set("KernelThread", KernelThread::Init(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(criu_ts, Init)
