/** What the coordinator says to a worker that it lets in. */
import { ProtocolError } from "../protocol/errors.ts";
import type { WorkerId } from "../protocol/ids.ts";

export interface WorkerWelcome {
  readonly workerId: WorkerId;
  /** Proves, should this tab be loaded anew, that it is this worker. */
  readonly homeKey: string;
  /** Opens `/objects` for as long as the session lives. */
  readonly httpKey: string;
  readonly iceServers: readonly RTCIceServer[];
  /** Whether the coordinator answers data channels. */
  readonly webrtc: boolean;
}

export function readWelcome(said: unknown): WorkerWelcome {
  const { workerId, homeKey, httpKey, iceServers, webrtc } = (said ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof workerId !== "string" || typeof homeKey !== "string" || typeof httpKey !== "string") {
    throw new ProtocolError("Cannot take welcome: it has no workerId, homeKey and httpKey");
  }
  return {
    // The brand is minted here: the name is the coordinator's to give.
    workerId: workerId as WorkerId,
    homeKey,
    httpKey,
    iceServers: Array.isArray(iceServers) ? (iceServers as readonly RTCIceServer[]) : [],
    webrtc: webrtc === true,
  };
}
