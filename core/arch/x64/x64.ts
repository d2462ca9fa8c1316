/** x86-64. */
import type { Arch } from '../arch.js';
import { findSyscall, jumpTo } from './code.js';
import { images, SHADOW_STACK } from './images.js';
import { EPOLL_EVENT, OPEN_FLAGS, SEMID_DS } from './layouts.js';
import { emitBreakpoint, MAP_VDSO } from './probes.js';
import { PROTECTION_KEYS } from './protection-keys.js';
import { callAt, daemonAt, isNative, movedTo, parkedAt, programCounter, REGISTERS_SIZE, resultOf } from './registers.js';
import { resumed } from './restart.js';
import { fillStub } from './stub.js';
import { NUMBERS } from './syscalls.js';
import { XSTATE } from './xsave.js';

export const x64: Arch = {
  name: 'x64',
  syscalls: NUMBERS,
  registersSize: REGISTERS_SIZE,
  // orig_rax is one of the general registers.
  noCall: null,
  extended: [XSTATE],
  isNative,
  programCounter,
  movedTo,
  parkedAt,
  callAt,
  resultOf,
  daemonAt,
  resumed,
  fillStub,
  findSyscall,
  jumpTo,
  images,
  epollEvent: EPOLL_EVENT,
  semidDs: SEMID_DS,
  openFlags: OPEN_FLAGS,
  protectionKeys: PROTECTION_KEYS,
  shadowStack: SHADOW_STACK,
  mapVdso: MAP_VDSO,
  emitBreakpoint,
};
