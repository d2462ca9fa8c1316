/** Options of sockets (socket(7)), as sk_opts_entry has them. Those of protocols are not here. */
import { CrError, type ErrorSubject } from '../../errors.js';
import type { SkOptsEntry } from '../../images/generated/common.js';
import type { LocalCalls } from '../../kernel/local.js';

const SOL_SOCKET = 1;
/** asm-generic/socket.h. */
const SO = {
  reuseaddr: 2,
  dontroute: 5,
  broadcast: 6,
  sndbuf: 7,
  rcvbuf: 8,
  keepalive: 9,
  oobinline: 10,
  noCheck: 11,
  priority: 12,
  linger: 13,
  reuseport: 15,
  passcred: 16,
  rcvlowat: 18,
  rcvtimeo: 20,
  sndtimeo: 21,
  getFilter: 26,
  sndbufforce: 32,
  rcvbufforce: 33,
  passsec: 34,
  mark: 36,
  bufLock: 72,
} as const;

/** Without security modules, on sockets of another family, or on older kernels: the option is not there, so it has no value to keep. */
const ABSENT = new Set([-22 /* EINVAL */, -92 /* ENOPROTOOPT */, -95 /* EOPNOTSUPP */]);
/** What the kernel gives to new sockets stays as it is unless this says otherwise. */
const SWITCHES = [
  ['reuseaddr', SO.reuseaddr],
  ['so_passcred', SO.passcred],
  ['so_passsec', SO.passsec],
  ['so_dontroute', SO.dontroute],
  ['so_no_check', SO.noCheck],
  ['so_broadcast', SO.broadcast],
  ['so_keepalive', SO.keepalive],
] as const;

/** A value and its length, in the scratch memory of the calls. */
class Words {
  private readonly length: number;

  constructor(private readonly calls: LocalCalls) {
    this.length = calls.scratch.at(64);
  }

  private get view(): DataView {
    const { arena, offset } = this.calls.scratch;
    return new DataView(arena.bytes.buffer, arena.bytes.byteOffset + offset, 68);
  }

  /** As many bytes as it has. Undefined when there is no such option. @throws CrError CR_KERNEL */
  get(fd: number, name: number, size: number): DataView | undefined {
    const { calls, view } = this;
    view.setUint32(64, size, true);
    const result = calls.call('getsockopt', fd, SOL_SOCKET, name, calls.scratch, this.length);
    if (ABSENT.has(result)) return undefined;
    if (result < 0) calls.must({ why: `read option ${name} of a socket` }, 'getsockopt', fd, SOL_SOCKET, name, calls.scratch, this.length);
    return view;
  }

  set(fd: number, name: number, values: readonly number[], size = 4): void {
    const { calls, view } = this;
    values.forEach((value, i) => (size === 8 ? view.setBigUint64(8 * i, BigInt(value), true) : view.setUint32(4 * i, value, true)));
    calls.must({ why: `set option ${name} of a socket` }, 'setsockopt', fd, SOL_SOCKET, name, calls.scratch, size * values.length);
  }
}

/** An entry that says nothing. */
export const NO_OPTIONS: SkOptsEntry = {
  so_sndbuf: 0,
  so_rcvbuf: 0,
  so_snd_tmo_sec: 0n,
  so_snd_tmo_usec: 0n,
  so_rcv_tmo_sec: 0n,
  so_rcv_tmo_usec: 0n,
  so_filter: [],
};

/** @param subject for messages: process and descriptor of the target. @throws CrError CR_UNSUPPORTED for a socket with a filter, CR_KERNEL */
export function readSocketOptions(calls: LocalCalls, fd: number, subject: ErrorSubject): SkOptsEntry {
  const words = new Words(calls);
  const number = (name: number) => words.get(fd, name, 4)?.getUint32(0, true);
  const time = (name: number): [bigint, bigint] => {
    const view = words.get(fd, name, 16)!;
    return [view.getBigUint64(0, true), view.getBigUint64(8, true)];
  };
  // With length 0 the kernel answers the number of instructions (sk_get_filter()).
  if ((words.get(fd, SO.getFilter, 0)?.getUint32(64, true) ?? 0) > 0)
    throw new CrError('CR_UNSUPPORTED', {
      message: 'is a socket with a filter (SO_ATTACH_FILTER), which is not built yet',
      subject,
      target: 'running',
    });
  const [so_snd_tmo_sec, so_snd_tmo_usec] = time(SO.sndtimeo);
  const [so_rcv_tmo_sec, so_rcv_tmo_usec] = time(SO.rcvtimeo);
  const switches = SWITCHES.flatMap(([key, name]) => {
    const value = number(name);
    return value === undefined ? [] : [[key, value !== 0] as const];
  });
  const linger = words.get(fd, SO.linger, 8);
  const lingers = linger !== undefined && linger.getUint32(0, true) !== 0 ? { so_linger: linger.getUint32(4, true) } : {};
  const mark = number(SO.mark) ?? 0;
  return {
    ...Object.fromEntries(switches),
    ...lingers,
    ...(mark === 0 ? {} : { so_mark: mark }),
    so_sndbuf: number(SO.sndbuf)!,
    so_rcvbuf: number(SO.rcvbuf)!,
    so_snd_tmo_sec,
    so_snd_tmo_usec,
    so_rcv_tmo_sec,
    so_rcv_tmo_usec,
    // Of sockets of the internet only.
    so_reuseport: (number(SO.reuseport) ?? 0) !== 0,
    so_priority: number(SO.priority),
    so_rcvlowat: number(SO.rcvlowat),
    so_oobinline: number(SO.oobinline),
    so_buf_lock: number(SO.bufLock),
    so_filter: [],
  };
}

/** @throws CrError CR_IMAGE_FEATURE for a filter, CR_KERNEL, CR_NO_PERMISSION */
export function setSocketOptions(calls: LocalCalls, fd: number, opts: SkOptsEntry): void {
  if (opts.so_filter.length > 0) throw new CrError('CR_IMAGE_FEATURE', { message: 'a socket has a filter, which is not built yet' });
  const words = new Words(calls);
  // The kernel doubles what it is given (sock_setsockopt()).
  words.set(fd, SO.sndbufforce, [opts.so_sndbuf >>> 1]);
  words.set(fd, SO.rcvbufforce, [opts.so_rcvbuf >>> 1]);
  // After the sizes, because setting those locks them.
  for (const [value, name] of [
    [opts.so_buf_lock, SO.bufLock],
    [opts.so_priority, SO.priority],
    [opts.so_rcvlowat, SO.rcvlowat],
    [opts.so_mark, SO.mark],
    [opts.so_oobinline, SO.oobinline],
  ] as const)
    if (value !== undefined) words.set(fd, name, [value]);
  for (const [key, name] of SWITCHES) if (opts[key] === true) words.set(fd, name, [1]);
  if (opts.so_linger !== undefined) words.set(fd, SO.linger, [1, opts.so_linger]);
  words.set(fd, SO.sndtimeo, [Number(opts.so_snd_tmo_sec), Number(opts.so_snd_tmo_usec)], 8);
  words.set(fd, SO.rcvtimeo, [Number(opts.so_rcv_tmo_sec), Number(opts.so_rcv_tmo_usec)], 8);
}
