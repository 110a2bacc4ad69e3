import { VERSION } from "../../base/version.ts";
import { type InstanceText, instanceText } from "../../config/instance_text.ts";
import type { StatusView } from "../../control/admin.ts";
import type { Facts } from "../facts.ts";
import { failure, type Finding, good, skipped, warning } from "../finding.ts";

/** Is the configuration usable? */
export function checkConfig({ config, configPath }: Facts): Finding {
  if (config.ok) return good("config.valid", `${configPath} is valid`);
  return failure("config.valid", config.error, {
    why: "the daemon does not start, and most of what follows cannot be looked at",
    remedy: [`lrkproxy check-config --config ${configPath}`],
  });
}

/** Is there a daemon, and does it answer? */
export function checkDaemon(facts: Facts): Finding {
  const { daemon: { status, adminSocket, ownsTable, configPath, hasSameConfig }, user } = facts;
  const id = "daemon.running";
  if (status.ok) {
    const { version, pid } = status.value;
    if (hasSameConfig === false) {
      return warning(id, `the daemon goes by ${configPath}, this report by ${facts.configPath}`, {
        why: "much of what follows is about another file than the one in force",
        remedy: [`lrkproxy doctor --config ${configPath}`],
      });
    }
    const unread = unreadChange(facts, status.value);
    if (unread) {
      return warning(id, `the daemon does not go by ${facts.configPath} as it is now: ${unread}`, {
        why: "the file was changed and not read since; what follows is about the file",
        remedy: ["lrkproxy reload"],
      });
    }
    if (version === VERSION) return good(id, `lrkproxy ${version} runs, pid ${pid}`);
    return warning(id, `the daemon is ${version}, this program is ${VERSION}`, {
      why: "an upgrade takes effect with the next start; calls go on meanwhile",
      remedy: ["systemctl restart lrkproxy"],
    });
  }
  if (user.uid !== 0 && /denied/i.test(status.error)) {
    return skipped(id, `user ${user.uid} may not ask the daemon at ${adminSocket}: run it as root`);
  }
  if (ownsTable) {
    return warning(id, `a daemon runs, but does not answer at ${adminSocket}: ${status.error}`, {
      why: "it reads another configuration, or hangs",
      remedy: [
        configPath && hasSameConfig !== true
          ? `lrkproxy doctor --config ${configPath}`
          : "lrkproxy doctor --socket PATH, or --config FILE, as the daemon was started with",
      ],
    });
  }
  return warning(id, `no daemon runs here (${adminSocket})`, {
    why: "Kamailio waits up to 5 s for each command, and new calls have no media",
    remedy: ["systemctl start lrkproxy", "or, without systemd: lrkproxy run"],
  });
}

/** The first thing of media and control in which the file differs from what is in force. */
function unreadChange({ config }: Facts, { instances }: StatusView): string | null {
  if (!config.ok) return null;
  const is = config.value.instances.map((instance) => inWords(instanceText(instance)));
  const was = instances.map(inWords);
  const changed = is.find((text) => !was.includes(text));
  if (changed !== undefined) return `it says ${changed}`;
  const gone = was.find((text) => !is.includes(text));
  return gone === undefined ? null : `it no longer says ${gone}`;
}

function inWords({ name, internal, external, ports, control }: InstanceText): string {
  return `instance ${name}: ${internal} and ${external}, ports ${ports}, control ${
    control.join(" ")
  }`;
}

/** What has the daemon to complain about? */
export function checkDaemonWarnings({ daemon: { status } }: Facts): readonly Finding[] {
  const id = "daemon.warnings";
  if (!status.ok) return [skipped(id, "no daemon answers")];
  const { warnings, remedies } = status.value;
  const found = warnings.map((text, i) =>
    (/all media between .* are lost/.test(text) ? failure : warning)(id, text, {
      why: "the daemon cannot put it right itself",
      remedy: remedies[i] ?? [],
    })
  );
  const { mended } = status.value.relay;
  if (typeof mended === "number" && mended > 0) {
    found.push(
      warning(id, `the kernel's table was damaged ${mended} time(s) and put right`, {
        why: "media stop for about a second each time",
        remedy: ["find what flushes the ruleset: nft monitor"],
      }),
    );
  }
  return found.length > 0 ? found : [good(id, "it complains of nothing")];
}

/** Sockets, the log, pipes: far fewer than this, but not much fewer. */
const FILES_NEEDED = 128;

/** May the daemon open enough files? */
export function checkOpenFiles({ daemon: { status, openFilesLimit } }: Facts): Finding {
  const id = "daemon.files";
  if (!status.ok) return skipped(id, "no daemon answers");
  if (openFilesLimit === null) {
    return skipped(id, "cannot read the daemon's limits: run it as root");
  }
  if (openFilesLimit >= FILES_NEEDED) return good(id, `up to ${openFilesLimit} open files`);
  return failure(id, `the daemon may open only ${openFilesLimit} files`, {
    why: "commands over the UNIX socket fail when Kamailio's workers connect all at once",
    remedy: [`LimitNOFILE=1024 in the unit: systemctl edit lrkproxy`],
  });
}
