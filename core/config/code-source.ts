/** What the module hooks decide, apart from how Node calls them: which file a name means, and what is run of a file. */
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import { CrError } from '../errors.js';
import { CODE_MARK } from './code-refusal.js';
import { checkTrusted, readTrusted } from './trust.js';

const MAX_SOURCE_BYTES = 16 << 20;
const WHAT = 'code';

/** Folder of criu-ts, from dist/core/config. */
const PACKAGE = new URL('../../../', import.meta.url).href;
const LIBRARY = new URL('../index.js', import.meta.url).href;
/** The one function of the library that configuration files need; the library itself takes longer to load than most dumps take. */
const CONFIG_ENTRY = new URL('./define.js', import.meta.url).href;

export type SourceFormat = 'module' | 'commonjs' | 'json';

export interface Source {
  readonly format: SourceFormat;
  readonly source: string;
}

/** Modules that belong to a file of ours, by URL without query (Node >= 22.15 names the parent of a require() so), with whether all that they take from criu-ts is `defineConfig`. */
const graph = new Map<string, boolean>();

export function belongs(url: string | undefined): boolean {
  return url !== undefined && graph.has(keyOf(url));
}

/** Called with what a name was resolved to. */
export function join(url: string): void {
  if (url.startsWith('file:') && !url.startsWith(PACKAGE) && !belongs(url)) graph.set(keyOf(url), false);
}

function keyOf(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** Where `criu-ts` is, wherever the importing file lies. */
export function libraryFor(parent: string): string {
  return graph.get(keyOf(parent)) === true ? CONFIG_ENTRY : LIBRARY;
}

/** True when every mention of criu-ts is an import of `defineConfig` alone. A mistake here costs time, nothing else. */
function takesOnlyDefineConfig(source: string): boolean {
  const mentions = source.match(/['"]criu-ts['"]/g)?.length ?? 0;
  const light = source.match(/\bimport\s*\{\s*defineConfig\s*,?\s*\}\s*from\s*['"]criu-ts['"]/g)?.length ?? 0;
  return mentions > 0 && mentions === light;
}

interface SyntaxProblem {
  readonly message?: string;
  readonly startLine?: number;
  readonly startColumn?: number;
}

/** Types become blanks, so that lines and columns stay. */
function stripTypes(source: string, path: string): string {
  const swc = createRequire(import.meta.url)('@swc/wasm-typescript') as typeof import('@swc/wasm-typescript');
  try {
    return swc.transformSync(source, { mode: 'strip-only', filename: path }).code;
  } catch (error) {
    const { message, startLine, startColumn } = error as SyntaxProblem;
    const place = startLine === undefined ? '' : `:${startLine}:${(startColumn ?? 0) + 1}`;
    throw new CrError('CR_USAGE', {
      message: `${path}${place}: ${(message ?? String(error)).split('\n').join(' ').slice(0, 300)}`,
      hint: 'Only types that can be erased can stand in it, as for Node itself: no enum, namespace or parameter property.',
      target: 'not started',
    });
  }
}

/** As Node detects it: what does not compile as CommonJS is a module. Nothing is run. */
function isCommonJs(source: string): boolean {
  try {
    compileFunction(source, ['exports', 'require', 'module', '__filename', '__dirname']);
    return true;
  } catch {
    return false;
  }
}

function formatOf(extension: string, hint: string | null | undefined, source: string): SourceFormat {
  if (extension === '.json') return 'json';
  if (extension === '.mjs' || extension === '.ts' || extension === '.mts') return 'module';
  if (extension === '.cjs' || extension === '.cts') return 'commonjs';
  if (hint === 'module' || hint === 'commonjs') return hint;
  return isCommonJs(source) ? 'commonjs' : 'module';
}

/** `require('criu-ts')` of CommonJS; on the first line, so that line numbers stay. */
const REQUIRE = "require=(r=>Object.assign(n=>n==='criu-ts'?{defineConfig:c=>c}:r(n),r))(require);";

/**
 * What is run of a file that belongs to ours: read from the descriptor that was checked.
 * @returns undefined for what Node itself must load (an addon); its path was checked
 * @throws CrError
 */
export function readSource(url: string, hint: string | null | undefined): Source | undefined {
  if (!url.startsWith('file:')) return undefined;
  const path = fileURLToPath(url);
  const extension = extname(path);
  if (!['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json'].includes(extension)) {
    checkTrusted(path, WHAT);
    return undefined;
  }
  const text = readTrusted(path, WHAT, MAX_SOURCE_BYTES)
    .bytes.toString('utf8')
    .replace(/^\uFEFF/, '');
  const source = extension.endsWith('ts') ? stripTypes(text, path) : text;
  const format = formatOf(extension, hint, source);
  graph.set(keyOf(url), format === 'module' && takesOnlyDefineConfig(source));
  const needsRequire = format === 'commonjs' && /['"]criu-ts['"]/.test(source);
  return { format, source: needsRequire ? `${REQUIRE}${source.replace(/^#!.*/, '')}` : source };
}

/** True for the URL of a file that we import. */
export function isMarked(url: string): boolean {
  return url.startsWith('file:') && new URL(url).searchParams.has(CODE_MARK);
}
