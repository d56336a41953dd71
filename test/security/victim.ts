/** Somebody else's machine: answers everything over HTTP and notes every connection, request and datagram. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Victim {
  readonly http: string;
  readonly udpPort: number;
  /** What has arrived, in order. */
  readonly noted: string[];
  close(): Promise<void>;
}

export async function aVictim(): Promise<Victim> {
  const noted: string[] = [];
  const server = createServer((request, response) => {
    noted.push(`${request.method} ${request.url}`);
    const type = request.url?.endsWith(".js") === true ? "text/javascript" : "text/plain";
    response.writeHead(200, { "access-control-allow-origin": "*", "content-type": type }).end("1");
  });
  server.on("connection", () => noted.push("connection"));
  server.on("upgrade", (_request, socket) => {
    noted.push("upgrade");
    socket.destroy();
  });
  const udp = createSocket("udp4");
  udp.on("message", () => noted.push("datagram"));
  server.listen(0, "127.0.0.1");
  udp.bind(0, "127.0.0.1");
  await Promise.all([once(server, "listening"), once(udp, "listening")]);
  return {
    http: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    udpPort: udp.address().port,
    noted,
    async close() {
      udp.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
