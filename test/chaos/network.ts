/**
 * The network between one browser or client and the coordinator, on loopback: TCP and UDP relayed, until it is cut
 * (connections are reset and refused, packets dropped) or falls silent (connections stay, and nothing arrives). The
 * DevTools' offline mode is not used: it leaves open WebSockets and data channels alone.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export type NetworkState = "up" | "cut" | "silent";

interface Relay {
  readonly near: Socket;
  readonly far: Socket;
  /** One of the two ended while nothing could be told. */
  isBroken: boolean;
}

const host = "127.0.0.1";

export class Network {
  readonly #tcp: Server;
  readonly #udp: UdpSocket;
  readonly #to: { readonly tcpPort: number; readonly udpPort: number };
  readonly #relays = new Set<Relay>();
  /** One for each address it is spoken to from, as in a router. */
  readonly #routes = new Map<string, UdpSocket>();
  #state: NetworkState = "up";

  private constructor(tcp: Server, udp: UdpSocket, to: { readonly tcpPort: number; readonly udpPort: number }) {
    this.#tcp = tcp;
    this.#udp = udp;
    this.#to = to;
    tcp.on("connection", (near) => this.#relay(near));
    udp.on("message", (packet, from) => this.#forward(packet, from.address, from.port));
    udp.on("error", () => {});
  }

  static async open(to: { readonly tcpPort: number; readonly udpPort: number }): Promise<Network> {
    const tcp = createServer({ allowHalfOpen: true, noDelay: true });
    tcp.listen(0, host);
    const udp = createSocket("udp4");
    udp.bind(0, host);
    await Promise.all([once(tcp, "listening"), once(udp, "listening")]);
    return new Network(tcp, udp, to);
  }

  /** The coordinator, as seen from here. */
  get url(): string {
    return `http://${host}:${(this.#tcp.address() as AddressInfo).port}`;
  }

  get udpPort(): number {
    return this.#udp.address().port;
  }

  get state(): NetworkState {
    return this.#state;
  }

  set state(state: NetworkState) {
    this.#state = state;
    for (const relay of this.#relays) {
      const { near, far } = relay;
      if (state === "cut" || (state === "up" && relay.isBroken)) this.#break(relay);
      else for (const socket of [near, far]) setFlow(socket, state);
    }
  }

  close(): void {
    this.state = "cut";
    this.#tcp.close();
    this.#udp.close();
    for (const route of this.#routes.values()) route.close();
    this.#routes.clear();
  }

  #relay(near: Socket): void {
    if (this.#state === "cut") {
      near.on("error", () => {});
      near.resetAndDestroy();
      return;
    }
    const far = connect({ port: this.#to.tcpPort, host, allowHalfOpen: true, noDelay: true });
    const relay: Relay = { near, far, isBroken: false };
    this.#relays.add(relay);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("data", (chunk) => {
        if (!to.write(chunk)) from.pause();
      });
      to.on("drain", () => {
        if (this.#state === "up") from.resume();
      });
      from.on("end", () => to.end());
      from.on("error", () => {});
      from.on("close", (hadError) => {
        if (hadError || to.destroyed) {
          // What the other end does not hear of yet, it hears of once the network is back.
          if (this.#state === "silent") relay.isBroken = true;
          else this.#break(relay);
        }
      });
    }
    for (const socket of [near, far]) setFlow(socket, this.#state);
  }

  #break(relay: Relay): void {
    this.#relays.delete(relay);
    for (const socket of [relay.near, relay.far]) if (!socket.destroyed) socket.resetAndDestroy();
  }

  #forward(packet: Buffer, address: string, port: number): void {
    if (this.#state !== "up") return;
    const key = `${address}:${port}`;
    let route = this.#routes.get(key);
    if (route === undefined) {
      route = createSocket("udp4");
      route.on("message", (answer) => {
        if (this.#state === "up") this.#udp.send(answer, port, address);
      });
      route.on("error", () => {});
      route.bind(0, host);
      this.#routes.set(key, route);
    }
    route.send(packet, this.#to.udpPort, host);
  }
}

function setFlow(socket: Socket, state: NetworkState): void {
  if (state === "silent") socket.pause();
  else socket.resume();
}
