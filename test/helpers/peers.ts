/** The real CRIU, unpacked by config/peers.mjs. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './run-command.js';

export interface Peer {
  /** Such as `4.2.1`. */
  readonly version: string;
  /** Absolute path of the program; a script that calls the dynamic loader of the unpacked folder. */
  readonly command: string;
}

const FOLDER = join(repository, 'test/.peers');

/** All unpacked releases, oldest first. @throws Error when there is none: a comparison with nobody must not count as passed. */
export function peers(): Peer[] {
  const names = existsSync(FOLDER) ? readdirSync(FOLDER).sort() : [];
  const found = names
    .map((version) => ({ version, command: join(FOLDER, version, 'criu') }))
    .filter(({ version, command }) => !version.startsWith('.') && existsSync(command));
  if (found.length === 0) throw new Error(`no CRIU under ${FOLDER}: run node config/peers.mjs`);
  return found;
}
