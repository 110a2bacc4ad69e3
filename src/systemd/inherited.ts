import { libc } from "../base/libc.ts";
import type { Environment } from "./notify.ts";

/** A descriptor that systemd has handed to this process. */
export interface InheritedDescriptor {
  readonly fd: number;
  readonly name: string;
}

const FIRST_FD = 3;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** What systemd has handed to this very process (sd_listen_fds(3)); programs it starts get none of it. */
export function inheritedDescriptors(
  environment: Environment = (name) => Deno.env.get(name),
  pid = Deno.pid,
): readonly InheritedDescriptor[] {
  // The variables of a parent are not for us.
  if (environment("LISTEN_PID") !== String(pid)) return [];
  const count = Number(environment("LISTEN_FDS") ?? 0);
  const names = (environment("LISTEN_FDNAMES") ?? "").split(":");
  return Array.from({ length: count }, (_, i) => {
    const fd = FIRST_FD + i;
    libc().fcntl(fd, F_SETFD, FD_CLOEXEC);
    return { fd, name: names[i] ?? "" };
  });
}
