// Memory that the addon mapped for JavaScript, and the arguments that name it. A program address from JavaScript is used only when it lies in such
// memory: a wrong number is a TypeError or RangeError there, never a crash here.
#pragma once
#include <napi.h>

#include <map>
#include <memory>

// One mapping. It is unmapped when the last holder lets go: JavaScript may give memory back while a program in it still runs.
class Region {
 public:
  Region(void* at, size_t size) : at_(at), size_(size) {}
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  uint64_t start() const { return reinterpret_cast<uintptr_t>(at_); }
  uint64_t end() const { return start() + size_; }
  void* at() const { return at_; }
  size_t size() const { return size_; }

 private:
  void* at_;
  size_t size_;
};

// The mappings of one Node environment (a worker has its own): instance data of the addon, used only by that environment's JavaScript thread.
class Memory {
 public:
  void Add(std::shared_ptr<Region> region) { regions_[region->start()] = std::move(region); }
  void Remove(uint64_t start) { regions_.erase(start); }
  // The mapping that holds `addr`, or null.
  std::shared_ptr<Region> Find(uint64_t addr) const;

 private:
  std::map<uint64_t, std::shared_ptr<Region>> regions_;
};

// Argument readers: false means that a TypeError or RangeError is pending and the caller must return.
bool ReadInteger(const Napi::CallbackInfo& info, size_t index, const char* name, int64_t low, int64_t high, int64_t* out);
bool ReadAddress(Napi::Env env, const Napi::Value& value, const char* name, uint64_t* out);

// A program to run: its first cell and the memory that it lives in.
struct ProgramAt {
  uint64_t address = 0;
  std::shared_ptr<Region> region;
};
// Argument 0: the address of a program in mapped memory, aligned, with an `end` cell before the end of the mapping.
bool ReadProgram(const Napi::CallbackInfo& info, ProgramAt* out);

Napi::Value MapAnon(const Napi::CallbackInfo& info);
Napi::Value MapFd(const Napi::CallbackInfo& info);
Napi::Value Unmap(const Napi::CallbackInfo& info);
