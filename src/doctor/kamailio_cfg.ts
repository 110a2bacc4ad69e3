/** What of a kamailio.cfg concerns the relay. */
export interface ScriptView {
  readonly usesModule: boolean;
  /** Sockets of lrkproxy_sock such as `udp:127.0.0.1:8080`; a value that is not understood is `?`. */
  readonly sockets: readonly string[];
  readonly selectsSet: boolean;
  /** The guards against what crashes the module. */
  readonly guards: { readonly callId: boolean; readonly size: boolean; readonly address: boolean };
}

/** Read the script with its comments and defines; not its logic, which only Kamailio knows. */
export function parseScript(text: string): ScriptView {
  const defines = definesOf(text);
  const code = withoutComments(text);
  const limit = /\$\(\s*ci\{s\.len\}\s*\)\s*(>=?)\s*(\d+)/.exec(code);
  const longest = limit ? Number(limit[2]) - (limit[1] === ">=" ? 1 : 0) : Infinity;
  return {
    usesModule: /loadmodule\s+"[^"]*lrkproxy(\.so)?"|\blrkproxy_manage\s*\(/.test(code),
    sockets: socketParameters(code, defines).flatMap(socketsOf),
    selectsSet: /\bset_lrkproxy_set\s*\(/.test(code),
    guards: {
      callId: longest <= 48,
      size: /\$(?:bs|ml)\b|\$hdr\(Content-Length\)|\$cl\b/.test(code),
      address: /\^c=|\bsdp_|\$sdp\(c:|\$rb\b.*c=/.test(code),
    },
  };
}

/** Comments begin with # (but #! is a directive) or //, or stand between slashes and stars. */
function withoutComments(text: string): string {
  return text.replace(
    /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\/\*[\s\S]*?\*\/|(?:\/\/|#(?!!)).*$/gm,
    (piece) => piece.startsWith('"') || piece.startsWith("'") ? piece : " ",
  );
}

function definesOf(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const pattern = /^[ \t]*(?:#!|!!)(define|trydef|redefine|redef|def)[ \t]+(\w+)[ \t]+(.*)$/gm;
  for (const [, word, name = "", value = ""] of text.matchAll(pattern)) {
    if (word === "trydef" && found.has(name)) continue;
    found.set(name, value.trim());
  }
  for (
    const [, name = "", value = ""] of text.matchAll(
      /^[ \t]*(?:#!|!!)substdefs?[ \t]+"(?:!(\w+)!([^!]*)!\w*)"/gm,
    )
  ) {
    found.set(name, value);
  }
  return found;
}

function socketParameters(code: string, defines: ReadonlyMap<string, string>): readonly string[] {
  const pattern =
    /\bmodparam\s*\(\s*"[^"]*\blrkproxy\b[^"]*"\s*,\s*"lrkproxy_sock"\s*,\s*([^)]*)\)/g;
  return [...code.matchAll(pattern)].map(([, value = ""]) => {
    const resolved = [...defines].reduce((text, [name, meaning]) => {
      return text.replaceAll(new RegExp(`\\b${name}\\b`, "g"), () => meaning);
    }, value.trim());
    return resolved.replaceAll('"', "");
  });
}

/** `1 == udp:10.0.0.1:8080=2 unix:/run/x`: a set's number, and sockets with their weights. */
function socketsOf(value: string): readonly string[] {
  const found = value.match(/\b(?:udp6?|unix):[^\s=]+/g) ?? [];
  return found.length > 0 ? found : ["?"];
}
