/** Carries descriptors of a device that criu-ts does not know: remembers what was open (its native part asks the kernel), and opens it again. */
import { openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { definePlugin, type Manifest } from '@criu-ts/plugin-sdk';

interface Package {
  readonly version: string;
  readonly 'criu-ts': Omit<Manifest, 'version'>;
}
/** What package.json says can be read without running this file; the definition must say the same. */
const { version, 'criu-ts': manifest } = createRequire(import.meta.url)('../../package.json') as Package;

interface Saved {
  readonly path: string;
  readonly blocking: boolean;
}

const O_ACCMODE = 3;
/** One file per descriptor, so that nothing has to be collected. The name must begin with that of the plugin. */
const fileOf = (id: number): string => `${manifest.name}-${id}.json`;

export default definePlugin({
  ...manifest,
  version,
  apply(host) {
    host.on('dump.claimFile', ({ link }) => ({ what: link }));
    host.on('dump.saveFile', async ({ id, link, local }) => {
      const native = await host.loadNative();
      const { blocking } = (await native.call('describe', null, { fds: [local] })) as { blocking: boolean };
      await native.close();
      host.images.write(fileOf(id), JSON.stringify({ path: link, blocking } satisfies Saved));
    });
    host.on('restore.openFile', ({ id, flags }) => {
      const { path } = JSON.parse(Buffer.from(host.images.read(fileOf(id))).toString()) as Saved;
      return { fd: openSync(path, flags & O_ACCMODE) };
    });
  },
});
