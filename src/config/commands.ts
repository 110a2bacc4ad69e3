/** Where the configuration is unless somebody says otherwise. */
export const DEFAULT_CONFIG = "/etc/lrkproxy/lrkproxy.ini";

/** Commands that go by a configuration file: which file, or where the daemon listens. */
const COMMAND =
  /\blrkproxy (?:run|reload|status|sessions|show CALL-ID|stop(?: --drop)?|drain|doctor)\b(?!.* --config )/g;

/** A line with commands of ours as it has to be run where the configuration is at `path`. */
export function withConfig(line: string, path: string): string {
  if (path === DEFAULT_CONFIG) return line;
  const word = /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
  return line.replace(COMMAND, (command) => `${command} --config ${word}`);
}
