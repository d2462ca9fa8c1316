/** The process tree as a person wants to see it, read from /proc. */
import { readFileSync, readdirSync } from 'node:fs';

export interface ProcessLine {
  readonly pid: number;
  readonly depth: number;
  readonly threads: number;
  readonly state: string;
  readonly command: string;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process ended meanwhile.
    return '';
  }
}

function describe(pid: number, depth: number): ProcessLine | undefined {
  const status = read(`/proc/${pid}/status`);
  if (status === '') return undefined;
  const field = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '?';
  const words = read(`/proc/${pid}/cmdline`).split('\0').slice(0, -1);
  return { pid, depth, threads: Number(field('Threads')), state: field('State'), command: words.join(' ') || `[${field('Name')}]` };
}

/** Root and all descendants, parents first. At most 10,000 processes. */
export function processTree(root: number): ProcessLine[] {
  const lines: ProcessLine[] = [];
  const todo: [number, number][] = [[root, 0]];
  for (let next = todo.shift(); next !== undefined && lines.length < 10_000; next = todo.shift()) {
    const [pid, depth] = next;
    const line = describe(pid, depth);
    if (line === undefined) continue;
    lines.push(line);
    const children = listTasks(pid).flatMap((tid) => read(`/proc/${pid}/task/${tid}/children`).split(' ').filter(Boolean).map(Number));
    todo.unshift(...children.map((child): [number, number] => [child, depth + 1]));
  }
  return lines;
}

function listTasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** One column of the drawing: does a later line belong to the same parent at this depth? */
function branch(lines: readonly ProcessLine[], index: number, depth: number, own: boolean): string {
  const next = lines.slice(index + 1).find((line) => line.depth <= depth);
  const more = next?.depth === depth;
  if (own) return more ? '├─ ' : '└─ ';
  return more ? '│  ' : '   ';
}

export function treeText(lines: readonly ProcessLine[]): string {
  return lines
    .map(({ pid, depth, threads, state, command }, index) => {
      const shape = Array.from({ length: depth }, (_, i) => branch(lines, index, i + 1, i + 1 === depth)).join('');
      const shown = command.length > 60 ? `${command.slice(0, 57)}...` : command;
      return `  ${shape}${pid} ${state} ${threads === 1 ? '' : `(${threads} threads) `}${shown}`;
    })
    .join('\n');
}
