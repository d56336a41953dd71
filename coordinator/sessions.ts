/**
 * Who is connected: decides on each hello, opens a session for a client or a worker, and tells the coordinator when
 * links drop, come back or end. Owns admission (version, token, address limits) and the count of refusals. Knows
 * nothing about HTTP or what the scheduler makes of it.
 */
import { randomBytes } from "node:crypto";
import * as v from "valibot";
import { envelope } from "../protocol/envelope.ts";
import { jobId, type JobId, workerId, type WorkerId } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import {
  type ClientMessage,
  clientMessageSchema,
  type ToClientMessage,
  toClientMessageSchema,
  type ToWorkerMessage,
  toWorkerMessageSchema,
  type WorkerMessage,
  workerMessageSchema,
} from "../protocol/messages.ts";
import { protocolVersion } from "../protocol/version.ts";
import { type AcceptEvent, Acceptor, type HelloDecision, type HelloRequest } from "../transport/accept.ts";
import type { Channel } from "../transport/channel.ts";
import { Session } from "../transport/session.ts";
import type { WebRtcEndpoint } from "../transport/webrtc-node.ts";
import { ClientSession } from "./client-session.ts";
import type { Coordinator } from "./coordinator.ts";
import { type ClientHello, hello, versionOf, type WorkerHello, workerHello } from "./hello.ts";
import { type Caller, mayEnter, type Scope, type Tokens } from "./tokens.ts";
import { Upgrade } from "./upgrade.ts";
import { WorkerSession } from "./worker-session.ts";

export interface SessionsOptions {
  readonly coordinator: Coordinator;
  readonly tokens: Tokens;
  /** No token is needed from this machine. */
  readonly isOpen: boolean;
  readonly webRtc: WebRtcEndpoint | undefined;
  readonly onTrouble: (what: string, error: unknown) => void;
}

/** Whoever holds the key may move bytes for this job or worker over HTTP. */
export type HttpOwner = { readonly jobId: JobId } | { readonly workerId: WorkerId };

interface Open {
  readonly role: "client" | "worker";
  readonly httpKey: string;
  readonly address: string;
  linkLost(): void;
  linkResumed(hello: unknown): void;
  ended(goodbye: boolean): void;
}

/** A worker's session is kept this long after its link is lost; its tasks are given away much sooner. */
const workerRetainMs = 30_000;
const longestRetainMs = 3_600_000;

export class Sessions {
  readonly #options: SessionsOptions;
  readonly #acceptor: Acceptor;
  readonly #open = new Map<string, Open>();
  readonly #httpKeys = new Map<string, HttpOwner>();
  readonly #byAddress = new Map<string, number>();
  readonly #callers = new Map<string, Caller>();

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#acceptor = new Acceptor({
      onHello: (request) => this.#decide(request),
      onEvent: (event) => this.#happened(event),
    });
  }

  get size(): number {
    return this.#open.size;
  }

  /** A new channel; `caller` is what its upgrade request said. */
  accept(channel: Channel, address: string, caller: Caller): void {
    const key = `${address} ${randomBytes(6).toString("hex")}`;
    this.#callers.set(key, caller);
    this.#acceptor.accept(channel, key);
  }

  ownerOf(httpKey: string | undefined): HttpOwner | undefined {
    return httpKey === undefined ? undefined : this.#httpKeys.get(httpKey);
  }

  close(): void {
    this.#acceptor.close("the coordinator is stopping");
  }

  // ---------------------------------------------------------------------------------------- admission

  #decide(request: HelloRequest): HelloDecision {
    const caller = this.#callers.get(request.address) ?? { token: undefined, origin: undefined, host: undefined };
    this.#callers.delete(request.address);
    const address = request.address.split(" ")[0] ?? "";
    const version = v.safeParse(versionOf, request.hello);
    if (version.success && version.output.version !== protocolVersion) {
      return refuse(
        "PROTOCOL",
        `Cannot open session: it speaks version ${version.output.version} and this coordinator ${protocolVersion}; reload the page or update the package`,
      );
    }
    const parsed = v.safeParse(hello, request.hello);
    if (!parsed.success)
      return refuse("PROTOCOL", `Cannot open session: the hello is malformed (${v.summarize(parsed.issues)})`);
    const said = parsed.output;
    const wanted: Scope = said.role === "client" ? "submit" : "join";
    if (
      !mayEnter(this.#options.tokens, this.#options.isOpen, { ...caller, token: said.token ?? caller.token }, wanted)
    ) {
      const which = said.token === undefined ? "no token was given" : "the token does not allow it";
      return refuse(
        "AUTHENTICATION",
        `Cannot ${wanted === "join" ? "join" : "connect"}: ${which}. Use the URL that \`tabgrid start\` printed, or pass its "${wanted}" token`,
      );
    }
    if (said.role === "client" && request.claim !== undefined) {
      return refuse(
        "DISCONNECTED",
        "Cannot resume session: the coordinator no longer knows it (it was restarted, or the session was away too long)",
      );
    }
    if ((this.#byAddress.get(address) ?? 0) >= limits.sessionsPerAddress) {
      return refuse(
        "PROTOCOL",
        `Cannot open session: ${address} has ${limits.sessionsPerAddress}, the limit for one address`,
      );
    }
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
    return said.role === "client"
      ? this.#client(request.sessionId, said, address)
      : this.#worker(request.sessionId, said, address);
  }

  // ---------------------------------------------------------------------------------------- clients

  #client(sessionId: string, said: ClientHello, address: string): HelloDecision {
    const { coordinator } = this.#options;
    const id = jobId(randomBytes(10));
    const session = this.#session<ClientMessage, ToClientMessage>(
      envelope(clientMessageSchema, toClientMessageSchema, (error) => refused(error)),
      (batch) => client.receive(batch),
      (error) => refused(error),
    );
    const refused = this.#refusals(session, (message) => session.send({ type: "refused", code: "PROTOCOL", message }));
    const client = new ClientSession({
      coordinator,
      jobId: id,
      logs: said.logs,
      send: (message) => session.send(message),
    });
    coordinator.clients.set(id, client);
    coordinator.take({ type: "job-opened", jobId: id, name: said.jobName, namespace: said.namespace });
    const httpKey = this.#opened(
      sessionId,
      { jobId: id },
      {
        role: "client",
        address,
        linkLost: () => {},
        linkResumed: () => {},
        ended: () => {
          coordinator.clients.delete(id);
          coordinator.take({ type: "job-closed", jobId: id });
        },
      },
    );
    const welcome = { jobId: id, namespace: said.namespace, httpKey };
    return { type: "accept", session, retainMs: Math.min(said.reconnectMs, longestRetainMs), welcome };
  }

  // ---------------------------------------------------------------------------------------- workers

  #worker(sessionId: string, said: WorkerHello, address: string): HelloDecision {
    const { coordinator, webRtc } = this.#options;
    const id = workerId(randomBytes(10));
    const session = this.#session<WorkerMessage, ToWorkerMessage>(
      envelope(workerMessageSchema, toWorkerMessageSchema, (error) => refused(error)),
      (batch) => worker.receive(batch),
      (error) => refused(error),
    );
    const refused = this.#refusals(session, (message) => session.send({ type: "refused", code: "PROTOCOL", message }));
    const upgrade =
      webRtc === undefined ? undefined : new Upgrade(webRtc, session, (json) => session.send({ type: "signal", json }));
    const worker = new WorkerSession({
      coordinator,
      workerId: id,
      name: said.name,
      send: (message) => session.send(message),
      signal: (json) => upgrade?.signal(json),
    });
    coordinator.workers.set(id, worker);
    const join = (threads: number): void =>
      coordinator.take({
        type: "worker-joined",
        workerId: id,
        name: said.name,
        threads,
        labels: said.labels,
        offer: said.resources,
      });
    join(said.threads);
    const httpKey = this.#opened(
      sessionId,
      { workerId: id },
      {
        role: "worker",
        address,
        linkLost: () => coordinator.take({ type: "worker-away", workerId: id }),
        linkResumed: (again) => {
          const now = v.safeParse(workerHello, again);
          // It was given up meanwhile: it joins again under its old name, and says next what it still holds.
          if (!coordinator.scheduler.records.workers.has(id)) join(now.success ? now.output.threads : said.threads);
          coordinator.take({ type: "worker-back", workerId: id });
        },
        ended: (goodbye) => {
          upgrade?.close();
          coordinator.take({ type: "worker-left", workerId: id, goodbye });
          coordinator.workers.delete(id);
        },
      },
    );
    const welcome = { workerId: id, httpKey, iceServers: [], webrtc: webRtc !== undefined };
    return { type: "accept", session, retainMs: workerRetainMs, welcome };
  }

  // ---------------------------------------------------------------------------------------- both

  #session<In, Out>(
    codec: ConstructorParameters<typeof Session<In, Out>>[0]["codec"],
    onMessages: (batch: readonly In[]) => void,
    onRefused: (error: unknown) => void,
  ): Session<In, Out> {
    return new Session<In, Out>({
      codec,
      onMessages,
      onLink() {},
      onRefused,
      schedule: (flush) => setImmediate(flush),
    });
  }

  /** Each refused message is told to its sender; one who keeps on is shown out. */
  #refusals(
    session: { refuse(code: string, message: string): void },
    tell: (message: string) => void,
  ): (error: unknown) => void {
    let count = 0;
    return (error) => {
      const message = error instanceof Error ? error.message : String(error);
      this.#options.onTrouble("message refused", error);
      if (++count <= limits.refusalsPerSession) tell(message);
      else
        session.refuse(
          "PROTOCOL",
          `Cannot go on: more than ${limits.refusalsPerSession} messages were refused, the last because: ${message}`,
        );
    };
  }

  #opened(sessionId: string, owner: HttpOwner, open: Omit<Open, "httpKey">): string {
    const httpKey = randomBytes(18).toString("base64url");
    this.#open.set(sessionId, { ...open, httpKey });
    this.#httpKeys.set(httpKey, owner);
    return httpKey;
  }

  #happened(event: AcceptEvent): void {
    if (event.type === "hello-failed") {
      this.#options.onTrouble("hello failed", event.error);
      return;
    }
    const open = this.#open.get(event.sessionId);
    if (open === undefined) return;
    switch (event.type) {
      case "link-lost":
        return open.linkLost();
      case "link-resumed":
        return open.linkResumed(event.hello);
      case "said-goodbye":
      case "retention-expired":
      case "session-closed": {
        this.#open.delete(event.sessionId);
        this.#httpKeys.delete(open.httpKey);
        const left = (this.#byAddress.get(open.address) ?? 1) - 1;
        if (left <= 0) this.#byAddress.delete(open.address);
        else this.#byAddress.set(open.address, left);
        return open.ended(event.type === "said-goodbye");
      }
    }
  }
}

function refuse(code: string, message: string): HelloDecision {
  return { type: "refuse", code, message };
}
