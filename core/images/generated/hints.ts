// Generated from core/images/schema/*.proto by config/generate-images.mjs. Do not edit.
import type { ShowHint } from '../message.js';

/** Message name, field name, how the field is shown. */
export const SHOW_HINTS: Readonly<Record<string, Readonly<Record<string, ShowHint>>>> = {
  irmap_cache_entry: {
    dev: { dev: true, odev: true },
  },
  thread_info_aarch64: {
    clear_tid_addr: { hex: true },
    gpregs: { hex: true },
  },
  thread_info_arm: {
    clear_tid_addr: { hex: true },
    gpregs: { hex: true },
  },
  thread_info_ppc64: {
    clear_tid_addr: { hex: true },
    gpregs: { hex: true },
  },
  thread_info_s390: {
    clear_tid_addr: { hex: true },
    gpregs: { hex: true },
    fpregs: { hex: true },
    vxrs_low: { hex: true },
    vxrs_high: { hex: true },
    gs_cb: { hex: true },
    gs_bc: { hex: true },
    ri_cb: { hex: true },
  },
  thread_info_mips: {
    clear_tid_addr: { hex: true },
    gpregs: { hex: true },
    fpregs: { hex: true },
  },
  thread_info_loongarch64: {
    clear_tid_addr: { hex: true },
    gpregs: { hex: true },
    fpregs: { hex: true },
  },
  thread_info_riscv64: {
    clear_tid_addr: { hex: true },
    gpregs: { hex: true },
  },
  user_x86_cet_entry: {
    cet: { hex: true },
    ssp: { hex: true },
  },
  thread_info_x86: {
    clear_tid_addr: { hex: true },
    gpregs: { hex: true },
  },
  sa_entry: {
    sigaction: { hex: true },
    flags: { hex: true },
    restorer: { hex: true },
    mask: { hex: true },
    mask_extended: { hex: true },
  },
  task_core_entry: {
    task_state: { dict: 'gen' },
    blk_sigset: { hex: true },
    blk_sigset_extended: { hex: true },
    membarrier_registration_mask: { hex: true },
  },
  signalfd_entry: {
    flags: { hex: true },
    sigmask: { hex: true },
  },
  timerfd_entry: {
    flags: { hex: true },
    settime_flags: { hex: true },
  },
  inotify_wd_entry: {
    mask: { hex: true },
    ignored_mask: { hex: true },
    s_dev: { dev: true },
  },
  inotify_file_entry: {
    flags: { hex: true },
  },
  fanotify_mark_entry: {
    mflags: { hex: true },
    mask: { hex: true },
    ignored_mask: { hex: true },
    s_dev: { dev: true },
  },
  fanotify_file_entry: {
    flags: { hex: true },
    faflags: { hex: true },
    evflags: { hex: true },
  },
  reg_file_entry: {
    flags: { flags: 'rfile.flags' },
  },
  pipe_entry: {
    flags: { hex: true },
  },
  memfd_file_entry: {
    flags: { flags: 'rfile.flags' },
  },
  memfd_inode_entry: {
    seals: { flags: 'seals.flags' },
  },
  bpfmap_file_entry: {
    flags: { flags: 'rfile.flags' },
  },
  ghost_file_entry: {
    dev: { dev: true },
    rdev: { dev: true, odev: true },
  },
  vma_entry: {
    start: { hex: true },
    end: { hex: true },
    prot: { flags: 'mmap.prot' },
    flags: { flags: 'mmap.flags' },
    status: { flags: 'mmap.status' },
    madv: { hex: true },
    fdflags: { hex: true },
  },
  mm_entry: {
    mm_start_code: { hex: true },
    mm_end_code: { hex: true },
    mm_start_data: { hex: true },
    mm_end_data: { hex: true },
    mm_start_stack: { hex: true },
    mm_start_brk: { hex: true },
    mm_brk: { hex: true },
    mm_arg_start: { hex: true },
    mm_arg_end: { hex: true },
    mm_env_start: { hex: true },
    mm_env_end: { hex: true },
  },
  pagemap_entry: {
    vaddr: { hex: true },
    flags: { flags: 'pmap.flags' },
  },
  mnt_entry: {
    root_dev: { dev: true },
    flags: { hex: true },
    sb_flags: { hex: true },
  },
  sit_entry: {
    local: { ipadd: true },
    remote: { ipadd: true },
    rd_prefix: { ipadd: true },
    relay_prefix: { ipadd: true },
  },
  tun_link_entry: {
    flags: { hex: true },
  },
  net_device_entry: {
    flags: { hex: true },
  },
  tcp_stream_entry: {
    opt_mask: { hex: true },
  },
  inet_sk_entry: {
    family: { dict: 'sk' },
    type: { dict: 'sk' },
    proto: { dict: 'sk' },
    state: { dict: 'sk' },
    flags: { hex: true },
    src_addr: { ipadd: true },
    dst_addr: { ipadd: true },
  },
  unix_sk_entry: {
    type: { dict: 'sk' },
    state: { dict: 'sk' },
    flags: { hex: true },
    uflags: { hex: true },
    name: { conv: 'unix_name' },
  },
  netlink_sk_entry: {
    flags: { hex: true },
  },
  packet_sock_entry: {
    flags: { hex: true },
  },
  tty_file_entry: {
    flags: { hex: true },
  },
};
