/** The state of the grid in Prometheus' text format. Reads only. */
import type { Coordinator } from "./coordinator.ts";

export function metrics({ scheduler, workers, clients, traffic }: Coordinator): string {
  const { records } = scheduler;
  const tasks: Record<string, number> = { waiting: 0, queued: 0, running: 0, finished: 0, failed: 0, cancelled: 0 };
  for (const task of records.tasks.values()) tasks[task.state.name] = (tasks[task.state.name] ?? 0) + 1;
  const actors: Record<string, number> = {};
  for (const actor of records.actors.values()) actors[actor.state.name] = (actors[actor.state.name] ?? 0) + 1;
  let threads = 0;
  let busy = 0;
  let done = 0;
  for (const worker of records.workers.values()) {
    threads += worker.threads;
    busy += Math.min(worker.cpusInUse, worker.threads);
    done += worker.tasksDone;
  }
  const lines: string[] = [];
  const gauge = (name: string, help: string, samples: Readonly<Record<string, number>>, label?: string): void => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`);
    for (const [key, value] of Object.entries(samples))
      lines.push(label === undefined ? `${name} ${value}` : `${name}{${label}="${key}"} ${value}`);
  };
  gauge("tabgrid_tasks", "Tasks on record by state.", tasks, "state");
  gauge("tabgrid_actors", "Actors on record by state.", actors, "state");
  gauge("tabgrid_workers", "Connected workers.", { all: workers.size });
  gauge("tabgrid_clients", "Connected clients.", { all: clients.size });
  gauge("tabgrid_threads", "Threads lent.", { all: threads });
  gauge("tabgrid_threads_busy", "Threads in use.", { all: busy });
  gauge("tabgrid_worker_tasks_done", "Tasks and calls done by the workers connected now.", { all: done });
  gauge("tabgrid_objects", "Objects on record.", { all: records.objects.size });
  gauge("tabgrid_http_requests", "HTTP requests since the start, this one included.", { all: traffic.requests });
  gauge("tabgrid_http_upgrades", "WebSocket upgrades asked for since the start.", { all: traffic.upgrades });
  return `${lines.join("\n")}\n`;
}
