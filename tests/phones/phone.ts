import type { Namespace } from "../../src/netns/namespaces.ts";
import { until } from "../netns/until.ts";
import {
  formatMessage,
  header,
  headers,
  type Message,
  methodOf,
  parseMessage,
  statusOf,
  uriIn,
} from "./sip.ts";

/** What a phone knows of a call that it is part of (RFC 3261, 12). */
export interface Dialog {
  readonly callId: string;
  /** From or To of this phone, with its tag. */
  readonly local: string;
  remote: string;
  /** Where requests go to, by the other phone's Contact. */
  target: string;
  route: readonly string[];
  cseq: number;
  /** The last INVITE that this phone has sent or got. */
  invite: Message;
}

const NO_MESSAGE: Message = { startLine: "", headers: [], body: "" };

let made = 0;

/** A SIP phone on port 5060 of an address: sends and awaits single messages, as a test wants them. */
export class Phone implements AsyncDisposable {
  readonly address: string;
  /** All that has come, and was not awaited yet. */
  readonly inbox: Message[] = [];
  readonly #socket: Deno.DatagramConn;
  readonly #proxy: Deno.NetAddr;
  readonly #done: Promise<void>;
  readonly #port: number;

  /** `proxy` is the address of the Kamailio that it talks to. */
  constructor(place: Namespace, address: string, proxy: string, port = 5060) {
    this.address = address;
    this.#port = port;
    this.#proxy = { transport: "udp", hostname: proxy, port: 5060 };
    this.#socket = place.run(() =>
      Deno.listenDatagram({ transport: "udp", hostname: address, port })
    );
    this.#done = this.#receive();
  }

  /** Begin a call: send an INVITE to a phone at `callee`. Without a body, the callee makes the offer. */
  async call(callee: string, options: {
    readonly body?: string;
    readonly callId?: string;
    readonly type?: string;
    readonly more?: Message["headers"];
  }): Promise<Dialog> {
    const dialog: Dialog = {
      callId: options.callId ?? `phone-${++made}-${Deno.pid}`,
      local: `<sip:phone@${this.address}>;tag=${++made}`,
      remote: `<sip:other@${callee}>`,
      target: `sip:other@${callee}`,
      route: [],
      cseq: 0,
      invite: NO_MESSAGE,
    };
    await this.request(dialog, "INVITE", options);
    return dialog;
  }

  /** Send a request inside a dialog; the answer is what was sent. */
  async request(dialog: Dialog, method: string, options: {
    readonly body?: string;
    readonly type?: string;
    readonly more?: Message["headers"];
  } = {}): Promise<Message> {
    if (method !== "ACK") dialog.cseq++;
    const { body = "", type = "application/sdp", more = [] } = options;
    const message: Message = {
      startLine: `${method} ${dialog.target} SIP/2.0`,
      headers: [
        [
          "Via",
          `SIP/2.0/UDP ${this.address}:${this.#port};rport;branch=z9hG4bK${++made}-${Deno.pid}`,
        ],
        ...dialog.route.map((route) => ["Route", route] as const),
        ["From", dialog.local],
        ["To", dialog.remote],
        ["Call-ID", dialog.callId],
        ["CSeq", method === "ACK" ? ackCSeq(dialog) : `${dialog.cseq} ${method}`],
        ["Contact", `<sip:phone@${this.address}:${this.#port}>`],
        ["Max-Forwards", "70"],
        ...more,
        ...body === "" ? [] : [["Content-Type", type] as const],
      ],
      body,
    };
    if (method === "INVITE") dialog.invite = message;
    await this.#send(message);
    return message;
  }

  /** Give an INVITE up: same branch, no route. */
  async cancel({ invite }: Dialog): Promise<Message> {
    const kept = ["via", "from", "to", "call-id", "max-forwards"];
    const message: Message = {
      startLine: invite.startLine.replace("INVITE", "CANCEL"),
      headers: [
        ...invite.headers.filter(([name]) => kept.includes(name.toLowerCase())),
        ["CSeq", header(invite, "CSeq").replace("INVITE", "CANCEL")],
      ],
      body: "",
    };
    await this.#send(message);
    return message;
  }

  /** Answer a request. In a dialog that begins with it, `dialog` has this phone's tag. */
  async reply(request: Message, status: number, options: {
    readonly dialog?: Dialog;
    readonly body?: string;
    readonly type?: string;
    readonly more?: Message["headers"];
  } = {}): Promise<void> {
    const { dialog, body = "", type = "application/sdp", more = [] } = options;
    const copied = ["via", "record-route", "from", "call-id", "cseq"];
    await this.#send({
      startLine: `SIP/2.0 ${status} Whatever`,
      headers: [
        ...request.headers.filter(([name]) => copied.includes(name.toLowerCase())),
        ["To", dialog ? dialog.local : header(request, "To")],
        ["Contact", `<sip:phone@${this.address}:${this.#port}>`],
        ...more,
        ...body === "" ? [] : [["Content-Type", type] as const],
      ],
      body,
    });
  }

  /** ACK of a response that is none, on behalf of the transaction (RFC 3261, 17.1.1.3). */
  async acknowledgeFailure({ invite }: Dialog, response: Message): Promise<void> {
    await this.#send({
      startLine: invite.startLine.replace("INVITE", "ACK"),
      headers: [
        ...headers(invite, "Via").map((via) => ["Via", via] as const),
        ["From", header(invite, "From")],
        ["To", header(response, "To")],
        ["Call-ID", header(invite, "Call-ID")],
        ["CSeq", header(invite, "CSeq").replace("INVITE", "ACK")],
        ["Max-Forwards", "70"],
      ],
      body: "",
    });
  }

  /** The dialog that an INVITE begins at the phone that got it. */
  dialogOf(invite: Message): Dialog {
    return {
      callId: header(invite, "Call-ID"),
      local: `${header(invite, "To")};tag=${++made}`,
      remote: header(invite, "From"),
      target: uriIn(header(invite, "Contact")),
      route: headers(invite, "Record-Route"),
      cseq: 100,
      invite,
    };
  }

  /** Take over from a response what a dialog of this phone is from now on. */
  established(dialog: Dialog, response: Message): void {
    dialog.remote = header(response, "To");
    dialog.target = uriIn(header(response, "Contact"));
    dialog.route = [...headers(response, "Record-Route")].reverse();
  }

  /** Wait for a request of this method. Retransmissions of what was awaited before are no matter. */
  async awaitRequest(method: string): Promise<Message> {
    return await this.#await(`${method} at ${this.address}`, (message) => {
      return statusOf(message) === 0 && methodOf(message) === method;
    });
  }

  /** Wait for the response with this status to a request. */
  async awaitResponse(request: Message, status: number): Promise<Message> {
    return await this.#await(`${status} of ${request.startLine} at ${this.address}`, (message) => {
      return answers(message, request) && statusOf(message) === status;
    });
  }

  /** Wait for the final response to a request, whatever it is. */
  async awaitFinal(request: Message): Promise<Message> {
    const what = `a final response to ${request.startLine} at ${this.address}`;
    return await this.#await(what, (message) => {
      return answers(message, request) && statusOf(message) >= 200;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#done;
  }

  async #await(what: string, isIt: (message: Message) => boolean): Promise<Message> {
    const look = (): Message | null => this.inbox.find(isIt) ?? null;
    const message = await until(what, look).catch((error: Error) => {
      const came = this.inbox.map(({ startLine }) => startLine).join("\n");
      throw new Error(`${error.message}; here are\n${came}`);
    });
    this.inbox.splice(this.inbox.indexOf(message), 1);
    return message;
  }

  async #send(message: Message): Promise<void> {
    await this.#socket.send(new TextEncoder().encode(formatMessage(message)), this.#proxy);
  }

  async #receive(): Promise<void> {
    for await (const [bytes] of this.#socket) {
      const message = parseMessage(new TextDecoder().decode(bytes));
      if (message) this.inbox.push(message);
    }
  }
}

function answers(message: Message, request: Message): boolean {
  return statusOf(message) > 0 && header(message, "Call-ID") === header(request, "Call-ID") &&
    header(message, "CSeq") === header(request, "CSeq");
}

function ackCSeq({ invite }: Dialog): string {
  return header(invite, "CSeq").replace("INVITE", "ACK");
}
