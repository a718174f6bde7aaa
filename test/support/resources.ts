/** What the hooks and tests of one describe block have opened, for its `after` hook to close. */
export class Resources {
  readonly #opened: AsyncDisposable[] = [];

  keep<Resource extends AsyncDisposable>(resource: Resource): Resource {
    this.#opened.push(resource);
    return resource;
  }

  /** The last opened first. What has been closed already must bear to be closed again. */
  async dispose(): Promise<void> {
    for (const resource of this.#opened.splice(0).reverse()) await resource[Symbol.asyncDispose]();
  }
}
