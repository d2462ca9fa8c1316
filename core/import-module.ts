/** Imports what is no part of us: plugins and configurations. In the bundle core/cli/import.cjs does it (config/bundle.mjs). */
export const importModule = (url: string): Promise<unknown> => import(url) as Promise<unknown>;
