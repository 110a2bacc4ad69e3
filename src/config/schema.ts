/**
 * Every section and key of lrkproxy.ini. This one table is what files are checked against, where
 * defaults come from, and what the sample file and `check-config --help` print.
 */
import { key, optional, type SectionSpec, type Values } from "./key_spec.ts";
import * as kind from "./values.ts";

const kernel = {
  help: "Media: the addresses and ports that calls are relayed through.",
  keys: {
    start_port: key("pylrkproxy", kind.mediaPort, "20000", "First port of the range."),
    end_port: key(
      "pylrkproxy",
      kind.mediaPort,
      "30000",
      "Last port of the range. A call takes two ports (RTP and RTCP) on either side. Kamailio " +
        "may go past the end by 3: leave these ports free.",
    ),
    current_port: optional(
      "pylrkproxy",
      kind.mediaPort,
      { otherwise: "start_port", example: "20000" },
      "Where Kamailio starts to count ports while no call is up. With calls up it is told a port " +
        "past theirs.",
    ),
    internal_ip: optional(
      "pylrkproxy",
      kind.mediaAddress,
      {
        otherwise: "none; needed unless every instance is an [instance NAME]",
        example: "192.0.2.10",
      },
      "The address that SDP gives to the internal side.",
    ),
    external_ip: optional(
      "pylrkproxy",
      kind.mediaAddress,
      { otherwise: "internal_ip", example: "192.0.2.10" },
      "The address that SDP gives to the external side.",
    ),
    internal_local: optional(
      "0.1.0",
      kind.mediaAddress,
      { otherwise: "internal_ip", example: "192.0.2.10" },
      "The address of this machine that carries internal_ip. Set it when internal_ip belongs to " +
        "a static NAT in front of this machine.",
    ),
    external_local: optional(
      "0.1.0",
      kind.mediaAddress,
      { otherwise: "external_ip, or internal_local when that is not set", example: "192.0.2.10" },
      "The address of this machine that carries external_ip, as internal_local does internal_ip.",
    ),
    interfaces: key(
      "0.1.0",
      kind.interfaceNames,
      "auto",
      "The media interfaces, whose forwarding settings are changed. auto: those by which " +
        "media come in: by their addresses, the routes to the parties of calls, and the packets.",
    ),
    mode: key(
      "0.1.0",
      kind.pathMode,
      "auto",
      "Which way media take. nft: nftables relays everything. kmod: the kernel module lrkproxy.ko " +
        "relays what it can, nftables the rest, and everything while the module is not loaded. " +
        "auto: as kmod while there is much to do, else as nft.",
    ),
    promote_rate: key(
      "0.1.0",
      kind.wholeNumber(1, 100_000_000, " of packets a second"),
      "20000",
      "auto: from so many packets a second on, all calls together, there is much to do; below half " +
        "of it for 30 seconds there is not.",
    ),
    promote_softirq: key(
      "0.1.0",
      kind.wholeNumber(1, 100, " of per cent"),
      "25",
      "auto: there is also much to do while so much of all CPUs' time goes into soft interrupts, " +
        "which is where packets are handled.",
    ),
    max_sessions: key(
      "0.1.0",
      kind.wholeNumber(1, 100_000),
      "25000",
      "How many calls there is room for in the kernel, all instances together.",
    ),
  },
} as const satisfies SectionSpec;

const udpSocket = {
  help: "Control: where Kamailio sends its commands (lrkproxy_sock udp:HOST:PORT).",
  keys: {
    socket_udp_host: key(
      "pylrkproxy",
      kind.hostName,
      "127.0.0.1",
      "The address to listen on; 0.0.0.0 or :: for all. See also allow.",
    ),
    socket_udp_port: key("pylrkproxy", kind.controlPort, "8080", "The port to listen on."),
    allow: key(
      "0.1.0",
      kind.networks,
      "127.0.0.0/8, ::1/128",
      "Who may send commands over UDP. Commands carry no password: whoever is in here can " +
        "redirect calls. Others are not answered, only counted.",
    ),
    receive_buffer: key(
      "0.1.0",
      kind.wholeNumber(4096, 1_073_741_824, " of bytes"),
      "8388608",
      "Room for commands that arrive in a burst, for each UDP socket.",
    ),
  },
} as const satisfies SectionSpec;

const unixSocket = {
  help: "Control over a stream socket in the file system (lrkproxy_sock unix:PATH).",
  keys: {
    listen: optional(
      "0.1.0",
      kind.optionalSocketPath,
      { otherwise: "no such socket", example: "/run/lrkproxy/control.sock" },
      "The path to listen on.",
    ),
    mode: key("0.1.0", kind.fileMode, "0660", "Who may connect: the mode of the socket's file."),
    forward_to: optional(
      "pylrkproxy",
      kind.anyText,
      { otherwise: "nothing", example: "/root/sock" },
      "Accepted and not used: pylrkproxy reached its kernel part through this socket.",
    ),
  },
} as const satisfies SectionSpec;

const cache = {
  help: "Accepted for the sake of old files.",
  keys: {
    save_call_cache: key(
      "pylrkproxy",
      kind.truth,
      "False",
      "Accepted and not used: calls live in the kernel and outlast the daemon by themselves.",
    ),
  },
} as const satisfies SectionSpec;

const admin = {
  help: "The command line's way to the daemon.",
  keys: {
    socket: key("0.1.0", kind.socketPath, "/run/lrkproxy/admin.sock", "The path of its socket."),
  },
} as const satisfies SectionSpec;

const metrics = {
  help: "Numbers for Prometheus, and whether the daemon is well: /metrics, /healthz, /readyz.",
  keys: {
    listen: optional(
      "0.1.0",
      kind.localListener,
      { otherwise: "nothing is served", example: "127.0.0.1:9477" },
      "Where to answer HTTP: the path of a UNIX socket, or a loopback address and a port. There " +
        "is no password; a reverse proxy can serve other machines.",
    ),
    mode: key("0.1.0", kind.fileMode, "0660", "Who may connect: the mode of the UNIX socket."),
  },
} as const satisfies SectionSpec;

const seconds = (min: number, max: number) => kind.wholeNumber(min, max, " of seconds");

const session = {
  help: "How calls are followed.",
  keys: {
    timeout: key(
      "0.1.0",
      seconds(1, 86_400),
      "60",
      "A call with no packet for so long is stale: it is still relayed and comes back to life " +
        "with the next packet, but its ports may go to a new call.",
    ),
    stale_limit: key(
      "0.1.0",
      seconds(1, 604_800),
      "3600",
      "A call with no packet for so long is removed. Kamailio 5.6 never says that a call has " +
        "ended: set 60 for it.",
    ),
    unheard_limit: key(
      "0.1.0",
      seconds(1, 604_800),
      "180",
      "A call of which no packet was ever heard is removed after so long.",
    ),
    learning: key(
      "0.1.0",
      kind.learning,
      "once",
      "once: a stream belongs to the source port of its first RTP packet from the signalled " +
        "address, as behind NAT. never: packets go to the signalled ports, and from any port of " +
        "that address.",
    ),
    relearn_confirm: key(
      "0.1.0",
      seconds(1, 60),
      "3",
      "After a new offer or answer, a known source port that goes on for so long is locked again.",
    ),
    live_window: key(
      "0.1.0",
      seconds(1, 600),
      "5",
      "A call heard within this time is live: a new call with the same ports is refused.",
    ),
    refuse: key(
      "0.1.0",
      kind.networks,
      "",
      "Networks that no call may name as a remote side, besides loopback, multicast, broadcast " +
        "and the relay's own addresses, which are always refused.",
    ),
  },
} as const satisfies SectionSpec;

const logger = {
  help: "The log.",
  keys: {
    log_to_console: key("pylrkproxy", kind.truth, "True", "Log to stderr, for the journal."),
    log_to_file: key("pylrkproxy", kind.truth, "False", "Log to a file, too."),
    log_level: key("pylrkproxy", kind.logLevel, "info", "The least important lines to log."),
    log_calls: key(
      "0.1.0",
      kind.truth,
      "False",
      "Log the end of each call with its packets, bytes and duration, at level info. Without it, " +
        "only of calls that end otherwise than by Kamailio's word.",
    ),
    log_directory: key("pylrkproxy", kind.folderPath, "/var/log/lrkproxy", "Folder of the file."),
    log_file_name: key("pylrkproxy", kind.fileName, "lrkproxy.log", "Name of the file."),
  },
} as const satisfies SectionSpec;

const instance = {
  help:
    "A further engine in the same daemon, with its own control port, addresses and ports; any " +
    "number of them. [kernel], [UDP socket] and [UNIX socket] make the instance named default.",
  keys: {
    control_host: optional(
      "0.1.0",
      kind.hostName,
      { otherwise: "[UDP socket] socket_udp_host", example: "127.0.0.1" },
      "As socket_udp_host.",
    ),
    control_port: optional(
      "0.1.0",
      kind.controlPort,
      { otherwise: "no UDP socket", example: "8081" },
      "As socket_udp_port.",
    ),
    listen: optional(
      "0.1.0",
      kind.optionalSocketPath,
      { otherwise: "no such socket", example: "/run/lrkproxy/second.sock" },
      "As [UNIX socket] listen.",
    ),
    start_port: optional(
      "0.1.0",
      kind.mediaPort,
      { otherwise: "[kernel] start_port", example: "40000" },
      "First port of the range.",
    ),
    end_port: optional(
      "0.1.0",
      kind.mediaPort,
      { otherwise: "[kernel] end_port", example: "50000" },
      "Last port of the range.",
    ),
    current_port: optional(
      "0.1.0",
      kind.mediaPort,
      { otherwise: "start_port", example: "40000" },
      "As [kernel] current_port.",
    ),
    internal_ip: optional(
      "0.1.0",
      kind.mediaAddress,
      { otherwise: "[kernel] internal_ip", example: "192.0.2.10" },
      "As [kernel] internal_ip.",
    ),
    external_ip: optional(
      "0.1.0",
      kind.mediaAddress,
      { otherwise: "[kernel] external_ip, or this internal_ip", example: "192.0.2.10" },
      "As [kernel] external_ip.",
    ),
    internal_local: optional(
      "0.1.0",
      kind.mediaAddress,
      {
        otherwise: "the local address of the same internal_ip",
        example: "192.0.2.10",
      },
      "As [kernel] internal_local.",
    ),
    external_local: optional(
      "0.1.0",
      kind.mediaAddress,
      {
        otherwise: "the local address of the same external_ip",
        example: "192.0.2.10",
      },
      "As [kernel] external_local.",
    ),
  },
} as const satisfies SectionSpec;

/** The header of an instance's section, as help texts write it. */
export const INSTANCE_HEADER = "instance NAME";

/** All sections, in the order of the sample file. */
export const SECTIONS = {
  kernel,
  "UDP socket": udpSocket,
  "UNIX socket": unixSocket,
  admin,
  metrics,
  session,
  logger,
  Cache: cache,
  [INSTANCE_HEADER]: instance,
} as const;

/** Header of a section in the table. */
export type SectionName = keyof typeof SECTIONS;

/** The values of the section with this header. */
export type ValuesOf<Name extends SectionName> = Values<(typeof SECTIONS)[Name]["keys"]>;
