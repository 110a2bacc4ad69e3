import { hostText } from "../base/cidr.ts";
import type { InstanceConfig } from "./config.ts";

/** What of an instance is shown, and compared where somebody asks whether a file is in force. */
export interface InstanceText {
  readonly name: string;
  readonly control: readonly string[];
  readonly internal: string;
  readonly external: string;
  readonly ports: string;
}

/** The texts of an instance, as `lrkproxy status` shows them. */
export function instanceText(instance: InstanceConfig): InstanceText {
  const { name, udp, unix, internalIp, internalLocal, externalIp, externalLocal } = instance;
  return {
    name,
    control: [
      ...udp ? [`udp:${hostText(udp.host)}:${udp.port}`] : [],
      ...unix ? [`unix:${unix.path}`] : [],
    ],
    internal: carriedText(internalIp, internalLocal),
    external: carriedText(externalIp, externalLocal),
    ports: `${instance.startPort}-${instance.endPort}`,
  };
}

/** The advertised address, and the one that carries it if that is another. */
function carriedText(advertised: string, local: string): string {
  return advertised === local ? advertised : `${advertised} (${local})`;
}
