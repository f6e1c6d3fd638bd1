/** A block of a long body in the memory tier; `data` is absent after the first use and there after the second. */
export class BodyBlock {
  readonly data: Buffer | undefined;

  constructor(data: Buffer | undefined) {
    this.data = data;
  }

  get memoryBytes(): number {
    return 200 + (this.data?.length ?? 0);
  }
}
