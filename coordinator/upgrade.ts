/**
 * A worker's way from the WebSocket to a data channel: its signals go to the endpoint, the endpoint's back to it, and
 * the open channel joins the session. Only the session's own signals count, so the channel needs no key of its own.
 */
import type { Channel } from "../transport/channel.ts";
import type { WebRtcAnswering, WebRtcEndpoint } from "../transport/webrtc-node.ts";

interface Upgradable {
  attach(channel: Channel): void;
}

export class Upgrade {
  readonly #endpoint: WebRtcEndpoint;
  readonly #session: Upgradable;
  readonly #send: (json: string) => void;
  #answering: WebRtcAnswering | undefined;

  constructor(endpoint: WebRtcEndpoint, session: Upgradable, send: (json: string) => void) {
    this.#endpoint = endpoint;
    this.#session = session;
    this.#send = send;
  }

  /** Throws ProtocolError, or SyntaxError for what is not JSON: the session refuses the message. */
  signal(json: string): void {
    const data: unknown = JSON.parse(json);
    // An offer begins anew: the tab has given the former attempt up.
    if (typeof data === "object" && data !== null && "type" in data && data.type === "offer") this.close();
    this.#answering ??= this.#answer();
    this.#answering.signal(data);
  }

  close(): void {
    this.#answering?.close();
    this.#answering = undefined;
  }

  #answer(): WebRtcAnswering {
    const answering = this.#endpoint.answer({
      onSignal: (signal) => this.#send(JSON.stringify(signal)),
      onChannel: (channel) => this.#session.attach(channel),
      onClose: () => {
        if (this.#answering === answering) this.#answering = undefined;
      },
    });
    return answering;
  }
}
