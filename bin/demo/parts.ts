/** What the demo shows, in order: each part is an example, run as anybody would run it. */
export interface Part {
  readonly name: string;
  /** What it does, in a sentence. */
  readonly about: string;
  /** In examples/. */
  readonly script: string;
  readonly args: readonly string[];
  /** Far above what it takes on a slow machine: over it, something hangs. */
  readonly timeoutMs: number;
}

/** `textFolder` is what the search index is made of. */
export function partsOf(textFolder: string): readonly Part[] {
  return [
    {
      name: "tasks",
      about: "A function that sleeps for a second, called four times: the calls run side by side in the tabs.",
      script: "talk-tasks.js",
      args: [],
      timeoutMs: 30_000,
    },
    {
      name: "actors",
      about: "Two objects that live in the tabs and keep their state from call to call.",
      script: "talk-actors.js",
      args: [],
      timeoutMs: 30_000,
    },
    {
      name: "learning agent",
      about:
        "An actor that learns which of four actions pays, one feedback at a time. Regret is how much more the best action would have given.",
      script: "learning-agent.js",
      args: [],
      timeoutMs: 90_000,
    },
    {
      name: "search index",
      about:
        "The text files of an npm installation, indexed in the tabs and checked against one process that does it alone. " +
        "Here all of them share this machine's processor; on other laptops the tabs bring their own.",
      script: "search-index.js",
      args: [textFolder],
      timeoutMs: 120_000,
    },
  ];
}
