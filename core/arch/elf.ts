/** Processors by the names that Node gives them and by those of ELF files: for compiled files of others, which may be made for any. */

/** e_machine (elf.h) by Node's name of the processor. */
export const ELF_MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };

/** Node's name of this processor. */
export const OWN_NAME: string = process.arch;
