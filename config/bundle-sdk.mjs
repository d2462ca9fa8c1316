// Makes plugins/sdk/dist from the compiled modules: the code of the SDK with what it needs of core, and declarations that resolve without this repository.
import { build } from 'esbuild';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

const root = new URL('..', import.meta.url).pathname.replace(/\/$/, '');
const dist = join(root, 'dist');
const sdk = join(root, 'plugins/sdk');
const out = join(sdk, 'dist');
const fresh = `${out}.new`;

/** Entry points by the name that package.json exports. */
const ENTRIES = { index: 'plugins/sdk/index', testing: 'plugins/sdk/testing/index' };
/** What the user of the SDK has besides: Node's own modules, and the program that the plugin is for. */
const OUTSIDE = /^(node:|criu-ts$)/;

const entries = Object.fromEntries(Object.entries(ENTRIES).filter(([, path]) => existsSync(join(dist, `${path}.js`))));

async function writeCode() {
  await build({
    entryPoints: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, join(dist, `${path}.js`)])),
    outdir: fresh,
    bundle: true,
    // One copy of the classes for both entries: errors are compared by class.
    splitting: true,
    chunkNames: 'shared-[hash]',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['criu-ts', '*.node'],
    // What is CommonJS in there may ask for modules of Node.
    banner: { js: "import { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);" },
    legalComments: 'inline',
    logLevel: 'warning',
  });
}

/** Copies a declaration and everything that it leads to, in the same folders. */
function copyTypes(path, done) {
  if (done.has(path)) return;
  done.add(path);
  const text = readFileSync(path, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n');
  const to = join(fresh, 'types', relative(dist, path));
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, text);
  for (const { fileName: name } of ts.preProcessFile(text).importedFiles) {
    if (name.startsWith('.')) copyTypes(join(dirname(path), name.replace(/\.js$/, '.d.ts')), done);
    else if (!OUTSIDE.test(name)) throw new Error(`${relative(dist, path)} names ${name}, which a user of the SDK does not have`);
  }
}

rmSync(fresh, { recursive: true, force: true });
await writeCode();
const done = new Set();
for (const path of Object.values(entries)) copyTypes(join(dist, `${path}.d.ts`), done);
// Somebody may be importing the old one at this moment.
rmSync(`${out}.old`, { recursive: true, force: true });
if (existsSync(out)) renameSync(out, `${out}.old`);
renameSync(fresh, out);
rmSync(`${out}.old`, { recursive: true, force: true });
