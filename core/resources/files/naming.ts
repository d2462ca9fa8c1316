/** Whether the name under which a file was opened still leads to it. */
import { statSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { encodeText } from '../../kernel/procfs/text.js';
import { everyProcessHas, processOf } from './dead-process.js';
import { fileType, S, type SeenFile } from './kind.js';
import { lookAt, sameInode } from './names.js';

const DELETED = ' (deleted)';
const PROC_SUPER_MAGIC = 0x9fa0;
const HUGETLBFS_MAGIC = 0x958458f6;
const BLOCK = 512n;

/**
 * `named`: the name leads to the file. `ghost`: it has no name any more. `unlinked`: this name is gone, another one exists.
 * `ended`: it is in /proc of a process that has ended. `hidden`: the name leads to something else, or nowhere that we can see.
 */
export interface Naming {
  readonly state: 'named' | 'ghost' | 'unlinked' | 'ended' | 'hidden';
  readonly name: string;
}

/** Link text without what the kernel adds when the name is gone. */
export function stripped(link: string): string {
  return link.endsWith(DELETED) ? link.slice(0, -DELETED.length) : link;
}

/** Link text and stat decide (kernel-tasks.md 9.3); a file may really be called `x (deleted)`. */
export function namingOf(file: SeenFile, evasiveDevices: boolean): Naming {
  const { link, stat } = file;
  if (!link.startsWith('/')) return { state: 'hidden', name: link };
  if (onProc(file)) return namingInProc(link);
  if (stat.nlink === 0n) return { state: 'ghost', name: stripped(link) };
  const isLink = fileType(stat.mode) === S.link;
  const at = isLink ? lookAt(encodeText(link)) : (statSync(encodeText(link), { bigint: true, throwIfNoEntry: false }) ?? null);
  if (sameInode(stat, at)) return { state: 'named', name: link };
  if (link.endsWith(DELETED) || at === null) return { state: inNoFolder(file) ? 'hidden' : 'unlinked', name: stripped(link) };
  const device = fileType(stat.mode) === S.chr && fileType(at.mode) === S.chr && at.rdev === stat.rdev;
  return { state: evasiveDevices && device ? 'named' : 'hidden', name: link };
}

/** The link of a folder of a process that has ended says that it is deleted; those of the files in it do not. */
function namingInProc(link: string): Naming {
  const name = stripped(link);
  const process = processOf(name);
  if (process && lookAt(`/proc/${process.pid}`) === null) return { state: everyProcessHas(process.rest) ? 'ended' : 'hidden', name };
  return { state: name === link && lookAt(encodeText(link)) !== null ? 'named' : 'hidden', name };
}

/**
 * True for files of a file system that only the kernel mounts (memfd_secret): they have names such as /secretmem, and no folder in which they could get
 * another one. Kinds of file systems are compared, because on overlayfs a file and its folder may tell different devices.
 */
function inNoFolder(file: SeenFile): boolean {
  return statfsSync(encodeText(folderLeft(stripped(file.link)))).type !== statfsSync(file.proc).type;
}

/** The lowest folder on the way to a name that is still there. */
export function folderLeft(name: string): string {
  let folder = dirname(name);
  while (folder !== '/' && lookAt(encodeText(folder))?.isDirectory() !== true) folder = dirname(folder);
  return folder;
}

/** A file of huge pages: it can be mapped, but not written to. */
export function onHugetlbfs(file: SeenFile): boolean {
  return statfsSync(file.proc).type === HUGETLBFS_MAGIC;
}

function onProc(file: SeenFile): boolean {
  return file.link.startsWith('/proc/') && statfsSync(file.proc).type === PROC_SUPER_MAGIC;
}

/** Bytes on disk. */
export function bytesOf(file: SeenFile): bigint {
  return file.stat.blocks * BLOCK;
}
