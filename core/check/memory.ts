/** Probes of memory management. */
import { readFileSync } from 'node:fs';
import { arch } from '../arch/current.js';
import { readMaps } from '../kernel/procfs/maps.js';
import type { Program } from '../program/program.js';
import { type Finding, type Lab, judge, lacks } from './lab.js';
import { LOW_ADDRESS, O_RDONLY, O_WRONLY, PAGE, mapLow, open } from './steps.js';

const MREMAP_MOVE_TO = 3;
const UFFDIO_API = 0xc018aa3f;
const UFFD_API = 0xaan;
/** EVENT_FORK, EVENT_REMAP, EVENT_REMOVE, EVENT_UNMAP. */
const UFFD_EVENTS = (1n << 1n) | (1n << 2n) | (1n << 3n) | (1n << 6n);
const O_CLOEXEC_NONBLOCK = 0o2004000;
const MFD_HUGETLB = 4;
const PAGEMAP_SCAN = 0xc0606610;
const PAGE_IS_PRESENT = 1n << 3n;
const PAGE_IS_GUARD = 1n << 8n;
const MADV_GUARD_INSTALL = 102;
const SOFT_DIRTY_BIT = 55n;

/** Soft-dirty: the bit must go with clear_refs and come back with a write. */
export function dirtyTracking(lab: Lab): Finding {
  return lab.inProcess('mem_dirty_track', 0, (p) => {
    const at = mapLow(p, 1);
    p.store(at, 1, 1);
    const clear = open(p, '/proc/self/clear_refs', O_WRONLY, 'open /proc/self/clear_refs');
    const pagemap = open(p, '/proc/self/pagemap', O_RDONLY, 'open /proc/self/pagemap');
    p.sys.write(clear, p.data(Buffer.from('4')), 1).must('clear the soft-dirty bits');
    const [before, after] = [p.out(8), p.out(8)];
    const offset = (at / PAGE) * 8;
    p.sys.pread64(pagemap, before, 8, offset).must('read the pagemap');
    p.store(at, 2, 1);
    p.sys.pread64(pagemap, after, 8, offset).must('read the pagemap');
    return () => {
      const dirty = (entry: bigint) => ((entry >> SOFT_DIRTY_BIT) & 1n) === 1n;
      const text = `soft-dirty after clear_refs ${dirty(before.u64())}, after a write ${dirty(after.u64())}`;
      return judge(!dirty(before.u64()) && dirty(after.u64()), text, `${text} (CONFIG_MEM_SOFT_DIRTY)`);
    };
  });
}

/** Pages of an AIO ring for the least number of events (aio_setup_ring: four events per possible CPU, doubled, plus two; 32 bytes each). */
function aioRingBytes(): number {
  const last = Number(/(\d+)\s*$/.exec(readFileSync('/sys/devices/system/cpu/possible', 'utf8'))?.[1] ?? 0);
  const events = Math.max(1, (last + 1) * 4) * 2 + 2;
  return Math.ceil((32 + 32 * events) / PAGE) * PAGE;
}

/** An AIO context whose ring was moved must work at its new address. */
export function aioRemap(lab: Lab): Finding {
  return lab.inProcess('aio_remap', 0, (p) => {
    const context = p.out(8);
    const bytes = aioRingBytes();
    p.sys.io_setup(1, context).must('make an AIO context');
    p.sys.mremap(context.word64(), bytes, bytes, MREMAP_MOVE_TO, LOW_ADDRESS).must('move the AIO ring');
    const got = p.sys.io_getevents(LOW_ADDRESS, 0, 1, p.out(32), p.out(16)).must('use the AIO context at its new address');
    return () => judge(got.result === 0, 'a moved ring is found by io_getevents', `io_getevents gave ${got.result}`);
  });
}

function askUffd(lab: Lab, name: string, features: bigint): Finding {
  return lab.inProcess(name, 0, (p) => {
    const fd = p.sys.userfaultfd(O_CLOEXEC_NONBLOCK).must('make a userfaultfd');
    const api = p.out(24).setU64(0, UFFD_API).setU64(8, features);
    p.sys.ioctl(fd, UFFDIO_API, api).must('agree on the userfaultfd features');
    const missing = () => features & ~api.u64(8);
    return () => judge(missing() === 0n, `features 0x${api.u64(8).toString(16)}`, `features 0x${missing().toString(16)} are missing`);
  });
}

export const userfault = (lab: Lab): Finding => askUffd(lab, 'uffd', 0n);
export const userfaultEvents = (lab: Lab): Finding => askUffd(lab, 'uffd-noncoop', UFFD_EVENTS);

/** Mappings that the kernel made by itself; a forked probe has them at the same places. */
function specialMappings(lab: Lab): { start: number; end: number; name: string }[] {
  const maps = readMaps(lab.thread.proc, process.pid) ?? [];
  return maps.filter(({ kind }) => kind === 'vdso' || kind === 'vvar' || kind === 'vvarVclock');
}

/** ARCH_MAP_VDSO_*: the old one is unmapped first, because a process has one at most. */
function mapVdso(lab: Lab, name: string, code: number | undefined): Finding {
  if (code === undefined) return lacks('this architecture has no call that maps a vDSO');
  return lab.inProcess(name, 0, (p) => {
    for (const { start, end, name: what } of specialMappings(lab)) p.sys.munmap(start, end - start).must(`unmap ${what}`);
    const size = p.sys.arch_prctl(code, LOW_ADDRESS).must('map a vDSO at a chosen address');
    return () => judge(size.result > 0, `arch_prctl mapped ${size.result} bytes`, `arch_prctl gave ${size.result}`);
  });
}

export const mapVdso64 = (lab: Lab): Finding => mapVdso(lab, 'can_map_vdso', arch.mapVdso?.native);
export const mapVdso32 = (lab: Lab): Finding => mapVdso(lab, 'compat_cr', arch.mapVdso?.compat);

/** vDSO and its data must be movable: restore puts them where they were. */
export function moveSpecial(lab: Lab): Finding {
  const special = specialMappings(lab);
  if (special.length === 0) return lacks('/proc/self/maps shows no [vdso]');
  return lab.inProcess('mremap', 0, (p) => {
    let at = LOW_ADDRESS;
    for (const { start, end, name } of special) {
      p.sys.mremap(start, end - start, end - start, MREMAP_MOVE_TO, at).must(`move ${name}`);
      if (name === '[vdso]') elfCheck(p, at);
      at += end - start;
    }
    return () => judge(true, `${special.map(({ name }) => name).join(' ')} moved`, '');
  });
}

/** Reading the moved page faults it in at its new place: a kernel that lost track of it kills the probe. */
function elfCheck(p: Program, at: number): void {
  p.touches(at, PAGE).expect(p.load(at, 4), 0xffffffff, 0x464c457f, 'read the moved vDSO');
}

/** hugetlbfs in a memfd. */
export function hugeMemfd(lab: Lab): Finding {
  return lab.inProcess('memfd_hugetlb', 0, (p) => {
    const fd = p.sys.memfd_create(p.cstr('check'), MFD_HUGETLB).must('make a memfd of huge pages');
    return () => judge(fd.result >= 0, 'memfd_create(MFD_HUGETLB) works', '');
  });
}

/** Two pages: the first is touched, the second is what `second` makes of it; both must be reported as such. */
function scan(lab: Lab, name: string, category: bigint, expected: readonly bigint[], second: (p: Program, at: number) => void): Finding {
  return lab.inProcess(name, 0, (p) => {
    const at = mapLow(p, 2);
    p.store(at, 1, 1);
    second(p, at + PAGE);
    const regions = p.structs('page_region', 4);
    const arg = p.struct('pm_scan_arg', { start: at, end: at + 2 * PAGE, category_anyof_mask: category, return_mask: category });
    arg.put({ size: arg.size, vec: regions[0]!.addr, vec_len: regions.length });
    const fd = open(p, '/proc/self/pagemap', O_RDONLY, 'open /proc/self/pagemap');
    const found = p.sys.ioctl(fd, PAGEMAP_SCAN, arg).must('scan the page map');
    return () => {
      const seen = regions.slice(0, Math.max(0, found.result)).map((region) => region.get('categories'));
      const right = seen.length === expected.length && expected.every((bits, i) => seen[i] === bits);
      return judge(right, 'PAGEMAP_SCAN tells the pages apart', `PAGEMAP_SCAN gave categories ${seen.join(', ')}`);
    };
  });
}

export const pagemapScan = (lab: Lab): Finding => scan(lab, 'pagemap_scan', PAGE_IS_PRESENT, [PAGE_IS_PRESENT], () => undefined);

export function pagemapGuards(lab: Lab): Finding {
  const category = PAGE_IS_PRESENT | PAGE_IS_GUARD;
  return scan(lab, 'pagemap_scan_guard_pages', category, [PAGE_IS_PRESENT, PAGE_IS_GUARD], (p, at) => {
    p.sys.madvise(at, PAGE, MADV_GUARD_INSTALL).must('make a guard page');
  });
}
