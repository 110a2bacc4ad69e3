import { strict as assert } from "node:assert";
import type { Namespace } from "../../src/netns/namespaces.ts";
import { within } from "./until.ts";

/** A call as Kamailio describes it; endpoints are written `address:port`, an unknown one is `:`. */
export interface Call {
  readonly id: string;
  /** Where the caller is. */
  readonly src: string;
  /** The relay socket that the caller talks to. */
  readonly snat: string;
  /** The relay socket that the callee talks to. */
  readonly dst: string;
  /** Where the callee is. */
  readonly dnat: string;
}

/** The usual call between the two parties of the test network. */
export const CALL: Call = {
  id: "call@test",
  src: "10.10.1.10:6000",
  snat: "10.10.1.1:20002",
  dst: "192.0.2.1:20000",
  dnat: "192.0.2.20:7000",
};

/** Another call for every number: its own Call-ID and ports. */
export function numberedCall(n: number): Call {
  return {
    id: `numbered-${n}@test`,
    src: `10.10.1.10:${6000 + 4 * n}`,
    snat: `10.10.1.1:${20002 + 4 * n}`,
    dst: `192.0.2.1:${20000 + 4 * n}`,
    dnat: `192.0.2.20:${7000 + 4 * n}`,
  };
}

/** The S or D request of a call, without a cookie. */
export function requestText(verb: "S" | "D", { id, src, snat, dst, dnat }: Call): string {
  const endpoints = [src, dst, snat, dnat].map((endpoint) => endpoint.split(":"));
  const fields = [...endpoints.map(([ip]) => ip), ...endpoints.map(([, port]) => port)];
  return `${verb} ${fields.join(" ")} 60 ${id} `;
}

/** What G answers. */
export interface EngineInfo {
  readonly startPort: number;
  readonly endPort: number;
  readonly currentPort: number;
  readonly internalIp: string;
  readonly externalIp: string;
}

/** Where a worker sends from and to. */
export interface WorkerOptions {
  readonly host?: string;
  readonly port?: number;
  /** The worker's own address. */
  readonly from?: string;
}

const encoder = new TextEncoder();
const REPLY_MS = 3000;
const AT_ONCE = 100;

/** One worker of Kamailio: a UDP socket of its own that takes only replies with its cookies. */
export class Kamailio implements AsyncDisposable {
  /** Datagrams that answered nothing that was asked. */
  unexpected = 0;
  /** Replies without bytes. */
  empty = 0;
  readonly #socket: Deno.DatagramConn;
  readonly #engine: Deno.NetAddr;
  readonly #waiting = new Map<string, (reply: Uint8Array) => void>();
  readonly #done: Promise<void>;
  #requests = 0;

  constructor(place: Namespace, options: WorkerOptions = {}) {
    const { host = "127.0.0.1", port = 8080, from = host } = options;
    this.#engine = { transport: "udp", hostname: host, port };
    this.#socket = place.run(() =>
      Deno.listenDatagram({ transport: "udp", hostname: from, port: 0 })
    );
    this.#done = this.#receive();
  }

  /** Ask, and return the reply behind its cookie. */
  async ask(body: string, patienceMs = REPLY_MS): Promise<Uint8Array> {
    const cookie = `-1187339244_${3448787416 + ++this.#requests}`;
    const reply = new Promise<Uint8Array>((resolve) => this.#waiting.set(cookie, resolve));
    await this.send(encoder.encode(`${cookie} ${body}`));
    return await within(`a reply to "${body}"`, reply, patienceMs);
  }

  /** Send bytes of any kind. */
  async send(bytes: Uint8Array): Promise<void> {
    await this.#socket.send(bytes, this.#engine);
  }

  /** P. */
  async ping(): Promise<void> {
    assert.equal(text(await this.ask("P")), "P PONG");
  }

  /** G. */
  async config(): Promise<EngineInfo> {
    return parseConfig(await this.ask("G"));
  }

  /** S, which must be accepted. */
  async open(call: Call): Promise<void> {
    await this.#expect("S", call, "OK");
  }

  /** S, which must be refused. */
  async openRefused(call: Call): Promise<void> {
    await this.#expect("S", call, "ER");
  }

  /** D, which must be accepted. */
  async close(call: Call): Promise<void> {
    await this.#expect("D", call, "OK");
  }

  /** S for many calls, so many at a time that the replies fit the socket's receive buffer. */
  async openAll(calls: readonly Call[]): Promise<void> {
    for (const some of batches(calls)) await Promise.all(some.map((call) => this.open(call)));
  }

  /** D for many calls. */
  async closeAll(calls: readonly Call[]): Promise<void> {
    for (const some of batches(calls)) await Promise.all(some.map((call) => this.close(call)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#done;
  }

  async #expect(verb: "S" | "D", call: Call, verdict: "OK" | "ER"): Promise<void> {
    const request = requestText(verb, call);
    assert.equal(text(await this.ask(request)), `${request}${verdict}`);
  }

  async #receive(): Promise<void> {
    for await (const [bytes] of this.#socket) {
      if (bytes.length === 0) {
        this.empty++;
        continue;
      }
      const space = bytes.indexOf(32);
      const cookie = text(bytes.subarray(0, Math.max(0, space)));
      const answer = this.#waiting.get(cookie);
      this.#waiting.delete(cookie);
      if (answer) answer(bytes.slice(space + 1));
      else this.unexpected++;
    }
  }
}

/** Read the answer to G, all 54 bytes of it. */
export function parseConfig(reply: Uint8Array): EngineInfo {
  assert.equal(reply.length, 54);
  assert.equal(text(reply.subarray(0, 2)), "G ");
  const view = new DataView(reply.buffer, reply.byteOffset + 2);
  const address = (at: number): string => {
    const field = reply.subarray(2 + at, 2 + at + 20);
    assert.equal(field[19], 0, "a 20-character address crashes Kamailio");
    return text(field).replace(/\0*$/, "");
  };
  return {
    startPort: view.getInt32(0, true),
    endPort: view.getInt32(4, true),
    currentPort: view.getInt32(8, true),
    internalIp: address(12),
    externalIp: address(32),
  };
}

function text(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function* batches(calls: readonly Call[]): Generator<readonly Call[]> {
  for (let at = 0; at < calls.length; at += AT_ONCE) yield calls.slice(at, at + AT_ONCE);
}
