/**
 * What hooks are given and what they answer. Everything is plain data or a method that says what it does to the target; nothing of the engine's own
 * objects gets out. Numbers of processes are those of our pid namespace.
 */

import type { Program } from '../program/program.js';

/** A program of system calls, as far as plugins use it. */
export type SyscallProgram = Program;

/** A process of the tree. */
export interface SeenTask {
  readonly pid: number;
  /** 0 for the root of the tree. */
  readonly parent: number;
  /** Every thread, the leader among them, as they were when the hook was called. */
  readonly threads: readonly number[];
}

/** The tree while it runs: processes and threads may come and go. */
export interface RunningTree {
  readonly root: number;
  readonly tasks: readonly SeenTask[];
}

/** A process all of whose threads are stopped, traced by us. */
export interface StoppedTask extends SeenTask {
  /**
   * Lets one thread run, with every signal but SIGTRAP blocked, while `body` works, and stops it again whatever comes of that. All others stay stopped. For
   * driver threads in the process that have to answer a request. Rejects with the error of `body`, or CR_TARGET_LOST when the thread ended.
   */
  runThread<T>(tid: number, body: () => Promise<T>): Promise<T>;
}

/** The tree while nothing in it runs. */
export interface StoppedTree {
  readonly root: number;
  readonly tasks: readonly StoppedTask[];
}

/** What becomes of a tree whose devices are to go on. */
export interface ResumedTree extends StoppedTree {
  /** `failed`: the dump did not succeed and the tree goes on as if it had never been. */
  readonly outcome: 'failed' | 'running' | 'stopped';
}

/** Something that a plugin took over or changed. It makes the plugin one that the checkpoint needs. */
export interface Touched {
  readonly pid: number;
  readonly fd?: number;
  /** Of a mapping. */
  readonly address?: number;
  /** In words: `CUDA state`, `/dev/kfd`. */
  readonly what: string;
}

/** Answer of dump.checkpointDevices: the tree must run again before it can be dumped (somebody came between pause and stop). */
export interface Retry {
  readonly retry: string;
}

export type FileType = 'regular' | 'directory' | 'character device' | 'block device' | 'fifo' | 'socket' | 'anonymous';

/** A file behind a descriptor (or a link such as cwd) that nothing built in dumps. */
export interface SeenObject {
  readonly pid: number;
  /** Null for cwd, root and exe. */
  readonly fd: number | null;
  readonly type: FileType;
  /** Text of the link in /proc: a path, `socket:[N]`, `anon_inode:[name]`. */
  readonly link: string;
  /** Of a device; 0 otherwise. */
  readonly major: number;
  readonly minor: number;
  readonly inode: bigint;
  /** A path in /proc that leads to the file itself. */
  readonly proc: string;
  /** False while the tree still runs: what is claimed now is asked for again when it stands. */
  readonly frozen: boolean;
}

/** A mapping that nothing built in dumps: memory of a device. */
export interface SeenMapping {
  readonly pid: number;
  readonly start: number;
  readonly end: number;
  /** Bytes. */
  readonly offset: number;
  /** Of what is mapped: a character or block device, mostly. */
  readonly type: FileType;
  /** Path of what is mapped. */
  readonly link: string;
  readonly major: number;
  readonly minor: number;
  readonly shared: boolean;
  readonly frozen: boolean;
}

/** "It is mine." */
export interface Claim {
  /** In words, for the record and for messages. */
  readonly what: string;
  /**
   * It is there now and will be gone when dump.checkpointDevices has run, so there is nothing to save. When it is still there then, the dump fails and
   * says this text, the likely cause.
   */
  readonly goneOr?: string;
}

/** A unix socket whose other end is outside of the tree. */
export interface UnixSocket {
  /** In the socket file system: the number by which plugins of CRIU know it. */
  readonly inode: number;
  readonly type: 'stream' | 'datagram' | 'seqpacket';
  /** Its address without the family: a path, or a name that begins with 0. Empty when it has none. */
  readonly name: Uint8Array;
  /** That of the other end. */
  readonly peer: Uint8Array;
}

/** A claimed file of the stopped tree. */
export interface SavedFile extends SeenObject {
  readonly fd: number;
  /** In files.img: what restore.openFile is asked for. */
  readonly id: number;
  /** O_* of the open file description. */
  readonly flags: number;
  /** Bytes. */
  readonly pos: bigint;
  /** A descriptor of our own for the very same description, closed when the hook is done. */
  readonly local: number;
  /** The host stores its options and what is shut down; what was not read yet is yours. Other sockets have none of this. */
  readonly socket?: UnixSocket;
}

/** A file that a plugin saved, before the restored tree exists. */
export interface OpenedFile {
  readonly id: number;
  /** O_* of the description. The host sets what fcntl(F_SETFL) can set. */
  readonly flags: number;
  /** As at the dump. The host sets the options of the socket that you answer, and shuts down what was shut down. */
  readonly socket?: UnixSocket;
}

/**
 * Answer of restore.openFile: a descriptor in our process, for the host to keep, or: what it depends on is not there yet, ask again when others are
 * open.
 */
export type FileAnswer = { readonly fd: number } | { readonly retry: string };

/** A claimed mapping of a tree to be. */
export interface MappedDevice {
  readonly pid: number;
  readonly start: number;
  readonly end: number;
  /** Bytes, at the dump. */
  readonly offset: number;
  /** Path of the device at the dump. */
  readonly path: string;
}

/** What to map instead: another offset, another descriptor (of ours, for the host to keep), or both. */
export interface MappingAnswer {
  readonly offset?: number;
  readonly fd?: number;
}

/** A mount in a mount namespace of the tree whose root lies outside of it: a part of a file system of the host, mostly. */
export interface SeenMount {
  /** A process in that namespace. */
  readonly pid: number;
  /** Of the mount, in /proc/PID/mountinfo. */
  readonly id: number;
  /** Mount point in that namespace. */
  readonly path: string;
  /** Which folder of the file system is mounted. */
  readonly root: string;
  /** Type and source of the file system. */
  readonly type: string;
  readonly source: string;
  readonly frozen: boolean;
}

/** A claimed mount of the stopped tree. */
export interface SavedMount extends SeenMount {
  /** A descriptor of our own for its root, closed when the hook is done. */
  readonly local: number;
}

/** A mount that a plugin saved, before the restored tree exists. */
export interface MadeMount {
  /** As at the dump. */
  readonly id: number;
  readonly path: string;
}

/** A detached mount (open_tree(2), fsmount(2)): a descriptor in our process, for the host to keep. */
export interface MountAnswer {
  readonly fd: number;
}

/** A network device in a network namespace of the tree. */
export interface SeenLink {
  /** A process in that namespace. */
  readonly pid: number;
  readonly index: number;
  readonly name: string;
  /** IFLA_INFO_KIND, empty when it has none. */
  readonly kind: string;
  /** ARPHRD_*. */
  readonly type: number;
  readonly frozen: boolean;
}

/** A network device that a plugin claimed, in a namespace to be. */
export interface MadeLink {
  readonly index: number;
  readonly name: string;
  readonly kind: string;
  /** A path in /proc that leads to the namespace. */
  readonly namespace: string;
}

/** What is to be restored, while nothing of it exists. */
export interface RestorePlan {
  readonly root: number;
  readonly tasks: readonly SeenTask[];
  /** What this plugin recorded at the dump; null in sets of CRIU's, and of plugins that were not used. */
  readonly record: PluginRecord | null;
}

/** A process to be, before it becomes itself: its memory, files and credentials are not there yet. */
export interface SeedTask extends SeenTask {
  /** Runs system calls inside the process, in one program: `emit` only adds them. Rejects with the call, its arguments and errno. */
  run<T>(name: string, emit: (program: SyscallProgram) => T): Promise<T>;
  /**
   * Runs native code inside the process, where its memory is in place already: a task program, which criu_ts_task_program() of the SDK's CMake package builds.
   * It gets a copy of `input` and a mapping that is gone afterwards. A crash ends the process, and with it the restore. Rejects for bytes that are no program
   * for this machine and ABI, and for more than a MiB of anything.
   */
  runNative(program: Uint8Array, options?: NativeRunOptions): Promise<NativeRun>;
}

export interface NativeRunOptions {
  readonly input?: Uint8Array;
  /** How much room it has for its answer; default 0. */
  readonly outputBytes?: number;
}

export interface NativeRun {
  /** What criu_ts_task_main() returned. */
  readonly result: number;
  /** `outputBytes` bytes. */
  readonly output: Uint8Array;
}

export interface SeedTree {
  readonly root: number;
  readonly tasks: readonly SeedTask[];
}

/** Told to hooks before, after and for the failure of a stage. */
export interface StageEvent {
  readonly operation: string;
  readonly stage: string;
  /** Root of the tree; 0 while it is not known. */
  readonly pid: number;
}

/** Options of an operation that a plugin may change before anything is done. */
export interface OptionsPlan {
  /** Milliseconds for freezing the tree. */
  readonly timeoutMs: number;
}

/** The same for a restore. */
export interface RestoreOptionsPlan {
  /** Accept files whose permissions differ from those at the dump. */
  readonly skipFileRwxCheck: boolean;
}

/** One plugin in plugins.json. */
export interface PluginRecord {
  readonly name: string;
  readonly version: string;
  /** Range of plugin API versions that it works with. */
  readonly api: string;
  /** Version of its own data, and the range that it reads. */
  readonly image: { readonly writes: string; readonly reads: string };
  /** Names of the hooks that took or changed something. */
  readonly hooks: readonly string[];
  readonly objects: readonly (Touched & { readonly hook: string; readonly id?: number })[];
  /** SHA-256 of the options in canonical JSON. */
  readonly options: string;
  /** What it said about the host: driver, models and number of devices. */
  readonly facts: Readonly<Record<string, unknown>>;
}
