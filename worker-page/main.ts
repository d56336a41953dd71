/**
 * The worker page put together: the URL's parameters, the view, and from Start to Leave a shell with its line, its pool
 * and its clock. The only file here that knows all of them.
 */
import { dialWebRtc, hasWebRtc } from "../transport/webrtc-browser.ts";
import { openWebSocket } from "../transport/websocket-channel.ts";
import { Bulk } from "./bulk.ts";
import { IndexedDbCheckpoints } from "./checkpoints/indexeddb-checkpoints.ts";
import { CoordinatorLink } from "./coordinator-link.ts";
import { Home } from "./home.ts";
import { mostThreads, readParameters } from "./parameters.ts";
import { reloadFor, rememberLending, takeContinuation } from "./reload.ts";
import type { Phase } from "./sentences.ts";
import { type Offer, Shell } from "./shell.ts";
import { Pool } from "./threads/pool.ts";
import { automaticLabels, usualName } from "./this-browser.ts";
import { View } from "./view.ts";
import { WakeLock } from "./wake-lock.ts";

const { userAgent, maxTouchPoints, hardwareConcurrency } = navigator;
const facts = { userAgent, maxTouchPoints, isSecureContext };
const parameters = readParameters({ url: new URL(location.href), processors: hardwareConcurrency });
const GiB = 1024 ** 3;
/** Where the browser does not say how much there is. */
const usualMemoryGiB = 2;

const memory = tabMemory();
const continuation = takeContinuation(memory, isReload());
const home = new Home({ memory, locks: (navigator as Partial<Navigator>).locks, origin: location.origin });

let threads = continuation?.threads ?? parameters.threads;
let phase: Phase = "idle";
let shell: Shell | undefined;
let isShowDue = false;
let hasContinued = false;

const view = new View(
  document,
  { lent: threads, most: Math.min(mostThreads, Math.max(hardwareConcurrency, threads)) },
  {
    onStart: () => void start(),
    onPause: () => {
      if (shell?.status.picture.state === "paused") shell.continue();
      else shell?.pause();
      remember();
      showSoon();
    },
    onLeave: () => {
      shell?.leave();
      remember();
      showSoon();
    },
    onThreads: (lent) => {
      threads = lent;
      shell?.lend(lent);
      remember();
    },
  },
);
const wakeLock = new WakeLock(document);

view.showProblems(parameters.problems);
show();
document.addEventListener("visibilitychange", show);
window.addEventListener("pagehide", () => shell?.goodbye());
// A page that comes back from the browser's cache has said goodbye: it begins anew.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
startClock(() => {
  shell?.tick();
  show();
});
if (parameters.start || continuation !== undefined) void start();

async function start(): Promise<void> {
  if (phase === "running") return;
  phase = "running";
  show();
  let threadScript: string;
  try {
    [threadScript] = await Promise.all([textAt("/sandbox/thread.js"), home.return()]);
  } catch (error) {
    phase = "idle";
    view.showProblems([`Cannot start: ${error instanceof Error ? error.message : String(error)}. Try again.`]);
    show();
    return;
  }
  view.showProblems(parameters.problems);
  const bulk = new Bulk({
    origin: location.origin,
    fetch: (input, init) => fetch(input, init),
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
  shell = new Shell({
    offer: offer(),
    bulk,
    checkpoints: new IndexedDbCheckpoints(),
    home,
    openLink: (handlers) =>
      new CoordinatorLink({
        ...handlers,
        onState: (state) => {
          handlers.onState(state);
          showSoon();
        },
        openChannel: () => openWebSocket(new WebSocket(new URL("/session", location.href.replace(/^http/, "ws")))),
        dialWebRtc: hasWebRtc() ? dialWebRtc : undefined,
      }),
    openPool: (handlers) => new Pool({ ...handlers, frameUrl: "/sandbox", threadScript, parent: document.body }),
    now: () => Date.now(),
    // The clock shows what tasks change, once a second: each picture is a layout, a paint and a title, here and in the
    // browser, and ten a second took a fifth of all the time of a grid of no-op tasks.
    onChange: () => {},
    // Without it a browser that runs out of space deletes everything of the site, copies of states included.
    onFirstActor: () => void (navigator as Partial<Navigator>).storage?.persist().catch(() => {}),
    onLeft: () => {
      phase = "left";
      shell = undefined;
      home.forget();
      show();
    },
    onRefused: (error) => console.warn("tabgrid: refused", error),
  });
  if (continuation?.isPaused === true && !hasContinued) shell.pause();
  hasContinued = true;
  remember();
  show();
}

/** So that a reload goes on as things are. */
function remember(): void {
  const state = shell?.status.picture.state;
  const isLending = state === "lending" || state === "paused";
  rememberLending(memory, isLending ? { threads, isPaused: state === "paused" } : undefined);
}

function offer(): Offer {
  const { deviceMemory = usualMemoryGiB } = navigator as { readonly deviceMemory?: number };
  const { gpus, memoryBytes = deviceMemory * GiB, custom } = parameters.resources;
  return {
    name: parameters.name ?? usualName(facts),
    threads,
    labels: { ...automaticLabels(facts), ...parameters.labels },
    resources: { gpus, memoryBytes, custom },
    browser: userAgent,
    token: parameters.token,
  };
}

/** Several changes at once are one picture. */
function showSoon(): void {
  if (isShowDue) return;
  isShowDue = true;
  setTimeout(show, 100);
}

function show(): void {
  isShowDue = false;
  const status = shell?.status;
  view.show({ phase, status, at: Date.now(), isHidden: document.hidden });
  wakeLock.want(phase === "running" && status?.picture.state === "lending");
  if (status?.link.type === "refused" && status.link.isOutdated && status.picture.running.length === 0) {
    reloadFor(memory, Date.now(), () => location.reload());
  }
}

/** By the person, or by a browser that had put the tab away. */
function isReload(): boolean {
  const [navigation] = performance.getEntriesByType("navigation");
  const { wasDiscarded = false } = document as { readonly wasDiscarded?: boolean };
  return wasDiscarded || (navigation instanceof PerformanceNavigationTiming && navigation.type === "reload");
}

/** What lasts as long as the tab; where the person has forbidden sites to store anything, as long as the page. */
function tabMemory(): Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  try {
    return sessionStorage;
  } catch {
    const kept = new Map<string, string>();
    return {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    };
  }
}

async function textAt(path: string): Promise<string> {
  const response = await fetch(path, { cache: "no-cache" });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.text();
}

function startClock(tick: () => void): void {
  const clock = new Worker(new URL("./clock.ts", import.meta.url), { type: "module" });
  clock.addEventListener("message", tick);
  clock.addEventListener("error", () => setInterval(tick, 1_000));
}
