// libcuda.so.1, loaded at run time by the mock's programs.
#ifndef MOCK_DRIVER_H
#define MOCK_DRIVER_H

#include <dlfcn.h>

#include "abi.h"

class Driver {
 public:
  // Null library: not there; dlerror() says why.
  Driver() : library_(dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL)) {}
  bool loaded() const { return library_ != nullptr; }
  void *symbol(const char *name) const { return library_ == nullptr ? nullptr : dlsym(library_, name); }

  // A function of the checkpoint API; also of a driver that does not export it.
  template <typename... Arguments>
  CUresult call(const char *name, Arguments... arguments) const {
    auto find = reinterpret_cast<void *(*)(const char *)>(symbol("fakePrivateFunction"));
    void *function = find == nullptr ? nullptr : find(name);
    if (function == nullptr) return kNotSupported;
    return reinterpret_cast<CUresult (*)(Arguments...)>(function)(arguments...);
  }

  const char *text(CUresult code) const {
    const char *text = nullptr;
    call("cuGetErrorString", code, &text);
    return text == nullptr ? "unrecognized error code" : text;
  }

 private:
  void *library_;
};

#endif
