/** What a dump of processes without CUDA pays for the CUDA plugin: its two looks at the tree, in a program that has never looked before. Run as: PID ... */
import { readdirSync } from 'node:fs';
import { candidates, newcomers } from '../../plugins/cuda/src/discover.js';

// The engine knows the threads anyway.
const threadsOf = (pid: number) => readdirSync(`/proc/${pid}/task`).map(Number);
const tree = { tasks: process.argv.slice(2).map((pid) => ({ pid: Number(pid), threads: threadsOf(Number(pid)) })) };
const begin = performance.now();
const found = candidates(tree, { discover: 'look' });
const stopped = performance.now();
const fresh = newcomers(tree, { discover: 'look' });
const end = performance.now();
if (found.length > 0 || fresh !== undefined) throw new Error(`pid ${found.join(', ')} is taken for a process with CUDA`);
console.log(JSON.stringify({ runningMs: stopped - begin, stoppedMs: end - stopped }));
