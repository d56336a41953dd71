/** Ways to the network. Whoever runs them also counts what arrives: nothing may, whatever they say. */
import type { Attack, Target } from "./attack.ts";

export const networkAttacks: readonly Attack[] = [
  {
    name: "fetch",
    run: async ({ http }) =>
      fetch(`${http}/fetch`).then(
        () => "ESCAPED: fetched",
        (error) => `blocked: ${error}`,
      ),
  },
  {
    name: "fetch from the shell's own server",
    run: async ({ shell }) =>
      fetch(`${shell}/fetch`).then(
        () => "ESCAPED: fetched",
        (error) => `blocked: ${error}`,
      ),
  },
  {
    name: "fetch without CORS, with the body that leaks",
    run: async ({ http }) =>
      fetch(`${http}/no-cors`, { mode: "no-cors", method: "POST", body: "secret", keepalive: true }).then(
        () => "ESCAPED: posted",
        (error) => `blocked: ${error}`,
      ),
  },
  {
    name: "XMLHttpRequest",
    run: async ({ http }) =>
      new Promise((resolve) => {
        const request = new XMLHttpRequest();
        request.onload = () => resolve("ESCAPED: loaded");
        request.onerror = () => resolve("blocked: error event");
        request.open("GET", `${http}/xhr`);
        request.send();
      }),
  },
  {
    name: "WebSocket",
    run: async ({ http }) =>
      new Promise((resolve) => {
        const socket = new WebSocket(http.replace("http", "ws"));
        socket.onopen = () => resolve("ESCAPED: open");
        socket.onerror = () => resolve("blocked: error event");
      }),
  },
  {
    name: "WebSocketStream",
    run: async ({ http }) => {
      const Stream = Reflect.get(globalThis, "WebSocketStream") as
        | (new (url: string) => { opened: Promise<unknown> })
        | undefined;
      if (Stream === undefined) return "blocked: absent";
      return new Stream(http.replace("http", "ws")).opened.then(
        () => "ESCAPED: open",
        (error) => `blocked: ${error}`,
      );
    },
  },
  {
    name: "EventSource",
    run: async ({ http }) =>
      new Promise((resolve) => {
        const source = new EventSource(`${http}/events`);
        source.onopen = () => resolve("ESCAPED: open");
        source.onerror = () => resolve("blocked: error event");
      }),
  },
  {
    name: "WebTransport",
    run: async ({ udpPort }) => {
      const Transport = Reflect.get(globalThis, "WebTransport") as
        | (new (url: string) => { ready: Promise<unknown> })
        | undefined;
      if (Transport === undefined) return "blocked: absent";
      const transport = new Transport(`https://127.0.0.1:${udpPort}/`);
      return transport.ready.then(
        () => "ESCAPED: ready",
        (error) => `blocked: ${error}`,
      );
    },
  },
  {
    name: "sendBeacon",
    run: async ({ http }) => {
      const send = Reflect.get(navigator, "sendBeacon") as ((url: string) => boolean) | undefined;
      return send?.call(navigator, `${http}/beacon`) === true ? "ESCAPED: queued" : "blocked: absent";
    },
  },
  {
    name: "RTCPeerConnection",
    run: async ({ udpPort }) => {
      const Peer = Reflect.get(globalThis, "RTCPeerConnection") as typeof RTCPeerConnection | undefined;
      if (Peer === undefined) return "blocked: absent";
      const peer = new Peer({ iceServers: [{ urls: `stun:127.0.0.1:${udpPort}` }] });
      peer.createDataChannel("leak");
      await peer.setLocalDescription(await peer.createOffer());
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return "ESCAPED: gathered candidates";
    },
  },
  {
    name: "importScripts",
    run: async ({ http }) => {
      const load = Reflect.get(globalThis, "importScripts") as ((url: string) => void) | undefined;
      if (load === undefined) return "blocked: absent";
      load(`${http}/script.js`);
      return "ESCAPED: loaded";
    },
  },
  ...["http", "data", "blob that imports"].map((from) => ({
    name: `dynamic import of ${from}`,
    run:
      from === "http"
        ? async ({ http }: Target) =>
            (new Function("url", "return import(url)")(`${http}/module.js`) as Promise<unknown>).then(
              () => "ESCAPED: imported",
              (error) => `blocked: ${error}`,
            )
        : from === "data"
          ? async () =>
              (new Function("return import('data:text/javascript,export default 1')")() as Promise<unknown>).then(
                () => "ESCAPED: imported",
                (error) => `blocked: ${error}`,
              )
          : async ({ http }: Target) => {
              const blob = new Blob([`import "${http}/nested.js"; export default 1`], { type: "text/javascript" });
              return (new Function("url", "return import(url)")(URL.createObjectURL(blob)) as Promise<unknown>).then(
                () => "ESCAPED: imported",
                (error) => `blocked: ${error}`,
              );
            },
  })),
  {
    name: "a font from the network",
    run: async ({ http }) => {
      const Face = Reflect.get(globalThis, "FontFace") as typeof FontFace | undefined;
      if (Face === undefined) return "blocked: absent";
      return new Face("leak", `url(${http}/font.woff2)`).load().then(
        () => "ESCAPED: loaded",
        (error) => `blocked: ${error}`,
      );
    },
  },
  {
    name: "a source map from the network",
    run: async ({ http }) => {
      new Function(`throw new Error("x")\n//# sourceMappingURL=${http}/map.json`);
      return "blocked: nobody asked for it";
    },
  },
];
