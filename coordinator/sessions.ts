/**
 * Who is connected: decides on each hello, opens a session for a client or a worker, and tells the coordinator when
 * links drop, come back or end. Owns admission (version, token, address limits) and the count of refusals. Knows
 * nothing about HTTP or what the scheduler makes of it.
 */
import { randomBytes } from "node:crypto";
import * as v from "valibot";
import { envelope } from "../protocol/envelope.ts";
import { jobId, type JobId, type SessionId, workerId, type WorkerId } from "../protocol/ids.ts";
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
import { type LinkedSession, Session } from "../transport/session.ts";
import type { WebRtcEndpoint } from "../transport/webrtc-node.ts";
import { ClientSession } from "./client-session.ts";
import type { Coordinator, KeptSession, SessionOwner } from "./coordinator.ts";
import { type ClientHello, hello, versionOf, type WorkerHello, workerHello } from "./hello.ts";
import type { Identity } from "./identity.ts";
import { type Caller, isSameSecret, mayEnter, type Scope } from "./tokens.ts";
import { Upgrade } from "./upgrade.ts";
import { WorkerSession } from "./worker-session.ts";

export interface SessionsOptions {
  readonly coordinator: Coordinator;
  readonly identity: Identity;
  /** No token is needed from this machine. */
  readonly isOpen: boolean;
  readonly webRtc: WebRtcEndpoint | undefined;
  readonly onTrouble: (what: string, error: unknown) => void;
}

/** Whoever holds the key may move bytes for this job or worker over HTTP. */
export type HttpOwner = { readonly jobId: JobId } | { readonly workerId: WorkerId };

interface Open {
  readonly httpKey: string;
  readonly address: string;
  readonly ownerId: JobId | WorkerId;
  readonly session: LinkedSession;
  isReplaced?: boolean;
  linkLost(): void;
  linkResumed(hello: unknown): void;
  ended(how: "goodbye" | "lost" | "replaced"): void;
}
interface Expected {
  readonly session: KeptSession;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** A worker's session is kept this long after its link is lost; its tasks are given away much sooner. */
const workerRetainMs = 30_000;
const longestRetainMs = 3_600_000;

export class Sessions {
  readonly #options: SessionsOptions;
  readonly #acceptor: Acceptor;
  readonly #open = new Map<string, Open>();
  readonly #byOwner = new Map<JobId | WorkerId, string>();
  /** Sessions of an earlier process whose other ends have not come back yet. */
  readonly #kept = new Map<string, Expected>();
  #isClosing = false;
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
    this.#isClosing = true;
    for (const { timer } of this.#kept.values()) clearTimeout(timer);
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
      !mayEnter(
        this.#options.identity.tokens,
        this.#options.isOpen,
        { ...caller, token: said.token ?? caller.token },
        wanted,
      )
    ) {
      const which = said.token === undefined ? "no token was given" : "the token does not allow it";
      return refuse(
        "AUTHENTICATION",
        `Cannot ${wanted === "join" ? "join" : "connect"}: ${which}. Use the URL that \`tabgrid start\` printed, or pass its "${wanted}" token`,
      );
    }
    if ((this.#byAddress.get(address) ?? 0) >= limits.sessionsPerAddress) {
      return refuse(
        "PROTOCOL",
        `Cannot open session: ${address} has ${limits.sessionsPerAddress}, the limit for one address`,
      );
    }
    const kept = this.#claimed(request.claim);
    if (said.role === "client") {
      if (request.claim !== undefined && kept === undefined) {
        return refuse(
          "DISCONNECTED",
          "Cannot resume session: the coordinator no longer knows it (its data is gone, or the session was away too long)",
        );
      }
      return this.#client(request, said, kept);
    }
    return this.#worker(request, said, kept);
  }

  /** The session of an earlier process that the hello continues, if it has the key. */
  #claimed(claim: HelloRequest["claim"]): KeptSession | undefined {
    const kept = claim && this.#kept.get(claim.sessionId);
    if (kept === undefined || !isSameSecret(kept.session.resumeKey, claim?.resumeKey ?? "")) return undefined;
    clearTimeout(kept.timer);
    this.#kept.delete(kept.session.sessionId);
    return kept.session;
  }

  /** Sessions of an earlier process wait for their other ends as long as they would have without a link. */
  expectBack(sessions: Iterable<KeptSession>): void {
    const { coordinator } = this.#options;
    const owned = new Set<string>();
    for (const session of sessions) {
      owned.add(ownerIdOf(session.owner));
      const httpKey = this.#httpKeyOf(session.sessionId, session.owner);
      const timer = setTimeout(() => {
        this.#httpKeys.delete(httpKey);
        this.#gone(session);
      }, session.retainMs);
      this.#kept.set(session.sessionId, { session, timer });
    }
    for (const job of [...coordinator.scheduler.records.jobs.values()])
      if (!job.closed && !owned.has(job.id)) coordinator.take({ type: "job-closed", jobId: job.id });
  }

  #gone(session: KeptSession): void {
    const { coordinator } = this.#options;
    this.#kept.delete(session.sessionId);
    if (session.owner.type === "client") coordinator.take({ type: "job-closed", jobId: session.owner.jobId });
    coordinator.sessionClosed(session.sessionId);
  }

  // ---------------------------------------------------------------------------------------- clients

  #client(request: HelloRequest, said: ClientHello, kept: KeptSession | undefined): HelloDecision {
    const { coordinator, identity } = this.#options;
    const { jobs } = coordinator.scheduler.records;
    const known = kept?.owner.type === "client" ? kept.owner.jobId : this.#ticketed(said.ticket);
    if (known === undefined && said.ticket !== undefined)
      return refuse("DISCONNECTED", "Cannot find the job of this ticket: it was closed, or is not of this coordinator");
    if (known !== undefined && jobs.get(known)?.closed !== false) {
      if (kept !== undefined) coordinator.sessionClosed(kept.sessionId);
      return refuse("DISCONNECTED", "Cannot resume session: its job is closed");
    }
    if (kept === undefined && known !== undefined) this.#replace(known, "another connection took over its job");
    const id = known ?? jobId(randomBytes(10));
    const { sessionId, session } = this.#session<ClientMessage, ToClientMessage>(
      request,
      envelope(clientMessageSchema, toClientMessageSchema, (error) => refused(error)),
      kept,
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
    if (known === undefined)
      coordinator.take({ type: "job-opened", jobId: id, name: said.jobName, namespace: said.namespace });
    const retainMs = Math.min(said.reconnectMs, longestRetainMs);
    const httpKey = this.#opened(request, kept, retainMs, { type: "client", jobId: id }, session, {
      linkLost: () => {},
      linkResumed: () => {},
      ended: (how) => {
        if (coordinator.clients.get(id) === client) coordinator.clients.delete(id);
        if (how !== "replaced") coordinator.take({ type: "job-closed", jobId: id });
      },
    });
    const welcome = {
      jobId: id,
      namespace: jobs.get(id)?.namespace ?? said.namespace,
      httpKey,
      ticket: `${id}.${identity.sign(id)}`,
      submitted: jobs.get(id)?.submitted ?? 0,
    };
    return { type: "accept", session, retainMs, welcome, ...this.#restored(sessionId, kept) };
  }

  /** The job that a ticket is for, whoever holds it. */
  #ticketed(ticket: string | undefined): JobId | undefined {
    if (ticket === undefined) return undefined;
    const dot = ticket.lastIndexOf(".");
    const id = ticket.slice(0, dot);
    const isReal = isSameSecret(ticket.slice(dot + 1), this.#options.identity.sign(id));
    return isReal ? this.#options.coordinator.scheduler.records.jobs.get(id as JobId)?.id : undefined;
  }

  // ---------------------------------------------------------------------------------------- workers

  #worker(request: HelloRequest, said: WorkerHello, kept: KeptSession | undefined): HelloDecision {
    const { coordinator, webRtc, identity } = this.#options;
    const home = kept === undefined ? this.#homeOf(said) : undefined;
    const id = (kept?.owner.type === "worker" ? kept.owner.workerId : home) ?? workerId(randomBytes(10));
    if (home !== undefined) this.#replace(home, "this tab was opened anew elsewhere");
    const { sessionId, session } = this.#session<WorkerMessage, ToWorkerMessage>(
      request,
      envelope(workerMessageSchema, toWorkerMessageSchema, (error) => refused(error)),
      kept,
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
    const isHere = (): boolean => coordinator.scheduler.records.workers.has(id);
    if (isHere()) coordinator.take({ type: "worker-back", workerId: id });
    else join(said.threads);
    const httpKey = this.#opened(request, kept, workerRetainMs, { type: "worker", workerId: id }, session, {
      linkLost: () => coordinator.take({ type: "worker-away", workerId: id }),
      linkResumed: (again) => {
        const now = v.safeParse(workerHello, again);
        // It was given up meanwhile: it joins again under its old name, and says next what it still holds.
        if (!isHere()) join(now.success ? now.output.threads : said.threads);
        coordinator.take({ type: "worker-back", workerId: id });
      },
      ended: (how) => {
        upgrade?.close();
        coordinator.take({ type: "worker-left", workerId: id, how: how === "lost" ? "lost" : "goodbye" });
        if (coordinator.workers.get(id) === worker) coordinator.workers.delete(id);
      },
    });
    const welcome = {
      workerId: id,
      httpKey,
      homeKey: identity.sign(id),
      iceServers: [],
      webrtc: webRtc !== undefined,
    };
    return { type: "accept", session, retainMs: workerRetainMs, welcome, ...this.#restored(sessionId, kept) };
  }

  /** The worker this tab was before it was loaded anew, if it can show so. */
  #homeOf({ home }: WorkerHello): WorkerId | undefined {
    if (home === undefined || !isSameSecret(home.homeKey, this.#options.identity.sign(home.workerId))) return undefined;
    return home.workerId as WorkerId;
  }

  // ---------------------------------------------------------------------------------------- both

  #session<In, Out>(
    request: HelloRequest,
    codec: ConstructorParameters<typeof Session<In, Out>>[0]["codec"],
    kept: KeptSession | undefined,
    onMessages: (batch: readonly In[]) => void,
    onRefused: (error: unknown) => void,
  ): { readonly sessionId: SessionId; readonly session: Session<In, Out> } {
    const { coordinator } = this.#options;
    // The brand is minted here: the acceptor names sessions.
    const sessionId = (kept?.sessionId ?? request.sessionId) as SessionId;
    const session = new Session<In, Out>({
      codec,
      acknowledgesKept: true,
      ...(kept === undefined ? {} : { received: kept.received }),
      onMessages: (batch, sequence) => {
        try {
          onMessages(batch);
        } finally {
          coordinator.received(sessionId, sequence, () => session.keep(sequence));
        }
      },
      onLink() {},
      onRefused,
      schedule: (flush) => setImmediate(flush),
    });
    return { sessionId, session };
  }

  #restored(sessionId: SessionId, kept: KeptSession | undefined): { restored?: NonNullable<HelloRequest["claim"]> } {
    return kept === undefined ? {} : { restored: { sessionId, resumeKey: kept.resumeKey } };
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

  #opened(
    request: HelloRequest,
    kept: KeptSession | undefined,
    retainMs: number,
    owner: SessionOwner,
    session: LinkedSession,
    open: Pick<Open, "linkLost" | "linkResumed" | "ended">,
  ): string {
    const { coordinator } = this.#options;
    const { address } = request;
    const ip = address.slice(0, address.indexOf(" "));
    this.#byAddress.set(ip, (this.#byAddress.get(ip) ?? 0) + 1);
    const sessionId = (kept?.sessionId ?? request.sessionId) as SessionId;
    const httpKey = this.#httpKeyOf(sessionId, owner);
    const ownerId = ownerIdOf(owner);
    this.#open.set(sessionId, { ...open, httpKey, address: ip, ownerId, session });
    this.#byOwner.set(ownerId, sessionId);
    if (kept === undefined)
      coordinator.sessionOpened({ sessionId, resumeKey: request.resumeKey, owner, retainMs, received: 0 });
    return httpKey;
  }

  /** Opens the objects to this session; the same key after a restart, so that what is being moved goes on. */
  #httpKeyOf(sessionId: SessionId, owner: SessionOwner): string {
    const httpKey = this.#options.identity.sign(`http ${sessionId}`);
    this.#httpKeys.set(httpKey, owner.type === "client" ? { jobId: owner.jobId } : { workerId: owner.workerId });
    return httpKey;
  }

  /** Ends what is open in this name: there is one connection for one job and one worker. */
  #replace(ownerId: JobId | WorkerId, why: string): void {
    for (const { session, timer } of this.#kept.values()) {
      if (ownerIdOf(session.owner) !== ownerId) continue;
      clearTimeout(timer);
      this.#kept.delete(session.sessionId);
      this.#options.coordinator.sessionClosed(session.sessionId);
      if (session.owner.type === "worker")
        this.#options.coordinator.take({ type: "worker-left", workerId: session.owner.workerId, how: "goodbye" });
    }
    const open = this.#open.get(this.#byOwner.get(ownerId) ?? "");
    if (open === undefined) return;
    open.isReplaced = true;
    open.session.refuse("REPLACED", `Cannot go on: ${why}`);
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
        // The coordinator stops: whoever is here comes back to the next one.
        if (this.#isClosing) return;
        this.#open.delete(event.sessionId);
        if (this.#byOwner.get(open.ownerId) === event.sessionId) this.#byOwner.delete(open.ownerId);
        this.#httpKeys.delete(open.httpKey);
        const left = (this.#byAddress.get(open.address) ?? 1) - 1;
        if (left <= 0) this.#byAddress.delete(open.address);
        else this.#byAddress.set(open.address, left);
        open.ended(open.isReplaced === true ? "replaced" : event.type === "said-goodbye" ? "goodbye" : "lost");
        this.#options.coordinator.sessionClosed(event.sessionId as SessionId);
        return;
      }
    }
  }
}

function ownerIdOf(owner: SessionOwner): JobId | WorkerId {
  return owner.type === "client" ? owner.jobId : owner.workerId;
}

function refuse(code: string, message: string): HelloDecision {
  return { type: "refuse", code, message };
}
