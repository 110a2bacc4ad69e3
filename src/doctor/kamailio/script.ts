import { type Preprocessed, UNKNOWN } from "./preprocess.ts";

/** What of a kamailio.cfg concerns the relay. */
export interface ScriptView {
  readonly usesModule: boolean;
  /** Sockets of lrkproxy_sock such as `udp:127.0.0.1:8080`; a value that is not understood is `?`. */
  readonly sockets: readonly string[];
  readonly selectsSet: boolean;
  /** Whether routes are in a program (cfgengine), so that what follows cannot be seen here. */
  readonly hasForeignRoutes: boolean;
  /** Whether it tells the relay by itself that a call has ended, which Kamailio 5 never does. */
  readonly endsCalls: boolean;
  /** The guards against what crashes the module. */
  readonly guards: { readonly callId: boolean; readonly size: boolean; readonly address: boolean };
}

/** Read a script whose directives are evaluated; not its logic, which only Kamailio knows. */
export function parseScript({ text: code, uncertain }: Preprocessed): ScriptView {
  const limit = /\$\(\s*ci\{s\.len\}\s*\)\s*(>=?)\s*(\d+)/.exec(code);
  const longest = limit ? Number(limit[2]) - (limit[1] === ">=" ? 1 : 0) : Infinity;
  const isOpen = uncertain.includes("lrkproxy_sock");
  // Such a script shows the module an SDP of its own, whatever the phone's is.
  const isOwnSdp = /\bset_body\s*\(\s*"v=0\\r\\n/.test(code);
  return {
    usesModule: /loadmodulex?\s*\(?\s*"[^"]*lrkproxy(\.so)?"|\blrkproxy_manage\s*\(/.test(code),
    sockets: isOpen ? ["?"] : socketParameters(code).flatMap(socketsOf),
    selectsSet: /\bset_lrkproxy_set\s*\(/.test(code),
    hasForeignRoutes: /\bcfgengine\b/.test(code) && !/\blrkproxy_manage\s*\(/.test(code),
    endsCalls: /\bsend(?:x|_data)\s*\(/.test(code) && /"\S+ D /.test(code),
    guards: {
      callId: longest <= 48,
      size: isOwnSdp || /\$(?:bs|ml)\b|\$hdr\(Content-Length\)|\$cl\b/.test(code),
      address: isOwnSdp || /\^c=|\bsdp_|\$sdp\(c:|\$rb\b.*c=/.test(code),
    },
  };
}

const PARAMETER =
  /\bmodparamx?\s*\(\s*"[^"]*\blrkproxy\b[^"]*"\s*,\s*"lrkproxy_sock"\s*,\s*((?:"(?:[^"\\]|\\.)*"|'[^']*'|[^)])*?)\s*\)/g;

/** Values of lrkproxy_sock. Strings side by side are one string; anything else is not understood. */
function socketParameters(code: string): readonly string[] {
  return [...code.matchAll(PARAMETER)].map(([, value = ""]) => {
    const isText = /^(?:"(?:[^"\\]|\\.)*"\s*)+$|^'[^']*'$/.test(value);
    const text = value.replaceAll(/^['"]|['"]$|"\s*"/g, "");
    return isText && !text.includes(UNKNOWN) && !text.includes("$") ? text : "?";
  });
}

/** `1 == udp:10.0.0.1:8080=2 unix:/run/x`: a set's number, and sockets with their weights. */
export function socketsOf(value: string): readonly string[] {
  const found = value.match(/\b(?:udp6?|unix):[^\s=]+/g) ?? [];
  return found.length > 0 ? found : ["?"];
}
