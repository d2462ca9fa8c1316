/**
 * Plugins that were found and that only an object which nothing else dumps can make necessary. They are asked last, by their manifests: no code of theirs is
 * loaded for that. In the pre-flight such an object has them loaded, and the pre-flight done again; when the tree stands it is too late for that.
 */
import { CrError } from '../errors.js';
import type { Hooks } from '../hooks.js';
import type { Vma } from '../kernel/procfs/maps.js';
import { SocketFamilies } from '../kernel/procfs/net-sockets.js';
import type { ProcReader } from '../kernel/procfs/reader.js';
import type { SeenFile } from '../resources/files/kind.js';
import type { WaitingManifest } from './bundled.js';
import type { ClaimFilter } from './definition.js';
import { Claims, Glob, isMappedFile, seenMapping, seenObject } from './filter.js';

export class WaitingPlugin {
  /** Made when something is there that nobody dumps: most runs never need them. */
  private made: Claims | null = null;

  constructor(
    readonly name: string,
    readonly folder: string,
    private readonly filter: ClaimFilter,
    /** Which of the two kinds of objects it is asked about. */
    readonly files: boolean,
    readonly mappings: boolean,
    /** Files that make it necessary when a process maps one, whoever dumps them. */
    readonly mapped: readonly Glob[],
  ) {}

  get claims(): Claims {
    return (this.made ??= new Claims(this.filter));
  }
}

/** @throws TypeError for claims that are none: nobody may have checked the manifest yet */
export function waitingPlugin({ name, hooks, claims = {}, tree = {} }: Omit<WaitingManifest, 'host'>, folder: string): WaitingPlugin {
  checkLists('claims', claims, 'paths');
  checkLists('tree', tree, 'mapped');
  const mapped = (tree.mapped ?? []).map((path) => new Glob(path));
  return new WaitingPlugin(name, folder, claims, Object.hasOwn(hooks, 'dump.claimFile'), Object.hasOwn(hooks, 'dump.claimMapping'), mapped);
}

/** Everything in them that is used as something else than it is would throw. */
function checkLists(what: string, lists: object, texts: string): void {
  for (const [key, list] of Object.entries(lists))
    if (!Array.isArray(list) || (key === texts && !list.every((entry) => typeof entry === 'string'))) throw new TypeError(`${what}.${key}`);
}

/** Behind built-in kinds and every plugin that is loaded. */
const LAST = { name: 'plugins that wait', stage: 1_000_000 };
/** Before them, for what they dump and what is a sign all the same. */
const FIRST = { ...LAST, stage: -LAST.stage };

export class WaitingPlugins {
  /** Somebody claims an object of the tree. */
  wanted = false;
  private state: 'looking' | 'late' | 'off' = 'looking';
  private readonly families: SocketFamilies;

  constructor(
    private readonly plugins: readonly WaitingPlugin[],
    private readonly proc: ProcReader,
  ) {
    this.families = new SocketFamilies(proc);
  }

  attach({ claims: { claimFile, claimMapping } }: Hooks): void {
    claimFile.tap(LAST, (file) => this.file(file));
    claimMapping.tap(LAST, (pid, vma) => this.mapping(pid, vma));
    if (this.plugins.some(({ mapped }) => mapped.length > 0)) claimFile.tap(FIRST, (file) => this.mappedFile(file));
  }

  /** Only in the pre-flight: a library that is loaded later has done nothing yet that needs the plugin, or has opened something that it claims. */
  private mappedFile(file: SeenFile): undefined {
    if (this.state !== 'looking' || this.wanted || !isMappedFile(file)) return;
    this.wanted = this.plugins.some(({ mapped }) => mapped.some((glob) => glob.fits(file.link)));
  }

  /** The pre-flight is over: from now on a claimed object ends the dump, with the name of the plugin that it would have needed. */
  late(): void {
    if (this.state === 'looking') this.state = 'late';
  }

  /** They were loaded, those of them that are any use. */
  close(): void {
    this.state = 'off';
  }

  private file(file: SeenFile): undefined {
    if (this.isIdle || isMappedFile(file)) return;
    const object = seenObject(file, this.state === 'late');
    const owner = this.plugins.find(({ files, claims }) => files && claims.file(object, () => this.families.of(object)));
    const { pid, fd, link } = file;
    this.found(owner, { pid, ...(fd === null ? {} : { fd }) }, link);
  }

  private mapping(pid: number, vma: Vma): undefined {
    if (this.isIdle) return;
    const mapping = seenMapping(this.proc, pid, vma, this.state === 'late');
    const owner = this.plugins.find(({ mappings, claims }) => mappings && claims.mapping(mapping));
    this.found(owner, { pid, addr: vma.start }, vma.name);
  }

  /** Nothing that is found any more can change anything. */
  private get isIdle(): boolean {
    return this.state === 'off' || (this.state === 'looking' && this.wanted);
  }

  private found(owner: WaitingPlugin | undefined, subject: { pid: number; fd?: number; addr?: number }, link: string): void {
    if (!owner) return;
    this.wanted = true;
    if (this.state !== 'late') return;
    throw new CrError('CR_UNSUPPORTED', {
      message: `${link} came into the tree after criu-ts had looked which plugins it needs: plugin ${owner.name} (${owner.folder}) claims it and is not loaded`,
      subject,
      hint: `Dump again, or have the plugin loaded in any case: --enable-plugin ${owner.name}.`,
      target: 'running',
    });
  }
}
