// What the host must have before anything can be built, and the words to say when it does not.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { spawnSync } from 'node:child_process';

/** A failure that is explained by its message alone: printed without a stack trace. */
export class SetupError extends Error {}

const MIN_NODE = [20, 19];

/** Absolute path of a program on PATH, or undefined. */
export function which(name) {
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    if (dir === '') continue;
    try {
      accessSync(join(dir, name), constants.X_OK);
      return join(dir, name);
    } catch {
      // Not here: look in the next folder.
    }
  }
  return undefined;
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])) return;
  throw new SetupError(
    `Node ${process.versions.node} is too old: criu-ts needs Node >= ${MIN_NODE.join('.')}.\n` +
      '  Debian: the nodejs package of Debian 13 is new enough; for Debian 12 use https://nodejs.org or https://deb.nodesource.com.',
  );
}

/** The compiler must really take C++17; a name on PATH says little. */
function compilesCxx17(compiler) {
  const source = '#include <optional>\nint main() { if constexpr (sizeof(int) == 4) return std::optional<int>{0}.value(); }\n';
  return spawnSync(compiler, ['-std=c++17', '-fsyntax-only', '-x', 'c++', '-'], { input: source }).status === 0;
}

/** Throws a SetupError that names every missing Debian package at once. `native` is true when C++ must be compiled now. */
export function checkTools({ native }) {
  checkNode();
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new SetupError(`criu-ts runs on Linux x86-64 only so far; this is ${process.platform} ${process.arch}.`);
  }
  if (!native) return;
  const missing = [];
  const compiler = process.env.CXX ?? ['c++', 'g++', 'clang++'].find((name) => which(name) !== undefined);
  if (compiler === undefined) missing.push(['a C++17 compiler', 'g++']);
  else if (!compilesCxx17(compiler)) missing.push([`a C++17 compiler with its library (${compiler} cannot compile C++17)`, 'g++']);
  if (which('cc') === undefined && which('gcc') === undefined && process.env.CC === undefined) missing.push(['a C compiler', 'gcc']);
  if (which('cmake') === undefined) missing.push(['CMake', 'cmake']);
  if (which('make') === undefined && which('ninja') === undefined) missing.push(['make or ninja', 'make']);
  if (missing.length === 0) return;
  throw new SetupError(
    `Missing on this machine: ${missing.map(([what]) => what).join(', ')}.\n` +
      `  Debian and Ubuntu: apt-get install ${missing.map(([, name]) => name).join(' ')}`,
  );
}

/** Runs a build command; its output is shown only when it fails, because then it is the message. */
export function build(what, command, args, options = {}) {
  const started = performance.now();
  process.stdout.write(`setup: ${what} ... `);
  const done = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 256 << 20, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (done.error === undefined && done.status === 0) {
    console.log(`${seconds} s`);
    return;
  }
  console.log('failed');
  const why = done.error?.message ?? (done.signal === null ? `exit status ${done.status}` : `killed by ${done.signal}`);
  throw new SetupError(`${`${done.stdout ?? ''}${done.stderr ?? ''}`.trim()}\n${what} failed: ${[command, ...args].join(' ')}: ${why}`);
}
