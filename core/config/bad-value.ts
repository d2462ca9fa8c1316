/** A value that an option cannot take; whoever reads the option adds its name and place. */
export class BadValue extends Error {}
