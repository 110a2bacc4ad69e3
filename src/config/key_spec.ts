import type { ValueKind } from "./values.ts";

/** The release that brought a key; keys "pylrkproxy" knew work here as they are written there. */
export type Since = "pylrkproxy" | "0.1.0";

/** One key. Its value is of the type T. */
export interface KeySpec<T> {
  readonly kind: ValueKind<T>;
  readonly since: Since;
  readonly help: string;
  /** The text that stands for a key that is not given; null when `otherwise` says what happens. */
  readonly fallback: string | null;
  readonly otherwise?: string;
  /** What the sample file shows; the default, if there is one. */
  readonly example: string;
}

/** The keys of a section. */
export type Keys = Readonly<Record<string, KeySpec<unknown>>>;

/** The values of a section; null for a key that is not given and has no default. */
export type Values<K extends Keys> = {
  readonly [Name in keyof K]: K[Name] extends KeySpec<infer T> ? T : never;
};

/** One section. */
export interface SectionSpec<K extends Keys = Keys> {
  readonly help: string;
  readonly keys: K;
}

/** A key with a default. */
export function key<T>(
  since: Since,
  kind: ValueKind<T>,
  fallback: string,
  help: string,
): KeySpec<T> {
  return { kind, since, help, fallback, example: fallback };
}

/** A key that may be missing: its value is null then. */
export function optional<T>(
  since: Since,
  kind: ValueKind<T>,
  { otherwise, example }: { readonly otherwise: string; readonly example: string },
  help: string,
): KeySpec<T | null> {
  return { kind, since, help, fallback: null, otherwise, example };
}
