/** mm_entry: what the kernel keeps per address space. brk and auxv are asked for inside or in /proc; the rest is in stat(5). */
import type { MmEntry } from '../../images/generated/memory.js';
import { readAuxv } from '../../kernel/procfs/auxv.js';
import type { TaskResource } from '../resource.js';

const PR_GET_DUMPABLE = 3;
const PR_GET_THP_DISABLE = 42;

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

/** Dump side; restore is part of the memory steps of the restore engine (PR_SET_MM_MAP must follow the mappings). */
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
    // The vector with its AT_NULL pair, as the kernel saved it at exec.
    task.mm.mm_saved_auxv = (readAuxv(run.thread.proc, task.pid) ?? []).flatMap((entry) => [entry.type, entry.value]);
  },
  readInside(p, task) {
    const brk = p.sys.brk(0).must('read the program break');
    const dumpable = p.sys.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0).must('read the dumpable attribute');
    const thp = p.sys.prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0).ignore('without transparent huge pages there is nothing to save');
    return () => {
      task.mm.mm_brk = brk.resultBig;
      task.mm.dumpable = dumpable.result;
      if (thp.result > 0) task.mm.thp_disabled = true;
    };
  },
};
