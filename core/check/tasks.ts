/** Probes of processes, descriptors and /proc. */
import { readFileSync } from 'node:fs';
import { WALL } from '../abi/ptrace.js';
import { readStat } from '../kernel/procfs/stat.js';
import { readStatus } from '../kernel/procfs/status.js';
import { missingCapabilities } from '../privileges.js';
import { Program } from '../program/program.js';
import { type Finding, type Lab, judge, lacks, works } from './lab.js';
import { AT_FDCWD, O_RDONLY, O_WRONLY, mapFileLow, open, readFdinfo, readLink, readText, slurp } from './steps.js';

const LOCK_EX = 2;
const CLOCK_MONOTONIC = 1;
/** _IOW('T', 0, __u64) (linux/timerfd.h). */
const TFD_IOC_SET_TICKS = 0x40085400;
const KCMP_FILE = 0;
const KCMP_EPOLL_TFD = 7;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const PR_TIMER_CREATE_RESTORE_IDS = 77;
const RESOLVE_NO_SYMLINKS = 4;
const W_OK = 2;
const PR_GET_TID_ADDRESS = 40;
const PR_SET_MM = 35;
const PR_SET_MM_MAP_SIZE = 15;
const F_GETOWNER_UIDS = 17;
const SIGUSR1 = 10;
const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
const EIO = -5;
const TICKS = 13n;
const WANTED_TIMER_ID = 4711;
const TRIES = 8;

export function mountId(lab: Lab): Finding {
  return lab.inProcess('mnt_id', 0, (p) => {
    const text = readFdinfo(p, open(p, '/proc/self/status', O_RDONLY, 'open a file'));
    return () => judge(/^mnt_id:\s*\d+$/m.test(text()), 'fdinfo has mnt_id', 'fdinfo has no mnt_id');
  });
}

export function fdinfoLock(lab: Lab): Finding {
  return lab.inProcess('fdinfo_lock', 0, (p) => {
    const fd = p.sys.memfd_create(p.cstr('check'), 0).must('make a file');
    p.sys.flock(fd, LOCK_EX).must('lock the file');
    const text = readFdinfo(p, fd);
    return () => judge(/^lock:\s/m.test(text()), 'fdinfo shows the lock', 'fdinfo does not show the lock of its descriptor');
  });
}

/** The count of expirations must be settable and visible. */
export function timerfd(lab: Lab): Finding {
  return lab.inProcess('timerfd', 0, (p) => {
    const fd = p.sys.timerfd_create(CLOCK_MONOTONIC, 0).must('make a timerfd');
    p.sys.ioctl(fd, TFD_IOC_SET_TICKS, p.out(8).setU64(0, TICKS)).must('set the expirations of a timerfd');
    const text = readFdinfo(p, fd);
    return () => judge(new RegExp(`^ticks: ${TICKS}$`, 'm').test(text()), 'expirations can be set', 'fdinfo does not show the expirations');
  });
}

/** Restore unsets the login id and sets it again; audit can forbid both. */
export function loginuid(lab: Lab): Finding {
  return lab.inProcess('loginuid', 0, (p) => {
    const fd = open(p, '/proc/self/loginuid', O_WRONLY, 'open /proc/self/loginuid');
    p.sys.write(fd, p.data(Buffer.from('4294967295')), 10).must('unset the login id of a process');
    const again = open(p, '/proc/self/loginuid', O_WRONLY, 'open /proc/self/loginuid');
    p.sys.write(again, p.data(Buffer.from('0')), 1).must('set the login id of a process');
    const text = readText(p, '/proc/self/loginuid');
    return () => judge(text().trim() === '0', 'the login id can be set', `the login id stays ${text().trim()}`);
  });
}

export function nsPid(lab: Lab): Finding {
  return lab.inProcess('ns_pid', 0, (p) => {
    const text = readText(p, '/proc/self/status');
    return () => judge(/^NSpid:\s*\d/m.test(text()), 'status has NSpid', 'status has no NSpid');
  });
}

/** Two descriptors of one open file, and the same question about a target of an epoll. */
export function kcmpEpoll(lab: Lab): Finding {
  return lab.inProcess('kcmp_epoll', 0, (p) => {
    const pair = p.out(8);
    p.sys.pipe2(pair, 0).must('make a pipe');
    const epoll = p.sys.epoll_create1(0).must('make an epoll');
    p.sys.epoll_ctl(epoll, EPOLL_CTL_ADD, pair.word32(), p.struct('epoll_event', { events: EPOLLIN })).must('watch the pipe');
    const slot = p.struct('kcmp_epoll_slot');
    p.store(slot.addrOf('efd'), epoll, 4);
    p.store(slot.addrOf('tfd'), pair.word32(), 4);
    const self = p.sys.getpid().must('know the own pid');
    const same = p.sys.kcmp(self, self, KCMP_EPOLL_TFD, pair.word32(), slot).must('compare a target of an epoll');
    return () => judge(same.result === 0, 'KCMP_EPOLL_TFD answers', `KCMP_EPOLL_TFD says they differ (${same.result})`);
  });
}

/** A pid that nobody has: from the top of the range, where few are. */
function freePid(lab: Lab): number {
  const max = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8'));
  for (let pid = max - 2; pid > 2; pid -= 7) if (readStat(lab.thread.proc, pid) === null) return pid;
  return 0;
}

/** A child with a chosen pid. Somebody may take the pid between our look and the call, so there are several tries. */
export function cloneSetTid(lab: Lab): Finding {
  let last = lacks('no pid is free');
  for (let tries = 0; tries < TRIES && !last.supported; tries++) {
    const pid = freePid(lab);
    last = lab.inProcess('clone3_set_tid', 0, (p) => {
      const inner = new Program('check.chosen_pid', p.arena);
      inner.sys.exit_group(0).ignore('does not return');
      const args = p.struct('clone_args', { set_tid: p.out(8).setU64(0, pid).addr, set_tid_size: 1 });
      const child = p.spawnProgram(args, inner.end().address).must('make a process with a chosen pid');
      p.sys.wait4(child, 0, WALL, 0).must('wait for it');
      return () => judge(child.result === pid, `a process got the chosen pid ${pid}`, `it got pid ${child.result} instead of ${pid}`);
    });
  }
  return last;
}

export function pidfdStore(lab: Lab): Finding {
  return lab.inProcess('pidfd_store', 0, (p) => {
    const file = open(p, '/proc/self/status', O_RDONLY, 'open a file');
    const self = p.sys.getpid().must('know the own pid');
    const pidfd = p.sys.pidfd_open(self, 0).must('make a pidfd');
    const copy = p.sys.pidfd_getfd(pidfd, file, 0).must('take a descriptor through a pidfd');
    const same = p.sys.kcmp(self, self, KCMP_FILE, file, copy).must('compare the descriptors');
    return () => judge(same.result === 0, 'pidfd_open and pidfd_getfd work', 'pidfd_getfd gave another file');
  });
}

/** openat2 must take its restrictions seriously. */
export function openat2(lab: Lab): Finding {
  return lab.inProcess('openat2', 0, (p) => {
    const how = p.struct('open_how', { resolve: RESOLVE_NO_SYMLINKS });
    p.sys.openat2(AT_FDCWD, p.cstr('/proc'), how, how.size).must('open a folder with openat2');
    const link = p.sys.openat2(AT_FDCWD, p.cstr('/proc/self'), how, how.size).ignore('must fail: it is a symbolic link');
    return () => judge(link.result < 0, 'openat2 works', 'openat2 follows a link that it was told not to follow');
  });
}

/** POSIX timers with chosen ids. */
export function timerIds(lab: Lab): Finding {
  return lab.inProcess('timer_cr_ids', 0, (p) => {
    p.sys.prctl(PR_TIMER_CREATE_RESTORE_IDS, 1, 0, 0, 0).must('ask for timers with chosen ids');
    const id = p.out(8).setU32(0, WANTED_TIMER_ID);
    p.sys.timer_create(CLOCK_MONOTONIC, 0, id).must('make a timer');
    return () => judge(id.u32() === WANTED_TIMER_ID, 'a timer got the chosen id', `a timer got id ${id.u32()}`);
  });
}

export function mapFiles(lab: Lab): Finding {
  return lab.inProcess('map_files', 0, (p) => {
    mapFileLow(p, p.sys.memfd_create(p.cstr('check'), 0).must('make a file'));
    const link = readLink(p, '/proc/self/map_files/10000-11000');
    return () => judge(link().startsWith('/memfd:check'), 'a mapped file is found', `the link says "${link()}"`);
  });
}

/** A file of /proc/sys that restore writes. */
export function writable(lab: Lab, path: string): Finding {
  return lab.inProcess('sysctl', 0, (p) => {
    p.sys.faccessat2(AT_FDCWD, p.cstr(path), W_OK, 0).must(`write ${path}`);
    return () => works(`${path} may be written`);
  });
}

export function kcmp(lab: Lab): Finding {
  return lab.inProcess('kcmp', 0, (p) => {
    const file = open(p, '/proc/self/status', O_RDONLY, 'open a file');
    const self = p.sys.getpid().must('know the own pid');
    const same = p.sys.kcmp(self, self, KCMP_FILE, file, file).must('compare descriptors');
    return () => judge(same.result === 0, 'kcmp answers', `kcmp says that a file differs from itself (${same.result})`);
  });
}

export function memoryPrctl(lab: Lab): Finding {
  return lab.inProcess('prctl', 0, (p) => {
    p.sys.prctl(PR_GET_TID_ADDRESS, p.out(8), 0, 0, 0).must('ask for clear_child_tid');
    const size = p.out(8);
    p.sys.prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, size, 0, 0).must('ask for the size of struct prctl_mm_map');
    return () => judge(size.u32() > 0, `struct prctl_mm_map has ${size.u32()} bytes`, 'PR_SET_MM_MAP_SIZE gave 0');
  });
}

export function ownerUids(lab: Lab): Finding {
  return lab.inProcess('fcntl', 0, (p) => {
    p.sys.fcntl(open(p, '/proc/self/status', O_RDONLY, 'open a file'), F_GETOWNER_UIDS, p.out(8)).must('ask for the uids of F_SETOWN');
    return () => works('F_GETOWNER_UIDS answers');
  });
}

export function procStat(lab: Lab): Finding {
  const stat = readStat(lab.thread.proc, process.pid);
  return judge(stat !== null && stat.pid === process.pid, '/proc/PID/stat is complete', '/proc/PID/stat is missing');
}

/** What an inotify, an epoll, an eventfd and a signalfd hold must be readable. */
export function fdinfoKinds(lab: Lab): Finding {
  return lab.inProcess('fdinfo', 0, (p) => {
    const epoll = p.sys.epoll_create1(0).must('make an epoll');
    const event = p.sys.eventfd2(Number(TICKS), 0).must('make an eventfd');
    p.sys.epoll_ctl(epoll, EPOLL_CTL_ADD, event, p.struct('epoll_event', { events: EPOLLIN })).must('watch the eventfd');
    const inotify = p.sys.inotify_init1(0).must('make an inotify');
    p.sys.inotify_add_watch(inotify, p.cstr('/proc/self'), 2).must('watch a folder');
    const signals = p.sys.signalfd4(-1, p.out(8).setU64(0, 1), 8, 0).must('make a signalfd');
    const wanted: [RegExp, () => string][] = [
      [/^tfd:\s+\d+ events:/m, readFdinfo(p, epoll)],
      [/^eventfd-count:\s+d$/m, readFdinfo(p, event)],
      [/^inotify wd:/m, readFdinfo(p, inotify)],
      [/^sigmask:\s+0*1$/m, readFdinfo(p, signals)],
    ];
    return () => {
      const bad = wanted.find(([pattern, text]) => !pattern.test(text()));
      return judge(bad === undefined, 'fdinfo shows what special descriptors hold', `fdinfo has no line like ${bad?.[0].source ?? ''}`);
    };
  });
}

/** A pty whose slave cannot be opened while it is locked. */
export function lockedPty(lab: Lab): Finding {
  return lab.inProcess('tty', 0, (p) => {
    const master = open(p, '/dev/ptmx', 2, 'make a pty');
    p.sys.ioctl(master, TIOCSPTLCK, p.out(8).setU32(0, 1)).must('lock the pty');
    const slave = p.sys.ioctl(master, TIOCGPTPEER, 0o402).ignore('must fail: the pty is locked');
    return () => judge(slave.result === EIO, 'a locked pty stays closed', `opening a locked pty gave ${slave.result}`);
  });
}

/** Queued signals get back their siginfo, also with a positive code. */
export function queueSignal(lab: Lab): Finding {
  return lab.inProcess('sigqueueinfo', 0, (p) => {
    const info = p.out(128).setU32(8, 1);
    p.sys.rt_sigqueueinfo(p.sys.getpid().must('know the own pid'), SIGUSR1, info).must('queue a signal with a positive code');
    return () => works('a signal with a positive code can be queued');
  });
}

/** Pages that do not start at a page border go into a pipe. */
export function unalignedSplice(lab: Lab): Finding {
  return lab.inProcess('vmsplice', 0, (p) => {
    const pair = p.out(8);
    const byte = p.out(8);
    p.sys.pipe2(pair, 0).must('make a pipe');
    const sent = p.sys.vmsplice(pair.word32(4), p.iovec([{ addr: byte.addr + 1, length: 1 }]), 1, 0).must('splice one byte into a pipe');
    return () => judge(sent.result === 1, 'one byte was spliced', `${sent.result} bytes were spliced`);
  });
}

export function posixTimersFile(lab: Lab): Finding {
  return lab.inProcess('proc_timers', 0, (p) => {
    p.sys.timer_create(CLOCK_MONOTONIC, 0, p.out(8)).must('make a timer');
    const text = slurp(p, open(p, '/proc/self/timers', O_RDONLY, 'read /proc/self/timers'));
    return () => judge(text().startsWith('ID:'), '/proc/PID/timers lists timers', '/proc/PID/timers is empty');
  });
}

export function capabilities(lab: Lab): Finding {
  const effective = readStatus(lab.thread.proc, process.pid)?.caps.effective ?? 0n;
  const missing = [...new Set([...missingCapabilities('dump', effective), ...missingCapabilities('restore', effective)])];
  return judge(missing.length === 0, 'all needed capabilities are there', `${missing.join(', ')} missing: run as root`);
}
