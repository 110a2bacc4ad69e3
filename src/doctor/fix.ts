import { writeSmallFile } from "../base/libc.ts";
import { applySysctls } from "../nft/sysctls.ts";
import { mediaLinks } from "./checks/kernel.ts";
import { octal, wrongModes } from "./checks/machine.ts";
import { reservedPortsFor, unreservedPorts } from "./checks/ports.ts";
import type { Facts } from "./facts.ts";
import type { Fix } from "./report.ts";

/*
 * Only what is the relay's own and can be taken back: the settings that the daemon makes anyway, the
 * reservation of its ports, the modes of its files. Never anybody's firewall.
 */

/** Put right what may be put right; the answer tells each thing that was done. */
export async function fixAll(facts: Facts): Promise<readonly Fix[]> {
  return [...fixSettings(facts), ...fixReserved(facts), ...await fixModes(facts)];
}

function fixSettings(facts: Facts): readonly Fix[] {
  return applySysctls(mediaLinks(facts))
    .filter(({ was, needed, error }) => was !== needed || error !== null)
    .map(({ name, was, needed, error }) => {
      const path = name.slice("net.ipv4.conf.".length);
      const dot = path.lastIndexOf(".");
      const key = `net/ipv4/conf/${path.slice(0, dot)}/${path.slice(dot + 1)}`;
      return { what: `${name}: ${was} -> ${needed}`, undo: `sysctl -w ${key}=${was}`, error };
    });
}

const RESERVED = "net/ipv4/ip_local_reserved_ports";

function fixReserved({ config, sysctls }: Facts): readonly Fix[] {
  if (!config.ok || sysctls["net/ipv4/ip_local_port_range"] === undefined) return [];
  if (unreservedPorts(config.value, sysctls).length === 0) return [];
  const was = sysctls[RESERVED] ?? "";
  const needed = reservedPortsFor(config.value, sysctls);
  const error = attempt(() => writeSmallFile(`/proc/sys/${RESERVED}`, needed));
  const what = `net.ipv4.ip_local_reserved_ports: "${was}" -> "${needed}"`;
  return [{ what, undo: `sysctl -w net.ipv4.ip_local_reserved_ports='${was}'`, error }];
}

function attempt(action: () => void): string | null {
  try {
    action();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function fixModes(facts: Facts): Promise<readonly Fix[]> {
  return await Promise.all(
    wrongModes(facts).map(async ({ file: { path }, mode, needed }) => {
      const error = await Deno.chmod(path, needed).then(
        () => null,
        (reason) => reason instanceof Error ? reason.message : String(reason),
      );
      const what = `${path}: mode ${octal(mode)} -> ${octal(needed)}`;
      return { what, undo: `chmod ${octal(mode)} ${path}`, error };
    }),
  );
}
