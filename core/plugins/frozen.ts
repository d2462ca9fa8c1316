/** What plugins are given is theirs to read: the next plugin, and the engine, see what this one saw. */

/** Freezes plain data to the bottom. Bytes cannot be frozen; contexts hold copies of them. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) frozen(part);
  return value;
}
