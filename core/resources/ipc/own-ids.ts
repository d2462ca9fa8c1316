/** Effective ids of ours, which seeds inherit: who makes an IPC object is its creator. */
export interface OwnIds {
  readonly uid: number;
  readonly gid: number;
}
