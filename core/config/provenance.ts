/** Where a value came from: the default, a file, the environment, the command line, or the caller of a library function. */
export type Provenance =
  | { readonly kind: 'default' }
  | {
      readonly kind: 'file';
      readonly file: string;
      /** Option or key, with the keys that lead to it: `profiles.gpu.plugins[0]`. */
      readonly key: string;
      /** Only in files that are read line by line. */
      readonly line?: number;
      /** The profile of `criu.config.*` that says it. */
      readonly profile?: string;
    }
  | { readonly kind: 'environment'; readonly variable: string }
  | {
      readonly kind: 'command line';
      /** As typed: `--enable-plugin`, `-L`. */
      readonly option: string;
    }
  | {
      readonly kind: 'call';
      /** `dump`, `restore`. */
      readonly function: string;
    };

/** For messages: `/etc/criu/criu.config.ts: plugins[0]`, `/etc/criu/default.conf:3: timeout`, `CRIU_LIBS_DIR`, `--enable-plugin`. */
export function provenanceText(from: Provenance): string {
  switch (from.kind) {
    case 'default':
      return 'default';
    case 'file':
      return `${from.file}${from.line === undefined ? '' : `:${from.line}`}: ${from.key}`;
    case 'environment':
      return from.variable;
    case 'command line':
      return from.option;
    case 'call':
      return `${from.function}()`;
  }
}
