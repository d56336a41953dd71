import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Network } from "./network.ts";

let network: Network;
let closeAll: () => void;

/** Everything that is sent comes back. */
beforeEach(async () => {
  const far = new Set<Socket>();
  const tcp = createServer((socket) => {
    far.add(socket.on("error", () => {}));
    socket.pipe(socket);
  });
  tcp.listen(0, "127.0.0.1");
  const udp = createSocket("udp4");
  udp.on("message", (packet, { port, address }) => udp.send(packet, port, address));
  udp.bind(0, "127.0.0.1");
  await Promise.all([once(tcp, "listening"), once(udp, "listening")]);
  network = await Network.open({ tcpPort: (tcp.address() as AddressInfo).port, udpPort: udp.address().port });
  closeAll = () => {
    network.close();
    for (const socket of far) socket.destroy();
    tcp.close();
    udp.close();
  };
});
afterEach(() => closeAll());

const call = (): Socket => {
  const socket = connect({ port: Number(new URL(network.url).port), host: "127.0.0.1" });
  return socket.on("error", () => {});
};
const dial = async (): Promise<Socket> => {
  const socket = call();
  await once(socket, "connect");
  return socket;
};
const echo = async (socket: Socket, text: string): Promise<string> => {
  socket.write(text);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  return chunk.toString();
};

test("up, it relays both ways, over TCP and UDP", async () => {
  const socket = await dial();
  expect(await echo(socket, "one")).toBe("one");
  const udp = createSocket("udp4");
  udp.send("packet", network.udpPort, "127.0.0.1");
  const [packet] = (await once(udp, "message")) as [Buffer];
  expect(packet.toString()).toBe("packet");
  udp.close();
  const ended = once(socket, "end");
  socket.end();
  await ended;
});

test("cut, connections are reset and refused; up again, new ones work", async () => {
  const socket = await dial();
  await echo(socket, "one");
  const broken = new Promise((resolve) => socket.once("error", resolve));
  network.state = "cut";
  expect(await broken).toMatchObject({ code: "ECONNRESET" });
  const refused = call();
  const hadError = await new Promise((resolve) => refused.once("close", resolve));
  expect(hadError).toBe(true);
  network.state = "up";
  expect(await echo(await dial(), "two")).toBe("two");
});

test("silent, connections stay and carry nothing; up again, nothing of it is lost", async () => {
  const socket = await dial();
  await echo(socket, "one");
  network.state = "silent";
  let heard = "";
  socket.on("data", (chunk: Buffer) => (heard += chunk.toString()));
  socket.write("two");
  const late = await dial();
  late.write("three");
  // Nothing to wait for: silence is what is tested.
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(heard).toBe("");
  const answered = once(late, "data");
  network.state = "up";
  await expect.poll(() => heard).toBe("two");
  expect(String((await answered)[0])).toBe("three");
});
