/** `criu-ts show`: images, or all images of a folder, as text for people or as JSON in crit's form. */
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { CrError } from '../errors.js';
import { badImage, ImageFile } from '../images/container.js';
import { kindOfFile, recordsOf, recordToJson } from '../images/image-json.js';
import { jsonPieces, jsonString } from '../images/json.js';
import { imageLines, safeText } from '../images/listing.js';
import { RAW_FILES } from '../images/magic.js';
import { folderFiles, overviewLines, type FolderFile } from '../images/overview.js';
import type { NumberStyle } from '../images/text.js';
import type { CommandRunner } from './main.js';
import { Output, unlessClosed } from './output.js';

interface JsonForm {
  readonly style: NumberStyle;
  readonly indent: number;
}

function withImage(path: string, use: (file: ImageFile) => void): void {
  const file = ImageFile.open(path);
  try {
    use(file);
  } finally {
    file.close();
  }
}

/** Record by record: an image may be larger than what fits into one string. */
function writeJson(out: Output, file: ImageFile, { style, indent }: JsonForm): void {
  if (RAW_FILES.test(basename(file.path))) throw badImage(file.path, 0, 'holds raw data, no records', 'CR_IMAGE_FEATURE');
  const kind = kindOfFile(file);
  const line = (depth: number): string => (indent === 0 ? '' : `\n${' '.repeat(indent * depth)}`);
  out.write(`{${line(1)}"magic": ${jsonString(kind.magicName)},${indent === 0 ? ' ' : line(1)}"entries": [`);
  let index = 0;
  for (const record of recordsOf(file, kind)) {
    out.write((index === 0 ? '' : indent === 0 ? ', ' : ',') + line(2));
    for (const piece of jsonPieces(recordToJson(file, kind, index, record, style), indent, 2)) out.write(piece);
    index++;
  }
  out.write(`${index === 0 ? '' : line(1)}]${line(0)}}`);
}

function writeImage(out: Output, file: ImageFile, form: JsonForm | null): void {
  if (form === null) return writeText(out, file);
  writeJson(out, file, form);
  out.line('');
}

function writeText(out: Output, file: ImageFile): void {
  if (RAW_FILES.test(basename(file.path))) return out.line(`${safeText(basename(file.path))}: raw data, ${file.size} bytes`);
  const kind = kindOfFile(file);
  out.line(`${safeText(basename(file.path))}: ${kind.magicName}, ${file.size} bytes`);
  for (const line of imageLines(file, kind)) out.line(line);
}

/** Every image of a folder; one that is damaged does not hide the others. @returns the first error */
function eachFile(
  files: readonly FolderFile[],
  show: (file: FolderFile) => void,
  failed: (file: FolderFile, error: CrError) => void,
): CrError | undefined {
  let first: CrError | undefined;
  for (const file of files) {
    try {
      show(file);
    } catch (error) {
      if (!(error instanceof CrError)) throw error;
      first ??= error;
      failed(file, error);
    }
  }
  return first;
}

function folderText(out: Output, dir: string): CrError | undefined {
  for (const line of overviewLines(dir)) out.line(line);
  return eachFile(
    folderFiles(dir),
    ({ path }) => {
      out.line('');
      withImage(path, (file) => writeText(out, file));
    },
    ({ name }, error) => out.line(`${safeText(name)}: ${error.code}  ${safeText(error.message)}`),
  );
}

/** An object with one member for each file; raw files tell their size. */
function folderJson(out: Output, dir: string, form: JsonForm): void {
  out.write('{');
  for (const [i, { name, path, size, raw }] of folderFiles(dir).entries()) {
    out.write(`${i === 0 ? '' : ','}\n${jsonString(name)}: `);
    if (raw) out.write(`{"bytes": ${size}}`);
    else withImage(path, (file) => writeJson(out, file, form));
  }
  out.line('\n}');
}

function showOne(out: Output, path: string, form: JsonForm | null): CrError | undefined {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder && form === null) return folderText(out, path);
  if (isFolder && form !== null) folderJson(out, path, form);
  else withImage(path, (file) => writeImage(out, file, form));
  return undefined;
}

function show(words: readonly string[], form: JsonForm | null): void {
  const out = new Output();
  let failure: CrError | undefined;
  try {
    for (const word of words) failure = showOne(out, word, form) ?? failure;
  } finally {
    out.flush();
  }
  if (failure !== undefined) throw failure;
}

/** Words are images and folders. Ends with an error when one of them is damaged. */
export const runShow: CommandRunner = ({ words, settings }) =>
  new Promise((resolve) => {
    const pretty: JsonForm = { style: 'pretty', indent: 4 };
    const form = settings.pretty === true ? pretty : settings.format === 'json' ? ({ style: 'exact', indent: 0 } as const) : null;
    unlessClosed(() => show(words, form));
    resolve(0);
  });
