/** Which device of the checkpoint becomes which device of this host: pure functions over lists. */
import type { CudaDevice, GpuPair } from './backend.js';
import { CudaError } from './errors.js';

/** A device by UUID or by its number in the list. */
type DeviceName = string | number;

/** What the user asked for. `auto`: the same device where it is there, else one of the same model with enough memory. `ordinal`: by place in the list. */
export type DeviceMapRequest = 'auto' | 'ordinal' | readonly (readonly [old: DeviceName, now: DeviceName])[];

/** `pairs` is empty when every device stays what it is: then the driver needs no list. */
export type DeviceMapResult = { readonly pairs: readonly GpuPair[] } | { readonly problems: readonly string[] };

const UUID = /^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MAX_PAIRS = 256;

function deviceName(text: string): DeviceName {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  if (UUID.test(text)) return normalUuid(text);
  throw new CudaError(
    `option deviceMap: "${text.slice(0, 60)}" is no device`,
    'A device is a UUID as `nvidia-smi -L` prints it (GPU- and 8-4-4-4-12 hex digits), or its number from 0.',
  );
}

/** `GPU-` and small letters. */
export function normalUuid(text: string): string {
  return `GPU-${text.slice(4).toLowerCase()}`;
}

export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** @throws CudaError */
export function parseDeviceMap(text: string): DeviceMapRequest {
  if (text === 'auto' || text === 'ordinal') return text;
  // "," separates options on the command line, so "+" does it here; both are taken.
  const items = text.split(/[+,\s]+/).filter((item) => item !== '');
  if (items.length === 0 || items.length > MAX_PAIRS)
    throw new CudaError(`option deviceMap: ${items.length} pairs`, 'Give auto, ordinal, or 1 to 256 pairs OLD=NEW joined by "+".');
  return items.map((item) => {
    const [old, now, more] = item.split('=');
    if (old === undefined || now === undefined || more !== undefined)
      throw new CudaError(
        `option deviceMap: "${item.slice(0, 100)}" is no pair`,
        'A pair is OLD=NEW: the device at the dump, and the device here.',
      );
    return [deviceName(old), deviceName(now)] as const;
  });
}

/** The map, complete and one to one, or everything that is wrong with it. `source`: devices at the dump; `here`: devices of this host. */
export function planDeviceMap(source: readonly CudaDevice[], here: readonly CudaDevice[], request: DeviceMapRequest): DeviceMapResult {
  const problems: string[] = [];
  const say = (text: string) => void problems.push(text);
  const pairs =
    request === 'auto'
      ? mapByKind(source, here, say)
      : request === 'ordinal'
        ? mapByPlace(source, here, say)
        : mapAsTold(source, here, request, say);
  checkOneToOne(pairs, say);
  checkFit(pairs, source, here, say);
  if (problems.length > 0) return { problems };
  return { pairs: pairs.every(([old, now]) => old === now) ? [] : pairs };
}

type Say = (problem: string) => void;

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const inWords = ({ uuid, name, totalMemory }: CudaDevice) => `${uuid} (${name}${totalMemory === null ? '' : `, ${gib(totalMemory)}`})`;

function isEnough(now: CudaDevice, old: CudaDevice): boolean {
  return now.totalMemory === null || old.totalMemory === null || now.totalMemory >= old.totalMemory;
}

function mapByKind(source: readonly CudaDevice[], here: readonly CudaDevice[], say: Say): GpuPair[] {
  const same = source.filter(({ uuid }) => here.some((device) => device.uuid === uuid));
  const free = here.filter(({ uuid }) => !same.some((device) => device.uuid === uuid));
  const size = ({ totalMemory }: CudaDevice) => totalMemory ?? 0;
  // Largest first, each on the smallest that fits: when any choice is complete, this one is.
  const others = source.filter((device) => !same.includes(device)).sort((a, b) => size(b) - size(a));
  const pairs = new Map(same.map(({ uuid }) => [uuid, uuid]));
  for (const old of others) {
    const fits = free.filter((device) => device.name === old.name && isEnough(device, old)).sort((a, b) => size(a) - size(b));
    const [now] = fits;
    if (now === undefined) {
      say(
        `no device here for ${inWords(old)}: it must be the same model, with as much memory, and not be taken by another; here are ${list(here)}`,
      );
      continue;
    }
    free.splice(free.indexOf(now), 1);
    pairs.set(old.uuid, now.uuid);
  }
  return source.flatMap(({ uuid }) => (pairs.has(uuid) ? [[uuid, pairs.get(uuid) as string] as const] : []));
}

function list(devices: readonly CudaDevice[]): string {
  return devices.length === 0 ? 'none' : devices.map(inWords).join(', ');
}

function mapByPlace(source: readonly CudaDevice[], here: readonly CudaDevice[], say: Say): GpuPair[] {
  if (source.length > here.length) say(`the checkpoint used ${source.length} devices, here are ${here.length}: ${list(here)}`);
  return source.slice(0, here.length).map(({ uuid }, i) => [uuid, (here[i] as CudaDevice).uuid] as const);
}

function find(devices: readonly CudaDevice[], name: DeviceName): string | undefined {
  return typeof name === 'number' ? devices[name]?.uuid : devices.find(({ uuid }) => uuid === name)?.uuid;
}

function mapAsTold(
  source: readonly CudaDevice[],
  here: readonly CudaDevice[],
  request: readonly (readonly [DeviceName, DeviceName])[],
  say: Say,
): GpuPair[] {
  const pairs = request.flatMap(([oldName, nowName]) => {
    // Sets of CRIU do not tell the devices: then the names of the user are all there is.
    const old = source.length === 0 && typeof oldName === 'string' ? oldName : find(source, oldName);
    const now = find(here, nowName);
    if (old === undefined) say(`${oldName} is no device of the checkpoint; it used ${list(source)}`);
    if (now === undefined) say(`${nowName} is no device of this host; here are ${list(here)}`);
    return old !== undefined && now !== undefined ? [[old, now] as const] : [];
  });
  const missing = source.filter(({ uuid }) => !pairs.some(([old]) => old === uuid));
  if (missing.length > 0 && pairs.length === request.length)
    say(`the map must name every device of the checkpoint, also those that stay what they are; missing: ${list(missing)}`);
  return pairs;
}

function checkOneToOne(pairs: readonly GpuPair[], say: Say): void {
  const twice = (side: 0 | 1) => pairs.map((pair) => pair[side]).filter((uuid, i, all) => all.indexOf(uuid) !== i);
  for (const uuid of new Set(twice(0))) say(`the map names ${uuid} of the checkpoint more than once`);
  for (const uuid of new Set(twice(1))) say(`the map gives ${uuid} of this host to more than one device of the checkpoint`);
}

function checkFit(pairs: readonly GpuPair[], source: readonly CudaDevice[], here: readonly CudaDevice[], say: Say): void {
  for (const [oldUuid, nowUuid] of pairs) {
    const old = source.find(({ uuid }) => uuid === oldUuid);
    const now = here.find(({ uuid }) => uuid === nowUuid);
    if (!old || !now || old.uuid === now.uuid) continue;
    if (old.name !== now.name)
      say(`${inWords(old)} cannot become ${inWords(now)}: the driver moves a process only between devices of one model`);
    else if (!isEnough(now, old)) say(`${inWords(now)} has less memory than ${inWords(old)}`);
  }
}
