/** timerfd_create(2): clock, remaining time, interval, expirations nobody has read. */
import { CrError } from '../../errors.js';
import { FD_TYPES } from '../../images/generated/fdinfo.js';
import type { TimerfdEntry } from '../../images/generated/events.js';
import { readFdInfo } from '../../kernel/procfs/fdinfo.js';
import type { LocalCalls } from '../../kernel/local.js';
import { O } from './open-flags.js';
import type { FileKind } from './kind.js';

/** _IOW('T', 0, u64), since Linux 3.17 with CONFIG_CHECKPOINT_RESTORE. */
const TFD_IOC_SET_TICKS = 0x40085400;
const TFD_TIMER_ABSTIME = 1;
const TFD_TIMER_CANCEL_ON_SET = 2;
const NSEC = 1_000_000_000n;
/** The kernel's KTIME_SEC_MAX: larger values are cut. */
const SECONDS_MAX = 9_223_372_036n;
/** CLOCK_REALTIME, MONOTONIC, BOOTTIME and the two alarm clocks. */
const CLOCKS: readonly number[] = [0, 1, 7, 8, 9];
/** The alarm clocks count as REALTIME and BOOTTIME do, but can only be read where a clock can wake the machine (timerfd_create(2)). */
const READ_AS: Readonly<Record<number, number>> = { 8: 0, 9: 7 };

function nanoseconds(sec: bigint, nsec: bigint, what: string): bigint {
  if (sec > SECONDS_MAX || nsec >= NSEC)
    throw new CrError('CR_IMAGE_BAD', { message: `${what} has an impossible time`, subject: { path: 'files.img' }, target: 'not started' });
  return sec * NSEC + nsec;
}

/** Time until the next expiration, as a time that timerfd_settime takes: for TFD_TIMER_ABSTIME a point on the timer's clock as it is now. */
function firstExpiration(calls: LocalCalls, entry: TimerfdEntry): bigint {
  const left = nanoseconds(entry.vsec, entry.vnsec, 'a timerfd');
  const interval = nanoseconds(entry.isec, entry.insec, 'a timerfd');
  // Zero with expirations and an interval is a periodic timer that waits for the read, not a disarmed one.
  const wanted = left === 0n && entry.ticks > 0n ? interval : left;
  if (wanted === 0n || (entry.settime_flags & TFD_TIMER_ABSTIME) === 0) return wanted;
  const clock = READ_AS[entry.clockid] ?? entry.clockid;
  calls.must({ why: `read clock ${clock}` }, 'clock_gettime', clock, calls.scratch);
  return calls.scratch.u64(0) * NSEC + calls.scratch.u64(8) + wanted;
}

export const timerfd: FileKind = {
  name: 'timerfd',
  type: FD_TYPES.TIMERFD,
  field: 'tfd',
  claims: (file) => file.link === 'anon_inode:[timerfd]',
  dump(file, id, { run, calls, add }) {
    // An expired periodic timer stands still until it is looked at: this call counts the expirations since then and arms it again.
    calls.must({ why: 'bring a timerfd up to date' }, 'timerfd_gettime', file.local, calls.scratch);
    const info = readFdInfo(run.thread.proc, file.pid, file.fd!)?.timerfd ?? file.info!.timerfd!;
    add({
      type: FD_TYPES.TIMERFD,
      id,
      tfd: {
        id,
        flags: file.flags,
        fown: file.fown,
        clockid: info.clockId,
        ticks: info.ticks,
        settime_flags: info.settimeFlags,
        vsec: info.value.sec,
        vnsec: BigInt(info.value.nsec),
        isec: info.interval.sec,
        insec: BigInt(info.interval.nsec),
      },
    });
  },
  read({ id, tfd }, { run }) {
    const entry = tfd!;
    if (!CLOCKS.includes(entry.clockid))
      throw new CrError('CR_IMAGE_BAD', { message: `timerfd ${id} has the unknown clock ${entry.clockid}`, target: 'not started' });
    const interval = nanoseconds(entry.isec, entry.insec, `timerfd ${id}`);
    nanoseconds(entry.vsec, entry.vnsec, `timerfd ${id}`);
    return {
      id,
      what: 'a timerfd',
      flags: entry.flags,
      fown: entry.fown,
      open: () => run.calls.must({ why: 'create a timerfd' }, 'timerfd_create', entry.clockid, O.cloexec | (entry.flags & O.nonblock)),
      arm(p, { fd }) {
        const first = firstExpiration(run.calls, entry);
        if (first !== 0n) {
          const value = p.struct('itimerspec', {
            'it_interval.tv_sec': interval / NSEC,
            'it_interval.tv_nsec': interval % NSEC,
            'it_value.tv_sec': first / NSEC,
            'it_value.tv_nsec': first % NSEC,
          });
          const flags = entry.settime_flags & (TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
          p.sys.timerfd_settime(fd, flags, value, 0).must('arm a timerfd');
        }
        // After settime, which sets the count to zero.
        if (entry.ticks > 0n) p.sys.ioctl(fd, TFD_IOC_SET_TICKS, p.out(8).setU64(0, entry.ticks)).must('set the expirations of a timerfd');
      },
    };
  },
};
