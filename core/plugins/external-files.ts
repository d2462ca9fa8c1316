/**
 * Files that plugins dump and open (FD_TYPES EXT in files.img): the kind of file that stands for them in the engine. Built-in kinds are asked first; then
 * exactly one plugin may claim a file.
 */
import { closeSync } from 'node:fs';
import { CrError } from '../errors.js';
import type { Hooks } from '../hooks.js';
import { FD_TYPES, type FileEntry } from '../images/generated/fdinfo.js';
import type { LocalCalls } from '../kernel/local.js';
import { splitDev, type ProcReader } from '../kernel/procfs/reader.js';
import { SocketFamilies } from '../kernel/procfs/net-sockets.js';
import type { FileKind, SeenFile } from '../resources/files/kind.js';
import { F, O, SETTABLE } from '../resources/files/open-flags.js';
import type { Claim, FileAnswer, PluginRecord, SavedFile, SeenObject } from './contexts.js';
import { ownerOf } from './owner.js';
import type { PluginSession } from './session.js';
import { typeOf } from './filter.js';

function seenObject(file: SeenFile, frozen: boolean): SeenObject {
  const { pid, fd, link, stat, proc } = file;
  const { major, minor } = splitDev(stat.rdev);
  return { pid, fd, type: typeOf(stat.mode), link, major, minor, inode: stat.ino, proc, frozen };
}

interface Queued {
  readonly plugin: string;
  readonly file: SavedFile;
  readonly what: string;
}

/** Descriptions that plugins opened. */
interface Opened {
  readonly fd: number;
  readonly plugin: string;
}

const MAX_ROUNDS = 64;

export class ExternalFiles {
  private frozen = false;
  private readonly families: SocketFamilies;
  private readonly queue: Queued[] = [];
  /** Entries that files.img has, by id. */
  private readonly wanted = new Map<number, FileEntry>();
  private readonly opened = new Map<number, Opened>();
  /** Owner and flags by id, from plugins.json. */
  private readonly recorded = new Map<number, { readonly plugin: string; readonly flags: number }>();

  constructor(
    private readonly session: PluginSession,
    private readonly hooks: Hooks,
    private readonly services: { readonly ranking: readonly string[]; readonly calls: () => LocalCalls; readonly proc: ProcReader },
  ) {
    this.families = new SocketFamilies(services.proc);
  }

  attach(): void {
    const { claimFile, claimEntry } = this.hooks.claims;
    if (this.session.operation === 'restore')
      claimEntry.tap('plugins', (entry) => (entry.type === FD_TYPES.EXT ? this.restored : undefined));
    else claimFile.tap('plugins', (file) => this.claim(file));
  }

  /** The tree stands: what was said to be gone by now must be. */
  stop(): void {
    this.frozen = true;
  }

  /** The tree runs again: dump.checkpointDevices asked for it. */
  run(): void {
    this.frozen = false;
  }

  private claim(file: SeenFile): FileKind | undefined {
    // A mapping is claimed as one (external-mappings.ts).
    if (file.fd === null && file.proc.includes('/map_files/')) return undefined;
    const object = seenObject(file, this.frozen);
    const answers = this.hooks.askNow('dump.claimFile', object, (plugin) =>
      this.session.claimsOf(plugin).file(object, () => this.families.of(object)),
    );
    const owner = ownerOf(
      answers,
      this.services.ranking,
      () => `pid ${file.pid} ${file.fd === null ? '' : `fd ${file.fd} `}(${file.link})`,
    );
    if (!owner) return undefined;
    if (this.frozen && owner.answer.goneOr !== undefined) throw leftover(owner.plugin, object, owner.answer);
    return this.dumped(owner.plugin, owner.answer);
  }

  private dumped(plugin: string, claim: Claim): FileKind {
    const kind = this.restored;
    return {
      ...kind,
      name: `plugin ${plugin}`,
      refuse: () => null,
      dump: (file, id, context) => {
        context.add({ type: FD_TYPES.EXT, id, ext: { id, fown: file.fown } });
        // The host's copy is closed when this returns; the plugin is asked when all tables are read.
        const local = context.calls.must({ why: 'keep a descriptor' }, 'fcntl', file.local, F.dupfdCloexec, 3);
        context.onClose(() => closeSync(local));
        const object = seenObject(file, true);
        this.queue.push({ plugin, what: claim.what, file: { ...object, fd: file.fd!, id, flags: file.flags, pos: file.pos, local } });
      },
    };
  }

  /** Lets owners save what they claimed. */
  async save(): Promise<void> {
    for (const { plugin, file, what } of this.queue.splice(0)) {
      await this.hooks.ask('dump.saveFile', file, plugin);
      const object = { pid: file.pid, fd: file.fd, id: file.id, flags: file.flags, what };
      this.session.note(this.session.pluginOf(plugin)!, 'dump.saveFile', [object]);
    }
  }

  /** What the record says about files. */
  useRecord(records: readonly PluginRecord[]): void {
    for (const { name, objects } of records)
      for (const { id, flags } of objects as readonly { id?: number; flags?: number }[])
        if (id !== undefined) this.recorded.set(id, { plugin: name, flags: flags ?? O.rdwr });
  }

  private readonly restored: FileKind = {
    name: 'plugin',
    type: FD_TYPES.EXT,
    field: 'ext',
    claims: () => false,
    dump: () => {
      throw new CrError('CR_INTERNAL', { message: 'a restored kind was asked to dump' });
    },
    read: (entry, context) => {
      this.wanted.set(entry.id, entry);
      const flags = this.recorded.get(entry.id)?.flags ?? O.rdwr;
      context.onUndo(() => this.close());
      return { id: entry.id, what: `file ${entry.id} of a plugin`, flags, fown: entry.ext!.fown, open: () => this.take(entry.id) };
    },
  };

  private take(id: number): number {
    const opened = this.opened.get(id);
    if (!opened) throw new CrError('CR_INTERNAL', { message: `file ${id} was not opened by a plugin` });
    this.opened.delete(id);
    return opened.fd;
  }

  private close(): void {
    for (const { fd } of this.opened.values()) closeSync(fd);
    this.opened.clear();
  }

  /** Asks owners for every file, those that wait for others again and again while that opens some. @throws CrError CR_PLUGIN, CR_PLUGIN_MISSING */
  async open(): Promise<void> {
    let left = [...this.wanted.values()].map((entry) => ({ entry, why: '' }));
    for (let round = 0; left.length > 0 && round < MAX_ROUNDS; round++) {
      const waiting: typeof left = [];
      for (const { entry } of left) {
        const answer = await this.openOne(entry);
        if ('retry' in answer) waiting.push({ entry, why: answer.retry });
      }
      if (waiting.length === left.length) throw stuck(waiting);
      left = waiting;
    }
  }

  private async openOne(entry: FileEntry): Promise<FileAnswer> {
    const { id } = entry;
    const known = this.recorded.get(id);
    const flags = known?.flags ?? O.rdwr;
    const answers = await this.hooks.ask('restore.openFile', { id, flags }, known?.plugin ?? null);
    const owner = ownerOf(answers, this.services.ranking, () => `file ${id}`);
    if (!owner) throw nobody(id, known?.plugin, this.hooks.tappedBy('restore.openFile'));
    for (const { answer } of answers) if (answer !== owner.answer && 'fd' in answer) closeSync(answer.fd);
    if ('retry' in owner.answer) return owner.answer;
    const { fd } = owner.answer;
    if (!Number.isInteger(fd) || fd < 3) throw badAnswer(owner.plugin, id, fd);
    this.services.calls().must({ why: `set the flags of file ${id} of plugin ${owner.plugin}` }, 'fcntl', fd, F.setfl, flags & SETTABLE);
    this.opened.set(id, { fd, plugin: owner.plugin });
    return owner.answer;
  }
}

function leftover(plugin: string, { pid, fd, link }: SeenObject, { what, goneOr }: Claim): CrError {
  return new CrError('CR_UNSUPPORTED', {
    message: `is ${what} (${link}), and still there after plugin ${plugin} saved the state of its devices`,
    subject: { pid, ...(fd === null ? {} : { fd }) },
    hint: goneOr ?? '',
    target: 'running',
  });
}

function stuck(waiting: readonly { readonly entry: FileEntry; readonly why: string }[]): CrError {
  const lines = waiting.slice(0, 20).map(({ entry, why }) => `  file ${entry.id}: ${why}`);
  return new CrError('CR_PLUGIN', { message: `${waiting.length} files wait for each other:\n${lines.join('\n')}`, target: 'not started' });
}

function nobody(id: number, owner: string | undefined, asked: readonly string[]): CrError {
  const who =
    owner !== undefined
      ? `plugin ${owner}, which saved it, does not open it`
      : asked.length === 0
        ? 'no plugin opens files'
        : `nobody of ${asked.join(', ')} opens it`;
  return new CrError('CR_PLUGIN_MISSING', {
    message: `file ${id} was saved by a plugin: ${who}`,
    hint: 'Enable the plugin that saved it: --enable-plugin NAME.',
    target: 'not started',
  });
}

function badAnswer(plugin: string, id: number, fd: unknown): CrError {
  return new CrError('CR_PLUGIN', { message: `plugin ${plugin} answered descriptor ${String(fd)} for file ${id}`, target: 'not started' });
}
