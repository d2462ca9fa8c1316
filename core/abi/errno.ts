/** Errno names and numbers of the running kernel's ABI. Node carries the table (os.constants.errno), so there is no second copy here. */
import { constants } from 'node:os';

const byNumber = new Map<number, string>();
for (const [name, value] of Object.entries(constants.errno)) if (!byNumber.has(value)) byNumber.set(value, name);

/** Symbolic name, such as `ENOENT`; numbers that have none are shown as `errno N`. */
export function errnoName(errno: number): string {
  return byNumber.get(errno) ?? `errno ${errno}`;
}

/** Number of a symbolic name. Throws RangeError for a name that does not exist. */
export function errnoNumber(name: string): number {
  const value = (constants.errno as Readonly<Record<string, number>>)[name];
  if (value === undefined) throw new RangeError(`no errno is called ${name}`);
  return value;
}
