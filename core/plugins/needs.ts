/**
 * Whether a plugin that was merely found can have anything to do in a dump: decided from its manifest, before any code of it is loaded or tried. One whose hooks are
 * all about objects that it claims, or whose manifest says so (`tree`), has nothing to do in a tree that holds none of them.
 */
import type { ProcReader } from '../kernel/procfs/reader.js';
import { readFds } from '../kernel/procfs/fd-list.js';
import { readMaps } from '../kernel/procfs/maps.js';
import { SocketFamilies } from '../kernel/procfs/net-sockets.js';
import { seeLink } from '../resources/files/seen.js';
import type { SeenObject } from './contexts.js';
import type { ClaimFilter, Manifest } from './definition.js';
import { anonymousName, Glob, seenMapping, seenObject } from './filter.js';
import { isHookName, PLUGIN_HOOKS } from './hook-table.js';

/** A link in /proc/PID. */
interface Link {
  readonly name: string;
  readonly fd: number | null;
  /** Null when it is gone. */
  readonly text: string | null;
}

/** What is behind descriptors, cwd, root and executables of a tree: each thing once, by the ways in which claims name it. */
interface Files {
  readonly charMajors: ReadonlySet<number>;
  readonly blockMajors: ReadonlySet<number>;
  readonly anonInodes: ReadonlySet<string>;
  readonly sockets: readonly SeenObject[];
  readonly links: readonly string[];
}

interface Mappings {
  readonly charMajors: ReadonlySet<number>;
  readonly blockMajors: ReadonlySet<number>;
  readonly links: readonly string[];
}

/** What a tree holds, looked at when somebody asks. Sets, because hundreds of plugins may ask. */
export class TreeObjects {
  private files: Files | null = null;
  private mappings: Mappings | null = null;
  private families: ReadonlySet<string> | null = null;

  /** @param pids processes of the tree */
  constructor(
    private readonly proc: ProcReader,
    private readonly pids: () => readonly number[],
  ) {}

  /** Whether Claims of such a manifest would be shown anything of this tree, or it maps one of the files `mapped` (globs). */
  hold(
    { charMajors = [], blockMajors = [], anonInodes = [], sockets = [], paths = [] }: ClaimFilter,
    mappings: boolean,
    mapped: readonly string[] = [],
  ): boolean {
    const files = (this.files ??= this.readFiles());
    if (charMajors.some((major) => files.charMajors.has(major)) || blockMajors.some((major) => files.blockMajors.has(major))) return true;
    if (anonInodes.some((name) => files.anonInodes.has(name)) || sockets.some((family) => this.familiesOf(files).has(family))) return true;
    const globs = paths.map((path) => new Glob(path));
    if (files.links.some((link) => globs.some((glob) => glob.fits(link)))) return true;
    if (!mappings && mapped.length === 0) return false;
    const seen = (this.mappings ??= this.readMappings());
    const wanted = [...mapped.map((path) => new Glob(path)), ...(mappings ? globs : [])];
    if (seen.links.some((link) => wanted.some((glob) => glob.fits(link)))) return true;
    return mappings && (charMajors.some((major) => seen.charMajors.has(major)) || blockMajors.some((major) => seen.blockMajors.has(major)));
  }

  private familiesOf({ sockets }: Files): ReadonlySet<string> {
    const families = new SocketFamilies(this.proc);
    return (this.families ??= new Set(sockets.map((file) => families.of(file) ?? '')));
  }

  private readFiles(): Files {
    const all = new Map<string, SeenObject>();
    for (const pid of this.pids()) {
      const links = ['cwd', 'root', 'exe'].map((name): Link => ({ name, fd: null, text: this.proc.link(`${pid}/${name}`) }));
      const fds = (readFds(this.proc, pid) ?? []).map(({ fd, link }): Link => ({ name: `fd/${fd}`, fd, text: link }));
      for (const { name, fd, text } of [...links, ...fds]) {
        // Pipes have kinds of their own.
        if (text === null || text.startsWith('pipe:') || all.has(text)) continue;
        const file = seeLink(this.proc, pid, name, fd);
        if (file) all.set(text, seenObject(file, false));
      }
    }
    return sorted([...all.values()]);
  }

  private readMappings(): Mappings {
    const links = new Set<string>();
    const out = { charMajors: new Set<number>(), blockMajors: new Set<number>() };
    for (const pid of this.pids())
      for (const vma of readMaps(this.proc, pid) ?? []) {
        if (!vma.name.startsWith('/') || links.has(vma.name)) continue;
        links.add(vma.name);
        const { type, major } = seenMapping(this.proc, pid, vma, false);
        if (type === 'character device') out.charMajors.add(major);
        if (type === 'block device') out.blockMajors.add(major);
      }
    return { ...out, links: [...links] };
  }
}

function sorted(files: readonly SeenObject[]): Files {
  const out = { charMajors: new Set<number>(), blockMajors: new Set<number>(), anonInodes: new Set<string>() };
  const sockets: SeenObject[] = [];
  const links: string[] = [];
  for (const file of files) {
    const anonymous = anonymousName(file.link);
    if (file.type === 'socket') sockets.push(file);
    else if (anonymous !== undefined) out.anonInodes.add(anonymous);
    else links.push(file.link);
    if (file.type === 'character device') out.charMajors.add(file.major);
    if (file.type === 'block device') out.blockMajors.add(file.major);
  }
  return { ...out, sockets, links };
}

/** Whether all that it does in a dump is about what the tree holds. */
export function waitsForObjects({ hooks, tree }: Pick<Manifest, 'hooks' | 'tree'>): boolean {
  if (tree !== undefined) return true;
  const dumpHooks = Object.keys(hooks).filter((name) => name.startsWith('dump.'));
  return dumpHooks.length > 0 && dumpHooks.every((name) => isHookName(name) && ['claim', 'owner'].includes(PLUGIN_HOOKS[name].kind));
}

/** @returns why it has nothing to do, or null when it may have */
export function uselessness(manifest: Pick<Manifest, 'hooks' | 'claims' | 'tree'>, objects: TreeObjects): string | null {
  const { hooks, claims = {}, tree } = manifest;
  if (!waitsForObjects(manifest) || objects.hold(claims, Object.hasOwn(hooks, 'dump.claimMapping'), tree?.mapped)) return null;
  return `the tree holds nothing that it claims${tree?.mapped ? ', and has none of its files mapped' : ''}`;
}
