/**
 * The kinds of value a key can have: how its text becomes a value, and how to say what is allowed.
 */
import ipaddr from "ipaddr.js";
import * as v from "valibot";
import type { LogLevel } from "../base/log.ts";
import { err, ok, type Result } from "../base/result.ts";
import { type Cidr, parseCidr } from "../base/cidr.ts";

/** One kind of value. `parse` says what is wrong, `allowed` what would be right. */
export interface ValueKind<T> {
  readonly allowed: string;
  parse(text: string): Result<T>;
}

function kind<T>(allowed: string, schema: v.GenericSchema<string, T>): ValueKind<T> {
  return {
    allowed,
    parse(text) {
      const result = v.safeParse(schema, text, { abortPipeEarly: true });
      return result.success ? ok(result.output) : err(result.issues[0].message);
    },
  };
}

/** A decimal number within bounds. */
export function wholeNumber(min: number, max: number, unit = ""): ValueKind<number> {
  const schema = v.pipe(
    v.string(),
    v.digits("is not a whole number"),
    v.transform(Number),
    v.minValue(min, "is too small"),
    v.maxValue(max, "is too large"),
  );
  return kind(`a whole number${unit} from ${min} to ${max}`, schema);
}

/** A port that RTP can use: RTCP takes the one after it. */
export const mediaPort = wholeNumber(1024, 65534);

/** A control port. */
export const controlPort: ValueKind<number> = {
  ...wholeNumber(0, 65535),
  allowed: "a port from 1 to 65535, or 0 for no UDP socket",
};

/** True or False, in any case, as in Python. */
export const truth = choice({ true: true, false: false }, "True or False");

/** The legacy daemon's levels, and what they mean here. */
export const logLevel = choice<LogLevel>({
  debug: "debug",
  info: "info",
  warning: "warning",
  error: "error",
  critical: "error",
  notset: "debug",
}, "debug, info, warning or error; also critical (as error) and notset (as debug)");

/** `[session] learning`. */
export const learning = choice({ once: "once", never: "never" } as const, "once or never");

/** `[kernel] mode`. */
export const pathMode = choice(
  { nft: "nft", kmod: "kmod", auto: "auto" } as const,
  "nft, kmod or auto",
);

function choice<T>(meanings: Readonly<Record<string, T>>, allowed: string): ValueKind<T> {
  const words = new Map(Object.entries(meanings));
  return kind(allowed, parsedBy((text) => found(words, text.toLowerCase())));
}

function found<T>(words: ReadonlyMap<string, T>, word: string): Result<T> {
  for (const [candidate, meaning] of words) if (candidate === word) return ok(meaning);
  return err("is none of the words this key knows");
}

/** The mode bits of a file. */
export const fileMode = kind(
  "an octal file mode, such as 0660",
  v.pipe(
    v.string(),
    v.regex(/^0?[0-7]{3}$/, "is not an octal file mode"),
    v.transform((text) => parseInt(text, 8)),
  ),
);

/** Any text: for keys that are accepted and not used. */
export const anyText = kind("any text", v.string());

/** The path of a folder. */
export const folderPath = kind("an absolute path", absolutePath(4095));

/** The path of a socket: the kernel keeps it in a buffer of 108 bytes, with a `~` while it is renewed. */
export const socketPath = kind("an absolute path of at most 106 bytes", absolutePath(106));

function absolutePath(maxBytes: number) {
  return v.pipe(
    v.string(),
    v.startsWith("/", "is not an absolute path"),
    v.excludes("\0", "holds a NUL byte"),
    v.maxBytes(maxBytes, "is too long"),
  );
}

/** A path that may also be left empty: null. */
export const optionalSocketPath: ValueKind<string | null> = {
  allowed: `${socketPath.allowed}, or nothing`,
  parse: (text) => text === "" ? ok(null) : socketPath.parse(text),
};

/** Where only this machine can connect: a path, or a loopback address and a port. */
export type LocalListener =
  | { readonly path: string }
  | { readonly host: string; readonly port: number };

/** A {@link LocalListener}, or nothing: null. */
export const localListener: ValueKind<LocalListener | null> = {
  allowed: "the path of a UNIX socket, a loopback address and a port such as 127.0.0.1:9477 or " +
    "[::1]:9477, or nothing",
  parse(text) {
    if (text === "") return ok(null);
    if (!text.startsWith("/")) return parseLoopback(text);
    const path = socketPath.parse(text);
    return path.ok ? ok({ path: path.value }) : path;
  },
};

function parseLoopback(text: string): Result<LocalListener> {
  const [, bracketed, plain, digits] = /^(?:\[(.*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const named = bracketed ?? plain;
  const port = Number(digits);
  if (named === undefined) return err("is neither a path nor ADDRESS:PORT");
  const host = named === "localhost" ? "127.0.0.1" : named;
  if (port < 1 || port > 65535) return err("has no port from 1 to 65535");
  const isAddress = bracketed === undefined
    ? ipaddr.IPv4.isValidFourPartDecimal(host)
    : isIpv6(host);
  if (!isAddress) return err("names no IPv4 address, and no IPv6 address in brackets");
  if (ipaddr.parse(host).range() === "loopback") return ok({ host, port });
  return err(
    "is no loopback address, and there is no password: let a reverse proxy (nginx, Caddy) on this " +
      "machine serve it to others",
  );
}

/** The name of a file in a folder. */
export const fileName = kind(
  "a file name without /",
  v.pipe(v.string(), v.regex(/^(?!\.{1,2}$)[^/\0]{1,255}$/, "is not a file name")),
);

/** Where a socket binds. */
export const hostName = kind(
  "an IPv4 address, an IPv6 address, or a host name",
  v.pipe(
    v.string(),
    v.check(
      (text) => ipaddr.IPv4.isValidFourPartDecimal(text) || isIpv6(text) || isName(text),
      "is neither an address nor a host name",
    ),
    v.check(
      (text) => !/^fe[89ab][0-9a-f]:[^%]*$/i.test(text),
      "is a link-local address: say of which interface, as in fe80::1%eth0",
    ),
  ),
);

function isIpv6(text: string): boolean {
  const [, address = ""] = /^([0-9a-f:.]+)(?:%[!-.0-~]{1,15})?$/i.exec(text) ?? [];
  return address.includes(":") && ipaddr.IPv6.isValid(address);
}

function isName(text: string): boolean {
  return /^(?![\d.]+$)(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text);
}

/**
 * An address that media is sent to and from. Four numbers are 15 characters at most, so that it
 * always fits the 20-byte field, NUL included, that Kamailio copies it from.
 */
export const mediaAddress = kind(
  "an IPv4 address (not loopback, multicast or broadcast)",
  v.pipe(
    v.string(),
    v.check((text) => ipaddr.IPv4.isValidFourPartDecimal(text), "is not an IPv4 address"),
    v.rawCheck(({ dataset, addIssue }) => {
      const reason = dataset.typed ? reasonAgainst(ipaddr.IPv4.parse(dataset.value)) : undefined;
      if (reason !== undefined) addIssue({ message: reason });
    }),
  ),
);

function reasonAgainst(address: ipaddr.IPv4): string | undefined {
  const reasons: Readonly<Record<string, string>> = {
    unspecified: "is no address of a host: SDP says it to put a call on hold",
    loopback: "is a loopback address: phones would send to themselves, and the kernel " +
      "forwards nothing to or from it",
    multicast: "is a multicast address, which many hosts receive and none sends from",
    broadcast: "is the broadcast address, which all hosts receive and none sends from",
  };
  return reasons[address.range()];
}

/** Networks, separated by commas or blanks. */
export const networks: ValueKind<readonly Cidr[]> = kind(
  "networks such as 192.0.2.0/24 or 2001:db8::/32, separated by commas or blanks",
  parsedBy((text) => {
    const results = words(text).map(parseCidr);
    const bad = results.find((result) => !result.ok);
    return bad ?? ok(results.flatMap((result) => result.ok ? [result.value] : []));
  }),
);

/** Interface names, separated by commas or blanks, or `auto`. */
export const interfaceNames: ValueKind<readonly string[] | "auto"> = kind(
  "auto, or names of interfaces separated by commas or blanks",
  parsedBy((text): Result<readonly string[] | "auto"> => {
    if (text === "auto") return ok(text);
    const names = words(text);
    const bad = names.find((name) => !/^(?!\.{1,2}$)[^/:]{1,15}$/.test(name));
    if (bad !== undefined) return err(`names "${bad}", which no interface can be called`);
    return names.length > 0 ? ok(names) : err("names no interface");
  }),
);

function words(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

function parsedBy<T>(parse: (text: string) => Result<T>): v.GenericSchema<string, T> {
  return v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const result = parse(dataset.value);
      if (result.ok) return result.value;
      addIssue({ message: result.error });
      return NEVER;
    }),
  );
}
