/** remap-fpath.img: files that cannot be opened by the name in their entry. */
import { CrError } from '../../errors.js';
import type { RemapFilePathEntry } from '../../images/generated/files.js';
import { DeadProcess, processOf } from './dead-process.js';
import { dumpGhost, Ghost } from './ghost.js';
import type { DumpContext, OpenFile, RestoreContext } from './kind.js';
import { dumpLink, LinkRemap } from './link-remap.js';
import { namingOf } from './naming.js';

const LINKED = 0;
const GHOST = 1;
const PROCFS = 2;

/** The name for the entry `id`; writes what is needed when that name leads nowhere. */
export function nameFor(file: OpenFile, id: number, context: DumpContext): string {
  const { run } = context;
  const { state, name } = namingOf(file, run.options.evasiveDevices);
  if (state === 'ghost') run.images.add('remap-fpath', undefined, { orig_id: id, remap_id: dumpGhost(file, context), remap_type: GHOST });
  if (state === 'ended') run.images.add('remap-fpath', undefined, { orig_id: id, remap_id: processOf(name)!.pid, remap_type: PROCFS });
  if (state === 'unlinked')
    run.images.add('remap-fpath', undefined, { orig_id: id, remap_id: dumpLink(file, name, context), remap_type: LINKED });
  return name;
}

export type Remap = Ghost | LinkRemap | DeadProcess;

/** Ways to open files that have no name, by the id of their entry. */
export class Remaps {
  private readonly entries = new Map<number, RemapFilePathEntry>();
  private readonly ghosts = new Map<number, Ghost>();
  private readonly processes = new Map<number, DeadProcess>();
  /** Deleted folders by their names. */
  private readonly folders = new Map<string, Ghost>();

  constructor(private readonly context: RestoreContext) {
    const { images } = context.run;
    if (!images.exists('remap-fpath')) return;
    context.beforeOpen(() => this.makeFolders());
    for (const entry of images.readAll('remap-fpath')) {
      if (this.entries.has(entry.orig_id))
        throw new CrError('CR_IMAGE_BAD', {
          message: `remaps file ${entry.orig_id} twice`,
          subject: { path: images.pathOf('remap-fpath.img') },
        });
      this.entries.set(entry.orig_id, entry);
    }
  }

  /** Null when the file is opened by its name. */
  of(id: number, name: string): Remap | null {
    const entry = this.entries.get(id);
    if (!entry) return this.inEnded(name);
    const type = entry.remap_type ?? (entry.remap_id >= 0x8000_0000 ? GHOST : LINKED);
    if (type === GHOST) {
      const ghost = this.ghost(entry.remap_id & 0x7fff_ffff);
      if (ghost.isFolder && !this.folders.has(name)) this.folders.set(name, ghost);
      return ghost;
    }
    if (type === LINKED) {
      const { reg } = this.context.entry(entry.remap_id, `file ${id} is remapped to it`);
      if (!reg)
        throw new CrError('CR_IMAGE_BAD', { message: `file ${entry.remap_id} is not a regular file`, subject: { path: 'files.img' } });
      return new LinkRemap(reg.name, this.context);
    }
    if (type === PROCFS) return this.process(entry.remap_id);
    throw new CrError('CR_IMAGE_BAD', {
      message: `remaps file ${id} in the unknown way ${type}`,
      subject: { path: this.context.run.images.pathOf('remap-fpath.img') },
      target: 'not started',
    });
  }

  /** Before the files in them, which would else get other folders of these names. Those further up first. */
  private makeFolders(): void {
    const outermost = [...this.folders].sort(([a], [b]) => a.length - b.length);
    for (const [name, ghost] of outermost) ghost.makeAs(name);
  }

  /** CRIU has one entry for all files of a process that has ended. */
  private inEnded(name: string): Remap | null {
    const process = processOf(name);
    if (!process) return null;
    const ended = [...this.entries.values()].some(({ remap_type, remap_id }) => remap_type === PROCFS && remap_id === process.pid);
    return ended ? this.process(process.pid) : null;
  }

  private process(pid: number): DeadProcess {
    const found = this.processes.get(pid) ?? new DeadProcess(pid, this.context);
    this.processes.set(pid, found);
    return found;
  }

  private ghost(id: number): Ghost {
    const found = this.ghosts.get(id) ?? new Ghost(id, this.context.run.images, this.context);
    this.ghosts.set(id, found);
    return found;
  }
}
