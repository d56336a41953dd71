/** Ways to what the browser keeps for the shell, to other threads and to devices. */
import type { Attack } from "./attack.ts";

export const browserAttacks: readonly Attack[] = [
  {
    name: "IndexedDB",
    run: async () =>
      new Promise((resolve) => {
        const request = indexedDB.open("leak");
        request.onsuccess = () => resolve("ESCAPED: open");
        request.onerror = () => resolve(`blocked: ${request.error}`);
      }),
  },
  {
    name: "caches",
    run: async () => {
      const storage = Reflect.get(globalThis, "caches") as CacheStorage | undefined;
      if (storage === undefined) return "blocked: absent";
      return storage.open("leak").then(
        () => "ESCAPED: open",
        (error) => `blocked: ${error}`,
      );
    },
  },
  {
    name: "the origin's private files",
    run: async () => {
      const { storage } = navigator as { storage?: StorageManager };
      if (storage === undefined) return "blocked: absent";
      return storage.getDirectory().then(
        () => "ESCAPED: open",
        (error) => `blocked: ${error}`,
      );
    },
  },
  {
    name: "cookies",
    run: async () => {
      const store = Reflect.get(globalThis, "cookieStore") as { getAll(): Promise<unknown[]> } | undefined;
      if (Reflect.get(globalThis, "document") !== undefined) return "ESCAPED: there is a document";
      if (store === undefined) return "blocked: absent";
      return store.getAll().then(
        (all) => `ESCAPED: ${all.length} cookies`,
        (error) => `blocked: ${error}`,
      );
    },
  },
  {
    name: "local and session storage",
    run: async () => {
      for (const name of ["localStorage", "sessionStorage"])
        if (Reflect.get(globalThis, name) !== undefined) return `ESCAPED: ${name}`;
      return "blocked: absent";
    },
  },
  {
    name: "parent, top, opener, frames",
    run: async () => {
      for (const name of ["window", "parent", "top", "opener", "frames", "open", "clients"]) {
        if (Reflect.get(globalThis, name) !== undefined) return `ESCAPED: ${name}`;
      }
      return "blocked: absent";
    },
  },
  {
    name: "a thread of its own",
    run: async () => {
      for (
        let owner: object | null = globalThis;
        owner !== null;
        owner = Object.getPrototypeOf(owner) as object | null
      ) {
        for (const name of ["Worker", "SharedWorker"]) if (Object.hasOwn(owner, name)) return `ESCAPED: ${name}`;
      }
      return "blocked: absent";
    },
  },
  {
    name: "a service worker",
    run: async () => (Reflect.get(navigator, "serviceWorker") === undefined ? "blocked: absent" : "ESCAPED: present"),
  },
  {
    name: "devices",
    run: async () => {
      for (const name of ["usb", "serial", "hid", "bluetooth", "locks"])
        if (Reflect.get(navigator, name) !== undefined) return `ESCAPED: ${name}`;
      return "blocked: absent";
    },
  },
  {
    name: "BroadcastChannel",
    run: async () => {
      const Channel = Reflect.get(globalThis, "BroadcastChannel") as typeof BroadcastChannel | undefined;
      if (Channel === undefined) return "blocked: absent";
      new Channel("shell").postMessage("hello");
      return "ESCAPED: posted";
    },
  },
];
