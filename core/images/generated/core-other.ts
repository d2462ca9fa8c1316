// Generated from core/images/schema/core-other.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';

export interface UserArmRegsEntry extends MessageBase {
  r0: number;
  r1: number;
  r2: number;
  r3: number;
  r4: number;
  r5: number;
  r6: number;
  r7: number;
  r8: number;
  r9: number;
  r10: number;
  fp: number;
  ip: number;
  sp: number;
  lr: number;
  pc: number;
  cpsr: number;
  orig_r0: number;
}

export const USER_ARM_REGS_ENTRY : MessageType<UserArmRegsEntry> = new MessageType('user_arm_regs_entry', () => [
  [1, 'r0', 'required', 'uint32'],
  [2, 'r1', 'required', 'uint32'],
  [3, 'r2', 'required', 'uint32'],
  [4, 'r3', 'required', 'uint32'],
  [5, 'r4', 'required', 'uint32'],
  [6, 'r5', 'required', 'uint32'],
  [7, 'r6', 'required', 'uint32'],
  [8, 'r7', 'required', 'uint32'],
  [9, 'r8', 'required', 'uint32'],
  [10, 'r9', 'required', 'uint32'],
  [11, 'r10', 'required', 'uint32'],
  [12, 'fp', 'required', 'uint32'],
  [13, 'ip', 'required', 'uint32'],
  [14, 'sp', 'required', 'uint32'],
  [15, 'lr', 'required', 'uint32'],
  [16, 'pc', 'required', 'uint32'],
  [17, 'cpsr', 'required', 'uint32'],
  [18, 'orig_r0', 'required', 'uint32'],
]);

export interface UserArmVfpstateEntry extends MessageBase {
  vfp_regs: bigint[];
  fpscr: number;
  fpexc: number;
  fpinst: number;
  fpinst2: number;
}

export const USER_ARM_VFPSTATE_ENTRY : MessageType<UserArmVfpstateEntry> = new MessageType('user_arm_vfpstate_entry', () => [
  [1, 'vfp_regs', 'repeated', 'uint64'],
  [2, 'fpscr', 'required', 'uint32'],
  [3, 'fpexc', 'required', 'uint32'],
  [4, 'fpinst', 'required', 'uint32'],
  [5, 'fpinst2', 'required', 'uint32'],
]);

export interface ThreadInfoArm extends MessageBase {
  clear_tid_addr: bigint;
  tls: number;
  gpregs: UserArmRegsEntry;
  fpstate: UserArmVfpstateEntry;
}

export const THREAD_INFO_ARM : MessageType<ThreadInfoArm> = new MessageType('thread_info_arm', () => [
  [1, 'clear_tid_addr', 'required', 'uint64'],
  [2, 'tls', 'required', 'uint32'],
  [3, 'gpregs', 'required', USER_ARM_REGS_ENTRY],
  [4, 'fpstate', 'required', USER_ARM_VFPSTATE_ENTRY],
]);

export interface UserPpc64RegsEntry extends MessageBase {
  gpr: bigint[];
  nip: bigint;
  msr: bigint;
  orig_gpr3: bigint;
  ctr: bigint;
  link: bigint;
  xer: bigint;
  ccr: bigint;
  trap: bigint;
  texasr?: bigint | undefined;
  tfhar?: bigint | undefined;
  tfiar?: bigint | undefined;
}

export const USER_PPC64_REGS_ENTRY : MessageType<UserPpc64RegsEntry> = new MessageType('user_ppc64_regs_entry', () => [
  [1, 'gpr', 'repeated', 'uint64'],
  [2, 'nip', 'required', 'uint64'],
  [3, 'msr', 'required', 'uint64'],
  [4, 'orig_gpr3', 'required', 'uint64'],
  [5, 'ctr', 'required', 'uint64'],
  [6, 'link', 'required', 'uint64'],
  [7, 'xer', 'required', 'uint64'],
  [8, 'ccr', 'required', 'uint64'],
  [9, 'trap', 'required', 'uint64'],
  [10, 'texasr', 'optional', 'uint64'],
  [11, 'tfhar', 'optional', 'uint64'],
  [12, 'tfiar', 'optional', 'uint64'],
]);

export interface UserPpc64FpstateEntry extends MessageBase {
  fpregs: bigint[];
}

export const USER_PPC64_FPSTATE_ENTRY : MessageType<UserPpc64FpstateEntry> = new MessageType('user_ppc64_fpstate_entry', () => [
  [1, 'fpregs', 'repeated', 'uint64'],
]);

export interface UserPpc64VrstateEntry extends MessageBase {
  vrregs: bigint[];
  vrsave: number;
}

export const USER_PPC64_VRSTATE_ENTRY : MessageType<UserPpc64VrstateEntry> = new MessageType('user_ppc64_vrstate_entry', () => [
  [1, 'vrregs', 'repeated', 'uint64'],
  [2, 'vrsave', 'required', 'uint32'],
]);

export interface UserPpc64VsxstateEntry extends MessageBase {
  vsxregs: bigint[];
}

export const USER_PPC64_VSXSTATE_ENTRY : MessageType<UserPpc64VsxstateEntry> = new MessageType('user_ppc64_vsxstate_entry', () => [
  [1, 'vsxregs', 'repeated', 'uint64'],
]);

export interface UserPpc64TmRegsEntry extends MessageBase {
  gpregs: UserPpc64RegsEntry;
  fpstate?: UserPpc64FpstateEntry | undefined;
  vrstate?: UserPpc64VrstateEntry | undefined;
  vsxstate?: UserPpc64VsxstateEntry | undefined;
}

export const USER_PPC64_TM_REGS_ENTRY : MessageType<UserPpc64TmRegsEntry> = new MessageType('user_ppc64_tm_regs_entry', () => [
  [1, 'gpregs', 'required', USER_PPC64_REGS_ENTRY],
  [2, 'fpstate', 'optional', USER_PPC64_FPSTATE_ENTRY],
  [3, 'vrstate', 'optional', USER_PPC64_VRSTATE_ENTRY],
  [4, 'vsxstate', 'optional', USER_PPC64_VSXSTATE_ENTRY],
]);

export interface ThreadInfoPpc64 extends MessageBase {
  clear_tid_addr: bigint;
  gpregs: UserPpc64RegsEntry;
  fpstate?: UserPpc64FpstateEntry | undefined;
  vrstate?: UserPpc64VrstateEntry | undefined;
  vsxstate?: UserPpc64VsxstateEntry | undefined;
  tmstate?: UserPpc64TmRegsEntry | undefined;
}

export const THREAD_INFO_PPC64 : MessageType<ThreadInfoPpc64> = new MessageType('thread_info_ppc64', () => [
  [1, 'clear_tid_addr', 'required', 'uint64'],
  [2, 'gpregs', 'required', USER_PPC64_REGS_ENTRY],
  [3, 'fpstate', 'optional', USER_PPC64_FPSTATE_ENTRY],
  [4, 'vrstate', 'optional', USER_PPC64_VRSTATE_ENTRY],
  [5, 'vsxstate', 'optional', USER_PPC64_VSXSTATE_ENTRY],
  [6, 'tmstate', 'optional', USER_PPC64_TM_REGS_ENTRY],
]);

export interface UserS390RegsEntry extends MessageBase {
  psw_mask: bigint;
  psw_addr: bigint;
  gprs: bigint[];
  acrs: number[];
  orig_gpr2: bigint;
  system_call: number;
}

export const USER_S390_REGS_ENTRY : MessageType<UserS390RegsEntry> = new MessageType('user_s390_regs_entry', () => [
  [1, 'psw_mask', 'required', 'uint64'],
  [2, 'psw_addr', 'required', 'uint64'],
  [3, 'gprs', 'repeated', 'uint64'],
  [4, 'acrs', 'repeated', 'uint32'],
  [5, 'orig_gpr2', 'required', 'uint64'],
  [6, 'system_call', 'required', 'uint32'],
]);

export interface UserS390VxrsLowEntry extends MessageBase {
  regs: bigint[];
}

export const USER_S390_VXRS_LOW_ENTRY : MessageType<UserS390VxrsLowEntry> = new MessageType('user_s390_vxrs_low_entry', () => [
  [1, 'regs', 'repeated', 'uint64'],
]);

export interface UserS390VxrsHighEntry extends MessageBase {
  regs: bigint[];
}

export const USER_S390_VXRS_HIGH_ENTRY : MessageType<UserS390VxrsHighEntry> = new MessageType('user_s390_vxrs_high_entry', () => [
  [1, 'regs', 'repeated', 'uint64'],
]);

export interface UserS390FpregsEntry extends MessageBase {
  fpc: number;
  fprs: bigint[];
}

export const USER_S390_FPREGS_ENTRY : MessageType<UserS390FpregsEntry> = new MessageType('user_s390_fpregs_entry', () => [
  [1, 'fpc', 'required', 'uint32'],
  [2, 'fprs', 'repeated', 'uint64'],
]);

export interface UserS390GsCbEntry extends MessageBase {
  regs: bigint[];
}

export const USER_S390_GS_CB_ENTRY : MessageType<UserS390GsCbEntry> = new MessageType('user_s390_gs_cb_entry', () => [
  [1, 'regs', 'repeated', 'uint64'],
]);

export interface UserS390RiEntry extends MessageBase {
  ri_on: number;
  regs: bigint[];
}

export const USER_S390_RI_ENTRY : MessageType<UserS390RiEntry> = new MessageType('user_s390_ri_entry', () => [
  [1, 'ri_on', 'required', 'uint32'],
  [2, 'regs', 'repeated', 'uint64'],
]);

export interface ThreadInfoS390 extends MessageBase {
  clear_tid_addr: bigint;
  gpregs: UserS390RegsEntry;
  fpregs: UserS390FpregsEntry;
  vxrs_low?: UserS390VxrsLowEntry | undefined;
  vxrs_high?: UserS390VxrsHighEntry | undefined;
  gs_cb?: UserS390GsCbEntry | undefined;
  gs_bc?: UserS390GsCbEntry | undefined;
  ri_cb?: UserS390RiEntry | undefined;
}

export const THREAD_INFO_S390 : MessageType<ThreadInfoS390> = new MessageType('thread_info_s390', () => [
  [1, 'clear_tid_addr', 'required', 'uint64'],
  [2, 'gpregs', 'required', USER_S390_REGS_ENTRY],
  [3, 'fpregs', 'required', USER_S390_FPREGS_ENTRY],
  [4, 'vxrs_low', 'optional', USER_S390_VXRS_LOW_ENTRY],
  [5, 'vxrs_high', 'optional', USER_S390_VXRS_HIGH_ENTRY],
  [6, 'gs_cb', 'optional', USER_S390_GS_CB_ENTRY],
  [7, 'gs_bc', 'optional', USER_S390_GS_CB_ENTRY],
  [8, 'ri_cb', 'optional', USER_S390_RI_ENTRY],
]);

export interface UserMipsRegsEntry extends MessageBase {
  r0: bigint;
  r1: bigint;
  r2: bigint;
  r3: bigint;
  r4: bigint;
  r5: bigint;
  r6: bigint;
  r7: bigint;
  r8: bigint;
  r9: bigint;
  r10: bigint;
  r11: bigint;
  r12: bigint;
  r13: bigint;
  r14: bigint;
  r15: bigint;
  r16: bigint;
  r17: bigint;
  r18: bigint;
  r19: bigint;
  r20: bigint;
  r21: bigint;
  r22: bigint;
  r23: bigint;
  r24: bigint;
  r25: bigint;
  r26: bigint;
  r27: bigint;
  r28: bigint;
  r29: bigint;
  r30: bigint;
  r31: bigint;
  lo: bigint;
  hi: bigint;
  cp0_epc: bigint;
  cp0_badvaddr: bigint;
  cp0_status: bigint;
  cp0_cause: bigint;
}

export const USER_MIPS_REGS_ENTRY : MessageType<UserMipsRegsEntry> = new MessageType('user_mips_regs_entry', () => [
  [1, 'r0', 'required', 'uint64'],
  [2, 'r1', 'required', 'uint64'],
  [3, 'r2', 'required', 'uint64'],
  [4, 'r3', 'required', 'uint64'],
  [5, 'r4', 'required', 'uint64'],
  [6, 'r5', 'required', 'uint64'],
  [7, 'r6', 'required', 'uint64'],
  [8, 'r7', 'required', 'uint64'],
  [9, 'r8', 'required', 'uint64'],
  [10, 'r9', 'required', 'uint64'],
  [11, 'r10', 'required', 'uint64'],
  [12, 'r11', 'required', 'uint64'],
  [13, 'r12', 'required', 'uint64'],
  [14, 'r13', 'required', 'uint64'],
  [15, 'r14', 'required', 'uint64'],
  [16, 'r15', 'required', 'uint64'],
  [17, 'r16', 'required', 'uint64'],
  [18, 'r17', 'required', 'uint64'],
  [19, 'r18', 'required', 'uint64'],
  [20, 'r19', 'required', 'uint64'],
  [21, 'r20', 'required', 'uint64'],
  [22, 'r21', 'required', 'uint64'],
  [23, 'r22', 'required', 'uint64'],
  [24, 'r23', 'required', 'uint64'],
  [25, 'r24', 'required', 'uint64'],
  [26, 'r25', 'required', 'uint64'],
  [27, 'r26', 'required', 'uint64'],
  [28, 'r27', 'required', 'uint64'],
  [29, 'r28', 'required', 'uint64'],
  [30, 'r29', 'required', 'uint64'],
  [31, 'r30', 'required', 'uint64'],
  [32, 'r31', 'required', 'uint64'],
  [33, 'lo', 'required', 'uint64'],
  [34, 'hi', 'required', 'uint64'],
  [35, 'cp0_epc', 'required', 'uint64'],
  [36, 'cp0_badvaddr', 'required', 'uint64'],
  [37, 'cp0_status', 'required', 'uint64'],
  [38, 'cp0_cause', 'required', 'uint64'],
]);

export interface UserMipsFpregsEntry extends MessageBase {
  r0: bigint;
  r1: bigint;
  r2: bigint;
  r3: bigint;
  r4: bigint;
  r5: bigint;
  r6: bigint;
  r7: bigint;
  r8: bigint;
  r9: bigint;
  r10: bigint;
  r11: bigint;
  r12: bigint;
  r13: bigint;
  r14: bigint;
  r15: bigint;
  r16: bigint;
  r17: bigint;
  r18: bigint;
  r19: bigint;
  r20: bigint;
  r21: bigint;
  r22: bigint;
  r23: bigint;
  r24: bigint;
  r25: bigint;
  r26: bigint;
  r27: bigint;
  r28: bigint;
  r29: bigint;
  r30: bigint;
  r31: bigint;
  lo: bigint;
  hi: bigint;
  fpu_fcr31: number;
  fpu_id: number;
}

export const USER_MIPS_FPREGS_ENTRY : MessageType<UserMipsFpregsEntry> = new MessageType('user_mips_fpregs_entry', () => [
  [1, 'r0', 'required', 'uint64'],
  [2, 'r1', 'required', 'uint64'],
  [3, 'r2', 'required', 'uint64'],
  [4, 'r3', 'required', 'uint64'],
  [5, 'r4', 'required', 'uint64'],
  [6, 'r5', 'required', 'uint64'],
  [7, 'r6', 'required', 'uint64'],
  [8, 'r7', 'required', 'uint64'],
  [9, 'r8', 'required', 'uint64'],
  [10, 'r9', 'required', 'uint64'],
  [11, 'r10', 'required', 'uint64'],
  [12, 'r11', 'required', 'uint64'],
  [13, 'r12', 'required', 'uint64'],
  [14, 'r13', 'required', 'uint64'],
  [15, 'r14', 'required', 'uint64'],
  [16, 'r15', 'required', 'uint64'],
  [17, 'r16', 'required', 'uint64'],
  [18, 'r17', 'required', 'uint64'],
  [19, 'r18', 'required', 'uint64'],
  [20, 'r19', 'required', 'uint64'],
  [21, 'r20', 'required', 'uint64'],
  [22, 'r21', 'required', 'uint64'],
  [23, 'r22', 'required', 'uint64'],
  [24, 'r23', 'required', 'uint64'],
  [25, 'r24', 'required', 'uint64'],
  [26, 'r25', 'required', 'uint64'],
  [27, 'r26', 'required', 'uint64'],
  [28, 'r27', 'required', 'uint64'],
  [29, 'r28', 'required', 'uint64'],
  [30, 'r29', 'required', 'uint64'],
  [31, 'r30', 'required', 'uint64'],
  [32, 'r31', 'required', 'uint64'],
  [33, 'lo', 'required', 'uint64'],
  [34, 'hi', 'required', 'uint64'],
  [35, 'fpu_fcr31', 'required', 'uint32'],
  [36, 'fpu_id', 'required', 'uint32'],
]);

export interface ThreadInfoMips extends MessageBase {
  clear_tid_addr: bigint;
  tls: bigint;
  gpregs: UserMipsRegsEntry;
  fpregs: UserMipsFpregsEntry;
}

export const THREAD_INFO_MIPS : MessageType<ThreadInfoMips> = new MessageType('thread_info_mips', () => [
  [1, 'clear_tid_addr', 'required', 'uint64'],
  [2, 'tls', 'required', 'uint64'],
  [3, 'gpregs', 'required', USER_MIPS_REGS_ENTRY],
  [4, 'fpregs', 'required', USER_MIPS_FPREGS_ENTRY],
]);

export interface UserLoongarch64GpregsEntry extends MessageBase {
  regs: bigint[];
  pc: bigint;
}

export const USER_LOONGARCH64_GPREGS_ENTRY : MessageType<UserLoongarch64GpregsEntry> = new MessageType('user_loongarch64_gpregs_entry', () => [
  [1, 'regs', 'repeated', 'uint64'],
  [2, 'pc', 'required', 'uint64'],
]);

export interface UserLoongarch64FpregsEntry extends MessageBase {
  regs: bigint[];
  fcc: bigint;
  fcsr: number;
}

export const USER_LOONGARCH64_FPREGS_ENTRY : MessageType<UserLoongarch64FpregsEntry> = new MessageType('user_loongarch64_fpregs_entry', () => [
  [1, 'regs', 'repeated', 'uint64'],
  [2, 'fcc', 'required', 'uint64'],
  [3, 'fcsr', 'required', 'uint32'],
]);

export interface ThreadInfoLoongarch64 extends MessageBase {
  clear_tid_addr: bigint;
  tls: bigint;
  gpregs: UserLoongarch64GpregsEntry;
  fpregs: UserLoongarch64FpregsEntry;
}

export const THREAD_INFO_LOONGARCH64 : MessageType<ThreadInfoLoongarch64> = new MessageType('thread_info_loongarch64', () => [
  [1, 'clear_tid_addr', 'required', 'uint64'],
  [2, 'tls', 'required', 'uint64'],
  [3, 'gpregs', 'required', USER_LOONGARCH64_GPREGS_ENTRY],
  [4, 'fpregs', 'required', USER_LOONGARCH64_FPREGS_ENTRY],
]);

export interface UserRiscv64RegsEntry extends MessageBase {
  pc: bigint;
  ra: bigint;
  sp: bigint;
  gp: bigint;
  tp: bigint;
  t0: bigint;
  t1: bigint;
  t2: bigint;
  s0: bigint;
  s1: bigint;
  a0: bigint;
  a1: bigint;
  a2: bigint;
  a3: bigint;
  a4: bigint;
  a5: bigint;
  a6: bigint;
  a7: bigint;
  s2: bigint;
  s3: bigint;
  s4: bigint;
  s5: bigint;
  s6: bigint;
  s7: bigint;
  s8: bigint;
  s9: bigint;
  s10: bigint;
  s11: bigint;
  t3: bigint;
  t4: bigint;
  t5: bigint;
  t6: bigint;
}

export const USER_RISCV64_REGS_ENTRY : MessageType<UserRiscv64RegsEntry> = new MessageType('user_riscv64_regs_entry', () => [
  [1, 'pc', 'required', 'uint64'],
  [2, 'ra', 'required', 'uint64'],
  [3, 'sp', 'required', 'uint64'],
  [4, 'gp', 'required', 'uint64'],
  [5, 'tp', 'required', 'uint64'],
  [6, 't0', 'required', 'uint64'],
  [7, 't1', 'required', 'uint64'],
  [8, 't2', 'required', 'uint64'],
  [9, 's0', 'required', 'uint64'],
  [10, 's1', 'required', 'uint64'],
  [11, 'a0', 'required', 'uint64'],
  [12, 'a1', 'required', 'uint64'],
  [13, 'a2', 'required', 'uint64'],
  [14, 'a3', 'required', 'uint64'],
  [15, 'a4', 'required', 'uint64'],
  [16, 'a5', 'required', 'uint64'],
  [17, 'a6', 'required', 'uint64'],
  [18, 'a7', 'required', 'uint64'],
  [19, 's2', 'required', 'uint64'],
  [20, 's3', 'required', 'uint64'],
  [21, 's4', 'required', 'uint64'],
  [22, 's5', 'required', 'uint64'],
  [23, 's6', 'required', 'uint64'],
  [24, 's7', 'required', 'uint64'],
  [25, 's8', 'required', 'uint64'],
  [26, 's9', 'required', 'uint64'],
  [27, 's10', 'required', 'uint64'],
  [28, 's11', 'required', 'uint64'],
  [29, 't3', 'required', 'uint64'],
  [30, 't4', 'required', 'uint64'],
  [31, 't5', 'required', 'uint64'],
  [32, 't6', 'required', 'uint64'],
]);

export interface UserRiscv64DExtEntry extends MessageBase {
  f: bigint[];
  fcsr: number;
}

export const USER_RISCV64_D_EXT_ENTRY : MessageType<UserRiscv64DExtEntry> = new MessageType('user_riscv64_d_ext_entry', () => [
  [1, 'f', 'repeated', 'uint64'],
  [2, 'fcsr', 'required', 'uint32'],
]);

export interface ThreadInfoRiscv64 extends MessageBase {
  clear_tid_addr: bigint;
  tls: bigint;
  gpregs: UserRiscv64RegsEntry;
  fpsimd: UserRiscv64DExtEntry;
}

export const THREAD_INFO_RISCV64 : MessageType<ThreadInfoRiscv64> = new MessageType('thread_info_riscv64', () => [
  [1, 'clear_tid_addr', 'required', 'uint64'],
  [2, 'tls', 'required', 'uint64'],
  [3, 'gpregs', 'required', USER_RISCV64_REGS_ENTRY],
  [4, 'fpsimd', 'required', USER_RISCV64_D_EXT_ENTRY],
]);
