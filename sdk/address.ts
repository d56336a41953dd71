/** The address of a coordinator as people give it: with a token in it, of one of its pages, over http or ws. */

export interface Address {
  /** Without a slash at its end: what it serves is `${base}/objects/…`. */
  readonly base: string;
  readonly sessionUrl: string;
  readonly token: string | undefined;
}

/** Throws TypeError for what is no http, https, ws or wss URL. */
export function readAddress(url: string | URL): Address {
  const parsed = parse(url);
  const { searchParams, hash } = parsed;
  const token = searchParams.get("token") ?? new URLSearchParams(hash.slice(1)).get("token") ?? undefined;
  const protocol = parsed.protocol.replace("ws", "http");
  // Of a page that the coordinator serves, the rest is meant.
  const path = parsed.pathname.replace(/\/(worker|notebook|dashboard)\/?$/, "").replace(/\/+$/, "");
  const base = `${protocol}//${parsed.host}${path}`;
  return { base, sessionUrl: `${base.replace(/^http/, "ws")}/session`, token };
}

function parse(url: string | URL): URL {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new TypeError(
      `Cannot connect to ${JSON.stringify(String(url))}: it is no URL, such as http://127.0.0.1:7070`,
    );
  }
  if (!/^(https?|wss?):$/.test(parsed.protocol)) {
    throw new TypeError(
      `Cannot connect to ${JSON.stringify(String(url))}: its protocol is none of http, https, ws and wss`,
    );
  }
  return parsed;
}
