/** mm_entry: what the kernel keeps per address space. brk and auxv are asked for inside or in /proc; the rest is in stat(5). */
import { arch } from '../../arch/current.js';
import type { MmEntry } from '../../images/generated/memory.js';
import { readAuxv } from '../../kernel/procfs/auxv.js';
import type { TaskResource } from '../resource.js';

const PR_SET_MM = 35;
const PR_SET_MM_MAP = 14;

export function newMm(): MmEntry {
  return {
    mm_start_code: 0n,
    mm_end_code: 0n,
    mm_start_data: 0n,
    mm_end_data: 0n,
    mm_start_stack: 0n,
    mm_start_brk: 0n,
    mm_brk: 0n,
    mm_arg_start: 0n,
    mm_arg_end: 0n,
    mm_env_start: 0n,
    mm_env_end: 0n,
    exe_file_id: 0,
    mm_saved_auxv: [],
    vmas: [],
    aios: [],
  };
}

export const mm: TaskResource = {
  name: 'mm',
  readFrozen(task, run) {
    const { stat } = task;
    Object.assign(task.mm, {
      mm_start_code: stat.startCode,
      mm_end_code: stat.endCode,
      mm_start_data: stat.startData,
      mm_end_data: stat.endData,
      mm_start_stack: stat.startStack,
      mm_start_brk: stat.startBrk,
      mm_arg_start: stat.argStart,
      mm_arg_end: stat.argEnd,
      mm_env_start: stat.envStart,
      mm_env_end: stat.envEnd,
    });
    const words = (readAuxv(run.thread.proc, task.pid) ?? []).flatMap((entry) => [entry.type, entry.value]);
    // Cut off or filled with zeros: the kernel adds the AT_NULL when the vector is set again, and the copy that programs look at is on their stack.
    task.mm.mm_saved_auxv = Array.from({ length: arch.images.auxvWords }, (_none, i) => words[i] ?? 0n);
  },
  readInside(p, task) {
    const brk = p.sys.brk(0).must('read the program break');
    return () => {
      task.mm.mm_brk = brk.resultBig;
    };
  },
  process: {
    // After the mappings: the kernel checks that arguments and environment lie in some, and that no mapping of the old executable is left.
    process(p, task, run) {
      const { mm } = task;
      if (!mm) return;
      const auxv = p.out(Math.max(8, mm.mm_saved_auxv.length * 8));
      mm.mm_saved_auxv.forEach((word, i) => auxv.setU64(8 * i, word));
      const map = p.struct('prctl_mm_map', {
        start_code: mm.mm_start_code,
        end_code: mm.mm_end_code,
        start_data: mm.mm_start_data,
        end_data: mm.mm_end_data,
        start_brk: mm.mm_start_brk,
        brk: mm.mm_brk,
        start_stack: mm.mm_start_stack,
        arg_start: mm.mm_arg_start,
        arg_end: mm.mm_arg_end,
        env_start: mm.mm_env_start,
        env_end: mm.mm_env_end,
        auxv: auxv.addr,
        auxv_size: mm.mm_saved_auxv.length * 8,
        exe_fd: run.service.number(run.files.handleOf(mm.exe_file_id)),
      });
      p.sys.prctl(PR_SET_MM, PR_SET_MM_MAP, map, map.size, 0).must('set the fields of the address space and the executable');
    },
  },
};
