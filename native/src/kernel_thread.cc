#include "kernel_thread.h"

#include <cstring>
#include <string>

#include "job_thread.h"
#include "memory.h"
#include "watchdog.h"

namespace {

// Longer deadlines are mistakes: a day in milliseconds.
constexpr int64_t kMaxDeadline = 86'400'000;

class KernelThread : public Napi::ObjectWrap<KernelThread> {
 public:
  explicit KernelThread(const Napi::CallbackInfo& info) : Napi::ObjectWrap<KernelThread>(info) {
    int err = JobThread::Start(&thread_);
    if (err != 0) Napi::Error::New(info.Env(), std::string("pthread_create: ") + std::strerror(err)).ThrowAsJavaScriptException();
  }
  ~KernelThread() override {
    if (thread_) thread_->Close();
  }

  Napi::Value Run(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    ProgramAt program;
    if (!ReadProgram(info, &program)) return env.Undefined();
    auto deferred = std::make_shared<Napi::Promise::Deferred>(Napi::Promise::Deferred::New(env));
    auto done = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "criu-ts job", 0, 1);
    auto job = std::make_shared<Job>(program.address, program.region);
    job->on_done = [done, deferred](int64_t result) mutable {
      done.NonBlockingCall([deferred, result](Napi::Env e, Napi::Function) { deferred->Resolve(Napi::Number::New(e, static_cast<double>(result))); });
      done.Release();
    };
    thread_->Submit(job);
    return deferred->Promise();
  }
  Napi::Value RunSync(const Napi::CallbackInfo& info) {
    ProgramAt program;
    if (!ReadProgram(info, &program)) return info.Env().Undefined();
    return Napi::Number::New(info.Env(), static_cast<double>(thread_->RunSync(program.address, program.region)));
  }
  void Interrupt(const Napi::CallbackInfo&) { thread_->Interrupt(); }
  void Abandon(const Napi::CallbackInfo&) { thread_->Abandon(); }
  void Close(const Napi::CallbackInfo&) { thread_->Close(); }
  void Arm(const Napi::CallbackInfo& info) {
    int64_t ms = 0;
    if (!ReadInteger(info, 0, "ms", 1, kMaxDeadline, &ms)) return;
    watchdog_.reset();
    std::string last_words = info.Length() > 1 && info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : std::string();
    int err = Watchdog::Start(thread_, ms, std::move(last_words), &watchdog_);
    armed_ = err == 0;
    if (err != 0) Napi::Error::New(info.Env(), std::string("pthread_create: ") + std::strerror(err)).ThrowAsJavaScriptException();
  }
  Napi::Value Disarm(const Napi::CallbackInfo& info) {
    bool expired = armed_ && watchdog_->Disarm();
    armed_ = false;
    return Napi::Boolean::New(info.Env(), expired);
  }
  Napi::Value Tid(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), thread_->tid()); }
  Napi::Value Dead(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), thread_->dead()); }

 private:
  std::shared_ptr<JobThread> thread_;
  // Kept after it was disarmed: joining its thread takes longer than all that a small target is frozen for.
  std::unique_ptr<Watchdog> watchdog_;
  bool armed_ = false;
};

}  // namespace

Napi::Function KernelThreadClass(Napi::Env env) {
  using K = KernelThread;
  return K::DefineClass(env, "KernelThread",
                        {K::InstanceMethod<&K::Run>("run"), K::InstanceMethod<&K::RunSync>("runSync"),
                         K::InstanceMethod<&K::Interrupt>("interrupt"), K::InstanceMethod<&K::Abandon>("abandon"),
                         K::InstanceMethod<&K::Close>("close"), K::InstanceMethod<&K::Arm>("arm"), K::InstanceMethod<&K::Disarm>("disarm"),
                         K::InstanceAccessor<&K::Tid>("tid"), K::InstanceAccessor<&K::Dead>("dead")});
}
