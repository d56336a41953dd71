import { Machine } from "/work/main/worker-page/machine/machine.ts";
import { anAssign, attempt, aWorker, done, range } from "/work/main/test/worker-page/machine/builders.ts";
for (const quick of [true, false]) {
  for (let round = 0; round < 4; round++) {
    const worker = aWorker(2) as any; const machine = worker.machine as Machine;
    const N = quick ? 400_000 : 200_000; const chunk = 4000;
    const messages: any[] = [];
    for (let i = 0; i < N; i += chunk) messages.push(anAssign(range(i, i + chunk - 1), { quick }));
    let pending: any[] = []; let finished = 0;
    const eat = (ins: readonly any[]) => { for (const i of ins) { if (i.type === "run") pending.push([i.threadId, i.tasks]); else if (i.type === "send" && i.message.type === "outcomes") finished += i.message.items.length; else if (i.type==="start-thread") eat(machine.handle({type:"thread-warmed", at:0, threadId: i.threadId})); } };
    const t = performance.now();
    for (const m of messages) {
      eat(machine.handle({ type: "told", at: 0, messages: [m] }));
      while (pending.length) { const [threadId, tasks] = pending.shift(); eat(machine.handle({ type: "thread-reported", at: 0, threadId, reports: tasks.map((x: any) => done(x.attemptId, 4)) })); }
    }
    const s = (performance.now() - t) / 1000;
    console.log(quick ? "quick" : "solo ", finished, "attempts", Math.round(finished / s).toLocaleString(), "/s");
  }
}
