#include "memory.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <sys/mman.h>

extern "C" {
#include "vm.h"
}

namespace {

// More than any arena needs and far below the address space: a size that is a mistake fails here by name.
constexpr int64_t kMaxMapping = int64_t{1} << 40;
constexpr int64_t kMaxOffset = int64_t{1} << 53;

Napi::Value Mapped(Napi::Env env, void* at, size_t size, const char* call) {
  if (at == MAP_FAILED) {
    int err = errno;
    Napi::Error error = Napi::Error::New(env, std::string(call) + " of " + std::to_string(size) + " bytes: " + std::strerror(err));
    error.Set("errno", Napi::Number::New(env, err));
    error.ThrowAsJavaScriptException();
    return env.Undefined();
  }
  env.GetInstanceData<Memory>()->Add(std::make_shared<Region>(at, size));
  Napi::Object out = Napi::Object::New(env);
  // No finalizer: the mapping outlives the buffer, unmap() detaches it first.
  out.Set("buffer", Napi::ArrayBuffer::New(env, at, size, [](Napi::Env, void*) {}));
  out.Set("addr", Napi::BigInt::New(env, static_cast<uint64_t>(reinterpret_cast<uintptr_t>(at))));
  return out;
}

bool EndsInside(const ProgramAt& program) {
  // SAFETY: the range lies in a mapping that `region` keeps; cells are plain data.
  const vm_cell* cell = reinterpret_cast<const vm_cell*>(program.address);
  uint64_t room = (program.region->end() - program.address) / CELL_SIZE;
  for (uint64_t i = 0; i < room; i++)
    if (cell[i].op == OP_END) return true;
  return false;
}

}  // namespace

// SAFETY: `at_` and `size_` are what mmap gave, and nobody else unmaps them.
Region::~Region() { munmap(at_, size_); }

std::shared_ptr<Region> Memory::Find(uint64_t addr) const {
  auto next = regions_.upper_bound(addr);
  if (next == regions_.begin()) return nullptr;
  const std::shared_ptr<Region>& region = std::prev(next)->second;
  return addr < region->end() ? region : nullptr;
}

bool ReadInteger(const Napi::CallbackInfo& info, size_t index, const char* name, int64_t low, int64_t high, int64_t* out) {
  Napi::Value value = info[index];
  double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0;
  // Compared as doubles first: the conversion of a NaN or of a larger number would be undefined.
  if (!value.IsNumber() || !(number >= static_cast<double>(low) && number <= static_cast<double>(high)) ||
      number != static_cast<double>(static_cast<int64_t>(number))) {
    std::string text = std::string(name) + " must be an integer from " + std::to_string(low) + " to " + std::to_string(high);
    Napi::TypeError::New(info.Env(), text).ThrowAsJavaScriptException();
    return false;
  }
  *out = static_cast<int64_t>(number);
  return true;
}

bool ReadAddress(Napi::Env env, const Napi::Value& value, const char* name, uint64_t* out) {
  bool lossless = false;
  if (value.IsBigInt()) *out = value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) Napi::TypeError::New(env, std::string(name) + " must be an address: a bigint from 0 to 2^64-1").ThrowAsJavaScriptException();
  return lossless;
}

bool ReadProgram(const Napi::CallbackInfo& info, ProgramAt* out) {
  Napi::Env env = info.Env();
  if (!ReadAddress(env, info[0], "program", &out->address)) return false;
  out->region = env.GetInstanceData<Memory>()->Find(out->address);
  const char* problem = nullptr;
  if (!out->region)
    problem = "program does not lie in memory that mapAnon or mapFd gave";
  else if (out->address % alignof(vm_cell) != 0)
    problem = "program is not aligned to 8 bytes";
  else if (!EndsInside(*out))
    problem = "program has no end cell before the end of its mapping";
  if (problem) Napi::RangeError::New(env, problem).ThrowAsJavaScriptException();
  return problem == nullptr;
}

Napi::Value MapAnon(const Napi::CallbackInfo& info) {
  int64_t size = 0;
  if (!ReadInteger(info, 0, "size", 1, kMaxMapping, &size)) return info.Env().Undefined();
  size_t length = static_cast<size_t>(size);
  return Mapped(info.Env(), mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), length, "mmap");
}

Napi::Value MapFd(const Napi::CallbackInfo& info) {
  int64_t fd = 0, size = 0, offset = 0;
  if (!ReadInteger(info, 0, "fd", 0, INT32_MAX, &fd) || !ReadInteger(info, 1, "size", 1, kMaxMapping, &size) ||
      !ReadInteger(info, 2, "offset", 0, kMaxOffset, &offset))
    return info.Env().Undefined();
  size_t length = static_cast<size_t>(size);
  void* at = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, static_cast<int>(fd), static_cast<off_t>(offset));
  return Mapped(info.Env(), at, length, "mmap of a file");
}

Napi::Value Unmap(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Value undefined = env.Undefined();
  if (!info[0].IsObject()) {
    Napi::TypeError::New(env, "mapping must be what mapAnon or mapFd gave").ThrowAsJavaScriptException();
    return undefined;
  }
  Napi::Object mapping = info[0].As<Napi::Object>();
  Napi::Value buffer = mapping.Get("buffer");
  Napi::Value addr = env.IsExceptionPending() ? undefined : mapping.Get("addr");
  uint64_t start = 0;
  if (env.IsExceptionPending() || !ReadAddress(env, addr, "mapping.addr", &start)) return undefined;
  std::shared_ptr<Region> region = env.GetInstanceData<Memory>()->Find(start);
  if (!buffer.IsArrayBuffer()) {
    Napi::TypeError::New(env, "mapping.buffer must be an ArrayBuffer").ThrowAsJavaScriptException();
    return undefined;
  }
  Napi::ArrayBuffer bytes = buffer.As<Napi::ArrayBuffer>();
  // Unmapped before: the second time is harmless.
  if (bytes.ByteLength() == 0) return undefined;
  if (!region || region->start() != start || bytes.Data() != region->at() || bytes.ByteLength() != region->size()) {
    Napi::TypeError::New(env, "mapping is not one of this addon").ThrowAsJavaScriptException();
    return undefined;
  }
  // Detached first: late access from JavaScript throws instead of touching unmapped memory.
  bytes.Detach();
  env.GetInstanceData<Memory>()->Remove(start);
  return undefined;
}
