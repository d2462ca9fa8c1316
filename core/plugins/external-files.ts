/**
 * Files that plugins dump and open: the kinds of file that stand for them in the engine. Built-in kinds are asked first; then exactly one plugin may claim a
 * file. In files.img they are EXT, or, for a unix socket whose other end is outside of the tree, UNIXSK with a flag (unix-sockets.ts).
 */
import { closeSync } from 'node:fs';
import { CrError } from '../errors.js';
import type { Hooks } from '../hooks.js';
import type { FownEntry } from '../images/generated/common.js';
import { FD_TYPES, type FileEntry } from '../images/generated/fdinfo.js';
import type { UnixSkEntry } from '../images/generated/sockets.js';
import type { LocalCalls } from '../kernel/local.js';
import type { ProcReader } from '../kernel/procfs/reader.js';
import { SocketFamilies } from '../kernel/procfs/net-sockets.js';
import type { Description, FileKind, RestoreContext, SeenFile } from '../resources/files/kind.js';
import { F, O, SETTABLE } from '../resources/files/open-flags.js';
import type { Claim, FileAnswer, OpenedFile, PluginRecord, SavedFile, SeenObject } from './contexts.js';
import { ownerOf } from './owner.js';
import type { PluginSession } from './session.js';
import { isMappedFile, seenObject } from './filter.js';
import { externNames, finishSocket, OutsideSockets, seenSocket, storedSocket, USK } from './unix-sockets.js';

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

/** A file that a plugin has to open. */
interface Wanted {
  readonly file: OpenedFile;
  /** Of a unix socket whose other end is outside. */
  readonly usk: UnixSkEntry | undefined;
}

const MAX_ROUNDS = 64;

export class ExternalFiles {
  private frozen = false;
  private readonly families: SocketFamilies;
  private readonly sockets: OutsideSockets;
  private readonly queue: Queued[] = [];
  /** What files.img has, by id. */
  private readonly wanted = new Map<number, Wanted>();
  private readonly opened = new Map<number, Opened>();
  /** Owner and flags by id, from plugins.json. */
  private readonly recorded = new Map<number, { readonly plugin: string; readonly flags: number }>();

  constructor(
    private readonly session: PluginSession,
    private readonly hooks: Hooks,
    private readonly services: { readonly ranking: readonly string[]; readonly calls: () => LocalCalls; readonly proc: ProcReader },
  ) {
    this.families = new SocketFamilies(services.proc);
    this.sockets = new OutsideSockets(services.calls);
  }

  attach(): void {
    const { claimFile, claimEntry } = this.hooks.claims;
    if (this.session.operation === 'restore') claimEntry.tap('plugins', (entry) => this.kindOf(entry));
    else claimFile.tap('plugins', (file) => this.claim(file));
  }

  private kindOf({ type, usk }: FileEntry): FileKind | undefined {
    if (type === FD_TYPES.EXT) return this.restored;
    return type === FD_TYPES.UNIXSK && usk && (usk.uflags & USK.callback) !== 0 ? this.restoredSocket : undefined;
  }

  /** When the operation is over. */
  closeSockets(): void {
    this.sockets.close();
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
    if (isMappedFile(file)) return undefined;
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
    if (object.type === 'socket') this.sockets.add(object.inode);
    return this.dumped(owner.plugin, owner.answer, object);
  }

  private dumped(plugin: string, claim: Claim, { pid, type, inode }: SeenObject): FileKind {
    // While the tree runs nobody asks what becomes of it.
    const outside = this.frozen && type === 'socket' && this.families.of({ pid, inode }) === 'unix' ? this.sockets.find(inode) : null;
    return {
      ...(outside ? this.restoredSocket : this.restored),
      name: `plugin ${plugin}`,
      refuse: () => null,
      dump: (file, id, context) => {
        if (outside) this.sockets.write(file, id, outside, context);
        else context.add({ type: FD_TYPES.EXT, id, ext: { id, fown: file.fown } });
        // The host's copy is closed when this returns; the plugin is asked when all tables are read.
        const local = context.calls.must({ why: 'keep a descriptor' }, 'fcntl', file.local, F.dupfdCloexec, 3);
        context.onClose(() => closeSync(local));
        const saved = { ...seenObject(file, true), fd: file.fd!, id, flags: file.flags, pos: file.pos, local };
        this.queue.push({ plugin, what: claim.what, file: outside ? { ...saved, socket: seenSocket(outside) } : saved });
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
      const flags = this.recorded.get(entry.id)?.flags ?? O.rdwr;
      return this.read({ id: entry.id, flags }, entry.ext!.fown, context);
    },
  };

  private readonly restoredSocket: FileKind = {
    ...this.restored,
    name: 'plugin socket',
    type: FD_TYPES.UNIXSK,
    field: 'usk',
    read: ({ id, usk }, context) => {
      const names = context.state('names of sockets outside', () => externNames(context.run.images));
      return this.read({ id, flags: usk!.flags, socket: storedSocket(usk!, names) }, usk!.fown, context, usk);
    },
  };

  private read(file: OpenedFile, fown: FownEntry, context: RestoreContext, usk?: UnixSkEntry): Description {
    const { id, flags } = file;
    this.wanted.set(id, { file, usk });
    context.onUndo(() => this.close());
    return { id, what: `file ${id} of a plugin`, flags, fown, open: () => this.take(id) };
  }

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
    let left = [...this.wanted.values()].map((wanted) => ({ wanted, why: '' }));
    for (let round = 0; left.length > 0 && round < MAX_ROUNDS; round++) {
      const waiting: typeof left = [];
      for (const { wanted } of left) {
        const answer = await this.openOne(wanted);
        if ('retry' in answer) waiting.push({ wanted, why: answer.retry });
      }
      if (waiting.length === left.length) throw stuck(waiting);
      left = waiting;
    }
  }

  private async openOne({ file, usk }: Wanted): Promise<FileAnswer> {
    const { id, flags } = file;
    const known = this.recorded.get(id);
    const answers = await this.hooks.ask('restore.openFile', file, known?.plugin ?? null);
    const owner = ownerOf(answers, this.services.ranking, () => `file ${id}`);
    if (!owner) throw nobody(id, known?.plugin, this.hooks.tappedBy('restore.openFile'));
    for (const { answer } of answers) if (answer !== owner.answer && 'fd' in answer) closeSync(answer.fd);
    if ('retry' in owner.answer) return owner.answer;
    const { fd } = owner.answer;
    if (!Number.isInteger(fd) || fd < 3) throw badAnswer(owner.plugin, id, fd);
    this.services.calls().must({ why: `set the flags of file ${id} of plugin ${owner.plugin}` }, 'fcntl', fd, F.setfl, flags & SETTABLE);
    this.opened.set(id, { fd, plugin: owner.plugin });
    if (usk && !finishSocket(this.services.calls(), fd, usk)) throw badAnswer(owner.plugin, id, `${fd}, which is no socket,`);
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

function stuck(waiting: readonly { readonly wanted: Wanted; readonly why: string }[]): CrError {
  const lines = waiting.slice(0, 20).map(({ wanted, why }) => `  file ${wanted.file.id}: ${why}`);
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
