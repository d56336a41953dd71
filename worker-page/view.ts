/**
 * The page's elements: shows a scene and tells what the person does. Text only, so that no name from the grid becomes
 * markup. Decides nothing.
 */
import {
  actorLines,
  count,
  duration,
  linkWords,
  runningLines,
  savedSentence,
  type Scene,
  stateSentence,
  stateWord,
  titleOf,
} from "./sentences.ts";

export interface ViewHandlers {
  onStart(): void;
  /** Pauses, or goes on. */
  onPause(): void;
  onLeave(): void;
  onThreads(threads: number): void;
}

export class View {
  readonly #document: Document;

  constructor(document: Document, threads: { readonly lent: number; readonly most: number }, handlers: ViewHandlers) {
    this.#document = document;
    this.#on("start", () => handlers.onStart());
    this.#on("pause", () => handlers.onPause());
    this.#on("leave", () => handlers.onLeave());
    const slider = this.#slider();
    slider.max = String(threads.most);
    slider.value = String(threads.lent);
    this.#text("threads-value", slider.value);
    slider.addEventListener("input", () => {
      this.#text("threads-value", slider.value);
      handlers.onThreads(slider.valueAsNumber);
    });
  }

  /** What the URL asked for and is not done. */
  showProblems(problems: readonly string[]): void {
    this.#lines("problems", problems, "");
    this.#element("problems").hidden = problems.length === 0;
  }

  show(scene: Scene): void {
    const { phase, status } = scene;
    const document = this.#document;
    this.#text("state", stateSentence(scene));
    this.#element("start").hidden = phase === "running";
    this.#element("pause").hidden = phase !== "running" || status?.picture.state === "leaving";
    this.#element("leave").hidden = phase !== "running";
    this.#text("pause", status?.picture.state === "paused" ? "Continue" : "Pause");
    this.#text("leave", status?.picture.state === "leaving" ? "Leave now" : "Leave");
    this.#text("done", count(status?.picture.done ?? 0));
    this.#text(
      "busy",
      status === undefined ? "none" : `${status.picture.threads.busy} of ${status.picture.threads.lent}`,
    );
    this.#text("given", duration(status?.picture.ranMs ?? 0));
    this.#text("link", linkWords(status?.link));
    this.#lines("running", status === undefined ? [] : runningLines(status), "Nothing");
    this.#lines("actors", status === undefined ? [] : actorLines(status), "None");
    const saved = savedSentence(scene);
    this.#text("saved", saved);
    this.#element("saved").hidden = saved === "";
    const title = titleOf(scene);
    if (document.title !== title) document.title = title;
    this.#mark(scene);
  }

  /** For tests and scripts: what a person reads, as data. */
  #mark(scene: Scene): void {
    const { dataset } = this.#document.documentElement;
    const { status } = scene;
    dataset["state"] = stateWord(scene);
    dataset["link"] = status?.link.type === "linked" ? status.link.kind : "none";
    dataset["done"] = String(status?.picture.done ?? 0);
    dataset["workerId"] = status?.workerId ?? "";
    dataset["actors"] = String(status?.picture.actors.length ?? 0);
  }

  #on(id: string, listener: () => void): void {
    this.#element(id).addEventListener("click", listener);
  }

  /** Only what changed is touched: a screen reader repeats what is. */
  #text(id: string, text: string): void {
    const element = this.#element(id);
    if (element.textContent !== text) element.textContent = text;
  }

  #lines(id: string, lines: readonly string[], none: string): void {
    const list = this.#element(id);
    const shown = lines.length === 0 && none !== "" ? [none] : lines;
    if ([...list.children].map((item) => item.textContent).join("\n") === shown.join("\n")) return;
    list.replaceChildren(
      ...shown.map((line) => {
        const item = this.#document.createElement("li");
        item.textContent = line;
        return item;
      }),
    );
  }

  #slider(): HTMLInputElement {
    const element = this.#element("threads");
    if (!(element instanceof HTMLInputElement)) throw new Error("Cannot show page: #threads is no input");
    return element;
  }

  #element(id: string): HTMLElement {
    const element = this.#document.getElementById(id);
    if (element === null) throw new Error(`Cannot show page: it has no #${id}`);
    return element;
  }
}
