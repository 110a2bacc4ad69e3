import { withConfig } from "../../config/commands.ts";
import type { Facts } from "../facts.ts";
import { CHECKS, type Finding } from "../finding.ts";
import { checkTracked, checkTrackingRoom } from "./conntrack.ts";
import { checkBuffer, checkExposed } from "./control.ts";
import { checkConfig, checkDaemon, checkDaemonWarnings, checkOpenFiles } from "./daemon.ts";
import { checkFirewall } from "./firewall.ts";
import { checkGuards, checkKamailioSocket } from "./kamailio.ts";
import { checkFlush, checkKernel, checkModule, checkNftVersion, checkSettings } from "./kernel.ts";
import { checkClock, checkFiles, checkSoftirq } from "./machine.ts";
import { checkSides } from "./sides.ts";
import { checkAddresses, checkRoutes } from "./media.ts";
import { checkCapacity, checkReserved, checkTaken } from "./ports.ts";
import { checkStaleLimit } from "./stale_limit.ts";

const ALL: readonly ((facts: Facts) => Finding | readonly Finding[])[] = [
  checkConfig,
  checkDaemon,
  checkDaemonWarnings,
  checkOpenFiles,
  checkKernel,
  checkModule,
  checkNftVersion,
  checkFlush,
  checkSettings,
  checkFirewall,
  checkAddresses,
  checkSides,
  checkRoutes,
  checkReserved,
  checkTaken,
  checkCapacity,
  checkTracked,
  checkTrackingRoom,
  checkExposed,
  checkBuffer,
  checkKamailioSocket,
  checkGuards,
  checkStaleLimit,
  checkSoftirq,
  checkClock,
  checkFiles,
];

/** What all checks say of a machine, at least one finding each, in the order of {@link CHECKS}. */
export function examine(facts: Facts): readonly Finding[] {
  // Remedies are run as they stand.
  const found = ALL.flatMap((check) => check(facts)).map((finding): Finding => ({
    ...finding,
    remedy: finding.remedy.map((line) => withConfig(line, facts.configPath)),
  }));
  return CHECKS.flatMap(([id]): readonly Finding[] => {
    const own = found.filter((finding) => finding.id === id);
    // Those that say nothing have nothing to go by: the configuration is no good.
    return own.length > 0
      ? own
      : [{ id, severity: "skip", what: "needs a valid configuration", why: null, remedy: [] }];
  });
}
