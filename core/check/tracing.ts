/** Probes of ptrace(2): a child of the probe is traced. */
import { PTRACE, PTRACE_O, WALL } from '../abi/ptrace.js';
import { arch } from '../arch/current.js';
import { emitGetRegisters } from '../kernel/registers.js';
import { type Finding, type Lab, judge } from './lab.js';

const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
/** One BPF instruction: `ret SECCOMP_RET_ALLOW` (linux/bpf_common.h, linux/seccomp.h). */
const ALLOW_ALL = Buffer.from([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]);
/** Wait status of a stop by SIGTRAP. */
const TRAP_STOP = 0x057f;
const RSEQ_CONFIGURATION_SIZE = 24;

const nothing = () => undefined;

export function suspendSeccomp(lab: Lab): Finding {
  return lab.traced('seccomp_suspend', nothing, (p, pid) => {
    p.sys.ptrace(PTRACE.SETOPTIONS, pid, 0, PTRACE_O.SUSPEND_SECCOMP).must('suspend seccomp in a child');
    return () => judge(true, 'PTRACE_O_SUSPEND_SECCOMP is taken', '');
  });
}

/** The filter that comes back must be the one that was installed. */
export function dumpSeccompFilter(lab: Lab): Finding {
  return lab.traced(
    'seccomp_filters',
    (p) => {
      p.sys.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0).must('set no_new_privs');
      const program = p.out(16).setU32(0, 1).setU64(8, p.data(ALLOW_ALL).addr);
      p.sys.seccomp(SECCOMP_SET_MODE_FILTER, 0, program).must('install a filter');
    },
    (p, pid) => {
      const filter = p.out(8);
      const length = p.sys.ptrace(PTRACE.SECCOMP_GET_FILTER, pid, 0, filter).must('read the filter of a child');
      return () => judge(length.result === 1 && filter.copy().equals(ALLOW_ALL), 'a filter is read back', 'another filter is read back');
    },
  );
}

export function rseqConfiguration(lab: Lab): Finding {
  return lab.traced('get_rseq_conf', nothing, (p, pid) => {
    const out = p.out(RSEQ_CONFIGURATION_SIZE);
    const size = p.sys.ptrace(PTRACE.GET_RSEQ_CONFIGURATION, pid, RSEQ_CONFIGURATION_SIZE, out).must('ask for the rseq area of a child');
    return () => judge(size.result === RSEQ_CONFIGURATION_SIZE, 'PTRACE_GET_RSEQ_CONFIGURATION answers', `it gives ${size.result} bytes`);
  });
}

/** A hardware breakpoint behind the sleep of the child must stop it with SIGTRAP. Without one the child ends after 2 s, and that is what is seen. */
export function hardwareBreakpoint(lab: Lab): Finding {
  return lab.traced('breakpoints', nothing, (p, pid) => {
    const status = p.out(8);
    arch.emitBreakpoint(p, pid, emitGetRegisters(p, pid, 'read the registers of a child'));
    p.sys.ptrace(PTRACE.CONT, pid, 0, 0).must('let the child go on');
    p.sys.wait4(pid, status, WALL, 0).must('wait for the breakpoint');
    return () =>
      judge(status.u32() === TRAP_STOP, 'the child stopped at it', `the child did not stop at it (status 0x${status.u32().toString(16)})`);
  });
}

/** Pending signals and the mask of a stopped task. */
export function peekSignals(lab: Lab): Finding {
  return lab.traced('peeksiginfo', nothing, (p, pid) => {
    const args = p.out(16).setU32(12, 1);
    const pending = p.sys.ptrace(PTRACE.PEEKSIGINFO, pid, args, p.out(128)).must('read the pending signals of a child');
    p.sys.ptrace(PTRACE.GETSIGMASK, pid, 8, p.out(8)).must('read the signal mask of a child');
    return () => judge(pending.result >= 0, 'PTRACE_PEEKSIGINFO and PTRACE_GETSIGMASK answer', '');
  });
}
