import { readSmallFile, writeSmallFile } from "../base/libc.ts";

/*
 * A packet rewritten in prerouting arrives with a local source address, which the kernel takes for
 * forged unless the interface it came in by says otherwise (fib_validate_source() in
 * net/ipv4/fib_frontend.c). On an interface without any IPv4 address (`no_addr` there) a loose filter drops
 * what a strict one drops, so only none at all lets such packets pass.
 */

/** An interface that media come in by. */
export interface MediaLink {
  readonly name: string;
  /** Whether it has an IPv4 address. */
  readonly hasAddress: boolean;
  /** Whether its filter was taken away while it had none: with an address a loose one is due again. */
  readonly isFilterDue?: boolean;
}

/** One setting as it was and as it has to be. */
export interface Sysctl {
  readonly name: string;
  readonly was: string;
  readonly needed: string;
  /** Why it could not be set; null where it is as needed. */
  readonly error: string | null;
}

/** Set what relaying needs on the media interfaces, and nowhere else; the answer tells all of it. */
export function applySysctls(links: readonly MediaLink[]): readonly Sysctl[] {
  return links.flatMap((link) =>
    neededSettings(link, readSysctl).map(([key, needed]) => ensure(key, needed))
  );
}

/** Reads a key below net.ipv4.conf, such as `eth0.rp_filter`; empty where there is none. */
export type ReadSetting = (key: string) => string;

/** What relaying needs of an interface: keys below net.ipv4.conf, and their values. */
export function neededSettings(
  link: MediaLink,
  read: ReadSetting,
): readonly (readonly [key: string, needed: string])[] {
  const { name } = link;
  return [
    [`${name}.forwarding`, "1"],
    [`${name}.accept_local`, "1"],
    [`${name}.rp_filter`, neededFilter(link, read)],
    [`${name}.send_redirects`, "0"],
  ];
}

/** The stricter of the interface's filter and that of `all` counts; 1 would drop what is relayed. */
function neededFilter(
  { name, hasAddress, isFilterDue = false }: MediaLink,
  read: ReadSetting,
): string {
  const own = read(`${name}.rp_filter`);
  const ofAll = Number(read("all.rp_filter"));
  // Under a filter of all none helps, and a loose one is there at once for an address that comes.
  if (!hasAddress && ofAll === 0) return "0";
  const strictest = Math.max(Number(own), ofAll);
  return strictest === 1 || isFilterDue ? "2" : own;
}

/** A filter of `all`, which no setting of an interface takes back, and the interfaces that it is too strict for. */
export interface FilterOfAll {
  /** The sentence that says so. */
  readonly text: string;
  readonly remedy: readonly string[];
}

/** The filter of `all` if it drops what is relayed; it is never set, since it is everybody's. */
export function filterOfAll(links: readonly MediaLink[], read: ReadSetting): FilterOfAll | null {
  const is = read("all.rp_filter");
  const bare = links.filter(({ hasAddress }) => !hasAddress).map(({ name }) => name).join(", ");
  if (bare === "" || Number(is) === 0) return null;
  return {
    text:
      `net.ipv4.conf.all.rp_filter is ${is} but has to be 0: there is no IPv4 address on ${bare}, ` +
      "where even a loose filter drops what is relayed",
    remedy: filterOfAllRemedy(bare),
  };
}

/** What cures a {@link FilterOfAll}, by the names of the interfaces. */
export function filterOfAllRemedy(names: string): readonly string[] {
  return [
    "sysctl -w net/ipv4/conf/all/rp_filter=0   # every other interface then goes by its own",
    `or give an IPv4 address to ${names}: any will do, the media address with /32 too`,
  ];
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
