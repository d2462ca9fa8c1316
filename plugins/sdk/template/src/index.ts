/** Carries descriptors of a device that criu-ts does not know: remembers what was open, and opens it again. */
import { openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { definePlugin, type Manifest } from '@criu-ts/plugin-sdk';

interface Package {
  readonly version: string;
  readonly 'criu-ts': Omit<Manifest, 'version'>;
}
/** What package.json says can be read without running this file; the definition must say the same. */
const { version, 'criu-ts': manifest } = createRequire(import.meta.url)('../../package.json') as Package;

const O_ACCMODE = 3;
/** One file per descriptor, so that nothing has to be collected. The name must begin with that of the plugin. */
const fileOf = (id: number): string => `${manifest.name}-${id}.json`;

export default definePlugin({
  ...manifest,
  version,
  apply(host) {
    host.on('dump.claimFile', ({ link }) => ({ what: link }));
    host.on('dump.saveFile', ({ id, link }) => host.images.write(fileOf(id), JSON.stringify({ path: link })));
    host.on('restore.openFile', ({ id, flags }) => {
      const { path } = JSON.parse(Buffer.from(host.images.read(fileOf(id))).toString()) as { path: string };
      return { fd: openSync(path, flags & O_ACCMODE) };
    });
  },
});
