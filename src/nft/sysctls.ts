import { readSmallFile, writeSmallFile } from "../base/libc.ts";

/*
 * A packet rewritten in prerouting arrives with a local source address, which the kernel takes for
 * forged unless the interface it came in by says otherwise (fib_validate_source() in
 * net/ipv4/fib_frontend.c).
 */

/** One setting as it was and as it has to be. */
export interface Sysctl {
  readonly name: string;
  readonly was: string;
  readonly needed: string;
  /** Why it could not be set; null where it is as needed. */
  readonly error: string | null;
}

/** Set what relaying needs on the media interfaces, and nowhere else; the answer tells all of it. */
export function applySysctls(interfaces: readonly string[]): readonly Sysctl[] {
  return interfaces.flatMap((name) =>
    neededSettings(name, readSysctl).map(([key, needed]) => ensure(key, needed))
  );
}

/** Reads a key below net.ipv4.conf, such as `eth0.rp_filter`; empty where there is none. */
export type ReadSetting = (key: string) => string;

/** What relaying needs of an interface: keys below net.ipv4.conf, and their values. */
export function neededSettings(
  name: string,
  read: ReadSetting,
): readonly (readonly [key: string, needed: string])[] {
  return [
    [`${name}.forwarding`, "1"],
    [`${name}.accept_local`, "1"],
    [`${name}.rp_filter`, looseFilter(name, read)],
    [`${name}.send_redirects`, "0"],
  ];
}

/** The stricter of the interface's filter and that of `all` counts; 1 would drop what is relayed. */
function looseFilter(name: string, read: ReadSetting): string {
  const own = read(`${name}.rp_filter`);
  const strictest = Math.max(Number(own), Number(read("all.rp_filter")));
  return strictest === 1 ? "2" : own;
}

function ensure(key: string, needed: string): Sysctl {
  const name = `net.ipv4.conf.${key}`;
  const was = readSysctl(key);
  if (was === needed) return { name, was, needed, error: null };
  try {
    writeSmallFile(pathOf(key), needed);
    return { name, was, needed, error: null };
  } catch (error) {
    return { name, was, needed, error: error instanceof Error ? error.message : String(error) };
  }
}

/** The value of a key below net.ipv4.conf; empty where there is none. */
export function readSysctl(key: string): string {
  return readSmallFile(pathOf(key))?.trim() ?? "";
}

/** An interface's name may have a dot in it, so the path is put together from its parts. */
function pathOf(key: string): string {
  const dot = key.lastIndexOf(".");
  return `/proc/sys/net/ipv4/conf/${key.slice(0, dot)}/${key.slice(dot + 1)}`;
}
