/** A coordinator on a port of its own: the sessions and the HTTP of the real one around a RunningCoordinator. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { envelope } from "../../protocol/envelope.ts";
import type { TaskId } from "../../protocol/ids.ts";
import {
  type ClientMessage,
  clientMessageSchema,
  type ToClientMessage,
  toClientMessageSchema,
} from "../../protocol/messages.ts";
import { type AcceptEvent, Acceptor, type HelloDecision, type HelloRequest } from "../../transport/accept.ts";
import { Session } from "../../transport/session.ts";
import { webSocketChannel } from "../../transport/websocket-channel.ts";
import { RunningCoordinator } from "./running-coordinator.ts";

export interface ServerOptions {
  readonly token?: string;
  readonly port?: number;
  /** The job of those who connect, or come back to this server after a restart. */
  readonly job?: string;
  /** After a restart: how many batches of the sessions of before were kept. Without it nobody is known. */
  readonly kept?: number;
}

export class CoordinatorServer {
  readonly running = new RunningCoordinator();
  readonly hellos: unknown[] = [];
  readonly events: AcceptEvent["type"][] = [];
  readonly requests: { readonly method: string; readonly id: string; readonly authorization: string }[] = [];
  readonly messages: ClientMessage["type"][] = [];
  /** Answers so many HTTP requests with 500. */
  failures = 0;
  port = 0;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  #sessions: Session<ClientMessage, ToClientMessage>[] = [];

  private constructor(options: ServerOptions) {
    const acceptor = new Acceptor({
      onHello: ({ hello, claim }) => this.#decide(options, hello, claim),
      onEvent: ({ type }) => this.events.push(type),
    });
    this.#http = createServer((request, response) => {
      const id = decodeURIComponent((request.url ?? "").split("/").at(-1) ?? "");
      this.requests.push({ method: request.method ?? "", id, authorization: request.headers.authorization ?? "" });
      if (this.failures > 0) {
        this.failures--;
        response.writeHead(500).end("in trouble");
      } else if (request.method === "PUT") {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          this.running.stored.set(id, new Uint8Array(Buffer.concat(chunks)));
          response.writeHead(201).end("{}");
        });
      } else {
        const bytes = this.running.stored.get(id);
        if (bytes === undefined)
          response.writeHead(404).end(JSON.stringify({ error: `Cannot read "${id}"`, code: "OBJECT_LOST" }));
        else response.writeHead(200).end(bytes);
      }
    });
    this.#sockets = new WebSocketServer({ noServer: true });
    this.#http.on("upgrade", (request, socket, head) => {
      if (!(request.url ?? "").endsWith("/session")) return socket.destroy();
      this.#sockets.handleUpgrade(request, socket, head, (opened) => {
        acceptor.accept(webSocketChannel(opened), "test");
      });
    });
  }

  static async start(options: ServerOptions = {}): Promise<CoordinatorServer> {
    const server = new CoordinatorServer(options);
    await new Promise<void>((resolve) => server.#http.listen(options.port ?? 0, "127.0.0.1", resolve));
    server.port = (server.#http.address() as AddressInfo).port;
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  send(message: ToClientMessage): void {
    this.#sessions.at(-1)?.send(message);
  }

  /** Drops the links; sessions stay known. */
  cut(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  /** As a killed process would. */
  async stop(): Promise<void> {
    this.cut();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** Batches of the newest session that were taken. */
  get received(): number {
    return this.#sessions.at(-1)?.received ?? 0;
  }

  #decide(options: ServerOptions, hello: unknown, claim: HelloRequest["claim"]): HelloDecision {
    this.hellos.push(hello);
    const { token, namespace } = hello as { token?: string; namespace: string };
    if (options.token !== undefined && token !== options.token) {
      return { type: "refuse", code: "AUTHENTICATION", message: "Cannot connect: the token does not allow it" };
    }
    const jobId = options.job ?? (claim === undefined ? "jserver" : "jnew");
    const isRestored = claim !== undefined && options.kept !== undefined;
    const session: Session<ClientMessage, ToClientMessage> = new Session({
      codec: envelope(clientMessageSchema, toClientMessageSchema, (error) =>
        this.running.said.push({ type: "cancel", id: error.message as TaskId, force: true, recursive: true }),
      ),
      onMessages: (batch) => {
        for (const message of batch) {
          this.messages.push(message.type);
          if (message.type !== "close-job")
            this.running.handle(message, (answer) => queueMicrotask(() => session.send(answer)));
        }
      },
      onLink: () => {},
      onRefused: (error) => {
        throw error;
      },
      schedule: queueMicrotask,
      ...(isRestored && { received: options.kept }),
    });
    this.#sessions.push(session);
    const welcome = { jobId, namespace, httpKey: `key-of-${jobId}`, ticket: `ticket-of-${jobId}`, submitted: 0 };
    return { type: "accept", session, retainMs: 5_000, welcome, ...(isRestored && { restored: claim }) };
  }
}
