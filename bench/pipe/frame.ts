/** The sandbox frame of the raw pipe: makes a Web Worker of the script it is given and passes the port on to it. */
addEventListener(
  "message",
  ({ data }: MessageEvent<{ readonly script: string; readonly port: MessagePort }>) => {
    const worker = new Worker(URL.createObjectURL(new Blob([data.script], { type: "text/javascript" })));
    worker.postMessage(data.port, [data.port]);
  },
  { once: true },
);
