/* What depends on the architecture: arch_<name>.h (this header's functions) and arch_<name>.S (entries and the rescue stub). */
#ifndef CRIU_TS_ARCH_H
#define CRIU_TS_ARCH_H

#if defined(VM_HOST)
#include "arch_host.h"
#elif defined(__x86_64__)
#include "arch_x64.h"
#else
#error "criu-ts: no interpreter for this architecture yet: add arch_<name>.h and arch_<name>.S"
#endif

#endif
