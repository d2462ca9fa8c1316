/** Files of plugins beside the images: named after the plugin, plain names only, no link followed. */
import { constants, closeSync, fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import { CrError } from '../errors.js';
import type { ImageReader } from '../images/reader.js';
import type { ImageWriter } from '../images/writer.js';
import type { PluginImages } from './definition.js';
import type { LoadedPlugin } from './session.js';

const MAX_READ = 1 << 30;

/** `cuda_plugin-devices.json`, but for amdgpu_plugin also `amdgpu-kfd-1.img`, as CRIU names it. @throws RangeError */
function checkName(plugin: string, name: string): string {
  const prefix = plugin.replace(/_plugin$/, '');
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/.test(name) || !(name.startsWith(`${plugin}-`) || name.startsWith(`${prefix}-`)))
    throw new RangeError(
      `a file of plugin ${plugin} must be called ${plugin}-...: letters, digits, ".", "_" and "-", not ${JSON.stringify(name).slice(0, 80)}`,
    );
  return name;
}

export function writtenImages(writer: () => ImageWriter | null, { manifest }: LoadedPlugin): PluginImages {
  const open = (name: string) => {
    const images = writer();
    if (!images) throw new RangeError('there are no images yet: the pre-flight is not over');
    return { images, fd: images.rawFile(checkName(manifest.name, name)) };
  };
  return {
    write(name, data) {
      const bytes = Buffer.from(data);
      const { fd } = open(name);
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, done);
    },
    read: () => {
      throw new RangeError('a dump has nothing to read');
    },
    path: (name) => `${open(name).images.dir}/${name}`,
  };
}

export function readImages(images: ImageReader, { manifest }: LoadedPlugin): PluginImages {
  return {
    write: () => {
      throw new RangeError('a restore writes no images');
    },
    read(name) {
      const path = images.pathOf(checkName(manifest.name, name));
      const bad = (code: 'CR_IMAGE_MISSING' | 'CR_IMAGE_BAD', message: string) =>
        new CrError(code, { message, subject: { path }, target: 'not started' });
      let fd: number;
      try {
        fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      } catch (error) {
        const errno = (error as NodeJS.ErrnoException).code ?? 'EIO';
        throw bad(errno === 'ENOENT' ? 'CR_IMAGE_MISSING' : 'CR_IMAGE_BAD', `cannot be opened (${errno})`);
      }
      try {
        const stat = fstatSync(fd);
        if (!stat.isFile() || stat.size > MAX_READ) throw bad('CR_IMAGE_BAD', `is no file of at most ${MAX_READ} bytes`);
        return readFileSync(fd);
      } finally {
        closeSync(fd);
      }
    },
    path: (name) => images.pathOf(checkName(manifest.name, name)),
  };
}
