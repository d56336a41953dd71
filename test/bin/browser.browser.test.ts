import { expect, test } from "vitest";
import { launchBrowser } from "../../bin/browser.ts";

test("the browser found on this machine opens a data channel", async () => {
  const browser = await launchBrowser({ headless: true });
  try {
    const page = await browser.newPage();
    const heard = await page.evaluate(async () => {
      const [near, far] = [new RTCPeerConnection(), new RTCPeerConnection()];
      near.onicecandidate = ({ candidate }) => void far.addIceCandidate(candidate);
      far.onicecandidate = ({ candidate }) => void near.addIceCandidate(candidate);
      const message = new Promise<unknown>((resolve) => {
        far.ondatachannel = ({ channel }) => {
          channel.onmessage = ({ data }) => resolve(data);
        };
      });
      const channel = near.createDataChannel("loopback");
      channel.onopen = () => channel.send("hello");
      await near.setLocalDescription();
      await far.setRemoteDescription(near.localDescription ?? { type: "rollback" });
      await far.setLocalDescription();
      await near.setRemoteDescription(far.localDescription ?? { type: "rollback" });
      return message;
    });
    expect(heard).toBe("hello");
  } finally {
    await browser.close();
  }
});
