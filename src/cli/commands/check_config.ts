import { addressWarnings, type OwnAddress } from "../../config/address_warnings.ts";
import type { Config, LoopbackEndpoint } from "../../config/config.ts";

/** The IPv4 addresses of this machine. */
export function ownAddresses(): readonly OwnAddress[] {
  return Deno.networkInterfaces().filter(({ family }) => family === "IPv4")
    // An address may have a label, `eth0:1`, which is no interface.
    .map(({ name, address }) => ({ interface: name.replace(/:.*/, ""), address }));
}

/** What a configuration amounts to, for people, on a machine with these addresses. */
export function configText(
  path: string,
  config: Config,
  own: readonly OwnAddress[],
): string {
  const { session, instances, maxSessions, controlAllow, metrics: { listen } } = config;
  const lines = [
    `${path} is valid.`,
    ...instances.flatMap((instance) => {
      const { name, udp, unix, internalIp, externalIp, internalLocal, externalLocal } = instance;
      const control = [udp && `UDP ${udp.host}:${udp.port}`, unix && `unix:${unix.path}`]
        .filter((each) => each !== null).join(", ");
      return [
        `instance ${name}: control on ${control}`,
        `  internal ${internalIp} on ${internalLocal}, external ${externalIp} on ${externalLocal}`,
        `  ports ${instance.startPort}-${instance.endPort}, Kamailio begins at ${instance.currentPort}`,
      ];
    }),
    `commands are taken from ${controlAllow.map(({ text }) => text).join(", ")}`,
    `sessions: at most ${maxSessions}; stale after ${session.timeoutSeconds} s of silence, ` +
    `removed after ${session.staleLimitSeconds} s, or ${session.unheardLimitSeconds} s if never heard from`,
    ...(listen ? [`metrics: ${"path" in listen ? listen.path : urlOf(listen)}`] : []),
    ...config.notes.map((note) => `note: ${note}`),
    ...addressWarnings(config, own).map((each) => `warning: ${each}`),
  ];
  return lines.join("\n") + "\n";
}

function urlOf({ host, port }: LoopbackEndpoint): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}/metrics`;
}
