/** What plugins answered to one call of a hook. Handed through the tapable hook beside the context. */
export class Answers<T> {
  readonly list: { readonly plugin: string; readonly answer: T }[] = [];
  /** @param asks whether a plugin is asked, by its name */
  constructor(readonly asks: (plugin: string) => boolean = () => true) {}

  add(plugin: string, answer: T): void {
    this.list.push({ plugin, answer });
  }
}
