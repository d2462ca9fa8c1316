// Driver functions by dlopen; names as cuda.h maps them to their newest ABI.
#pragma once
#define _GNU_SOURCE
#include <cuda.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#define STR2(x) #x
#define STR(x) STR2(x)
#define FN(f) ((__typeof__(&f))sym(STR(f)))

static void *lib;

static void *open_lib(void) {
  const char *p = getenv("LIBCUDA");
  lib = dlopen(p && *p ? p : "libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!lib) {
    fprintf(stderr, "dlopen: %s\n", dlerror());
    exit(90);
  }
  return lib;
}

static void *sym(const char *n) {
  void *s = dlsym(lib, n);
  if (!s) {
    fprintf(stderr, "no symbol %s\n", n);
    exit(91);
  }
  return s;
}

static const char *ename(int r) {
  const char *s = NULL;
  CUresult (*f)(CUresult, const char **) = dlsym(lib, "cuGetErrorName");
  if (f) f((CUresult)r, &s);
  return s ? s : "?";
}
