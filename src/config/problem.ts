/** Something wrong with a configuration; `line` is null when no line is to blame. */
export interface Problem {
  readonly line: number | null;
  readonly message: string;
}
