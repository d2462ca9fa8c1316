/** `criu-ts encode`: an image from the JSON that `show --format json` (or crit) printed. */
import { closeSync, fstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { CrError } from '../errors.js';
import { imageFromJson } from '../images/image-json.js';
import { parseJson } from '../images/json.js';
import { isTerminal } from '../terminal.js';
import type { CommandRunner } from './main.js';
import { unlessClosed, writeOut } from './output.js';

const STDIN = '-';
/** The longest string that the engine can hold is a little over this. */
const MAX_JSON = 500 << 20;

function readText(name: string): string {
  const fd = name === STDIN ? 0 : openSync(name, 'r');
  try {
    if (fstatSync(fd).size > MAX_JSON) throw new RangeError(`longer than ${MAX_JSON >> 20} MiB`);
    return readFileSync(fd, 'utf8');
  } finally {
    if (fd !== 0) closeSync(fd);
  }
}

/** Throws CR_IMAGE_BAD that names the file, whatever is wrong with it. */
function imageOf(name: string): Buffer[] {
  const path = name === STDIN ? 'standard input' : name;
  try {
    return imageFromJson(parseJson(readText(name)));
  } catch (error) {
    const message = error instanceof SyntaxError ? `is not JSON: ${error.message}` : error instanceof Error ? error.message : String(error);
    throw new CrError('CR_IMAGE_BAD', { message, subject: { path }, hint: 'Mend the JSON text.', cause: error });
  }
}

/** Written beside and renamed: a failure must not cost the image that is there. */
function replaceFile(path: string, parts: readonly Uint8Array[]): void {
  const beside = `${path}.new`;
  try {
    rmSync(beside, { force: true });
    writeFileSync(beside, Buffer.concat(parts), { flag: 'wx', mode: 0o644 });
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    const errno = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new CrError('CR_IMAGE_WRITE', { message: `cannot be written (${errno})`, subject: { path }, cause: error });
  }
}

function encode(json: string, image: string): void {
  if (image === STDIN && isTerminal(1))
    throw new CrError('CR_USAGE', {
      message: 'an image is not written to a terminal',
      hint: 'Name the image to write, or redirect the output.',
    });
  const parts = imageOf(json);
  if (image !== STDIN) return replaceFile(image, parts);
  unlessClosed(() => parts.forEach((part) => writeOut(1, part)));
}

/** Words: the JSON file (`-` is standard input) and the image to write (none or `-` is standard output). */
export const runEncode: CommandRunner = ({ words: [json = STDIN, image = STDIN] }) =>
  new Promise((resolve) => {
    encode(json, image);
    resolve(0);
  });
