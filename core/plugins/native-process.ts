/** Native parts of plugins, each in a helper process of its own. */
import { CrError } from '../errors.js';
import type { NativeOptions, NativeProcess } from './definition.js';
import type { LoadedPlugin } from './session.js';

export function startNative({ manifest }: LoadedPlugin, _options: NativeOptions | undefined): Promise<NativeProcess> {
  return Promise.reject(
    new CrError('CR_NOT_BUILT', { message: `native parts (plugin ${manifest.name}) are not built yet`, target: 'not started' }),
  );
}
