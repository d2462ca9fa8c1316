/** On which NUMA nodes a thread gets its memory (set_mempolicy(2)). CRIU's images have no field for it. Mappings: memory/mapping-policy.ts. */
import { checkEachThread } from './extra-checks.js';
import type { TaskResource } from './resource.js';

const NAME = 'memory-policy';
/** Nodes of the largest kernel configuration (MAX_NUMNODES). */
const NODES = 1024;
/** The calls take one more than they look at (get_nodes, mm/mempolicy.c). */
const MAXNODE = NODES + 1;
const MPOL_DEFAULT = 0;
/** `mode:nodes`, the mode with its flags, the nodes as hexadecimal bytes of the mask, lowest first, without zeros at the end. */
const TEXT = /^([1-9][0-9]{0,5}):((?:[0-9a-f]{2}){0,128})$/;

export const memoryPolicy: TaskResource = {
  name: NAME,
  readThread(p, thread, run) {
    const mode = p.out(8);
    const nodes = p.out(NODES / 8);
    const call = p.sys.get_mempolicy(mode, nodes, MAXNODE, 0, 0).ignore('a kernel without NUMA has no policies');
    return () => {
      if (call.result !== 0 || mode.u32() === MPOL_DEFAULT) return;
      const mask = nodes
        .copy()
        .toString('hex')
        .replace(/(?:00)+$/, '');
      run.extra.set(thread.nsTid, NAME, `${mode.u32()}:${mask}`);
    };
  },
  plan: checkEachThread(NAME, 'memory policy', (text) => TEXT.test(text)),
  thread: {
    thread(p, thread, run) {
      const [, mode, mask] = TEXT.exec(run.extra.get(thread.tid, NAME) ?? '') ?? [];
      if (mode === undefined) return;
      const nodes = p.out(NODES / 8).set(Buffer.from(mask!, 'hex'));
      p.sys
        .set_mempolicy(Number(mode), nodes, MAXNODE)
        .must(`set the memory policy ${mode} for nodes ${mask} (this machine may have fewer)`);
    },
  },
};
