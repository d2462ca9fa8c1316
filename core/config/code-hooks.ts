/**
 * Module hooks (node:module): for files that users wrote and we run, and for what they import. Node < 22.15 calls `resolve` and `load` on a thread of
 * their own, later ones call `resolveSync` and `loadSync` on the thread that imports.
 */
import { encodeRefusal } from './code-refusal.js';
import { type SourceFormat, belongs, isMarked, join, libraryFor, readSource } from './code-source.js';

interface Resolved {
  readonly url: string;
  readonly format?: string | null;
  readonly shortCircuit?: boolean;
}

interface Loaded {
  readonly format: SourceFormat | 'builtin';
  readonly source?: string;
  readonly shortCircuit?: boolean;
}

interface Context {
  readonly parentURL?: string;
  readonly format?: string | null;
}

type Next<T> = (name: string, context: Context) => T;

function library(specifier: string, { parentURL = '' }: Context): Resolved | undefined {
  if (specifier !== 'criu-ts' || !belongs(parentURL)) return undefined;
  return { url: libraryFor(parentURL), format: 'module', shortCircuit: true };
}

/** Packages of this program are looked for beside it first. */
function ours(specifier: string, context: Context): Context | undefined {
  return specifier.startsWith('@criu-ts/') && belongs(context.parentURL) ? { ...context, parentURL: import.meta.url } : undefined;
}

function after(specifier: string, { parentURL }: Context, resolved: Resolved): Resolved {
  if (belongs(parentURL) || isMarked(specifier)) join(resolved.url);
  return resolved;
}

function source(url: string, { format }: Context): Loaded | undefined {
  if (!belongs(url)) return undefined;
  try {
    const read = readSource(url, format);
    return read === undefined ? undefined : { ...read, shortCircuit: true };
  } catch (error) {
    throw encodeRefusal(error);
  }
}

async function firstOf(specifier: string, contexts: readonly Context[], next: Next<Promise<Resolved>>): Promise<Resolved> {
  const [context = {}, ...others] = contexts;
  try {
    return await next(specifier, context);
  } catch (error) {
    if (others.length === 0) throw error;
    return firstOf(specifier, others, next);
  }
}

function firstOfSync(specifier: string, contexts: readonly Context[], next: Next<Resolved>): Resolved {
  const [context = {}, ...others] = contexts;
  try {
    return next(specifier, context);
  } catch (error) {
    if (others.length === 0) throw error;
    return firstOfSync(specifier, others, next);
  }
}

function contextsFor(specifier: string, context: Context): Context[] {
  const own = ours(specifier, context);
  return own === undefined ? [context] : [own, context];
}

export async function resolve(specifier: string, context: Context, next: Next<Promise<Resolved>>): Promise<Resolved> {
  return library(specifier, context) ?? after(specifier, context, await firstOf(specifier, contextsFor(specifier, context), next));
}

export async function load(url: string, context: Context, next: Next<Promise<Loaded>>): Promise<Loaded> {
  return source(url, context) ?? (await next(url, context));
}

export function resolveSync(specifier: string, context: Context, next: Next<Resolved>): Resolved {
  return library(specifier, context) ?? after(specifier, context, firstOfSync(specifier, contextsFor(specifier, context), next));
}

export function loadSync(url: string, context: Context, next: Next<Loaded>): Loaded {
  return source(url, context) ?? next(url, context);
}
