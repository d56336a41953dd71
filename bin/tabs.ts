/** Headless tabs that lend this machine: what `tabgrid worker`, the demo and tests open. */
import { type Browser, launchBrowser } from "./browser.ts";

export interface TabsOptions {
  /** The join URL, with its token if it needs one. */
  readonly url: string;
  readonly tabs: number;
  /** Threads a tab; undefined: the page decides. */
  readonly threads?: number | undefined;
  readonly name?: string | undefined;
}

export interface Tabs {
  readonly browser: Browser;
  /** Says goodbye in every tab, then closes the browser. */
  close(): Promise<void>;
}

const joinTimeoutMs = 30_000;

/** Resolves when every tab has joined; rejects, with the browser closed, when one has not within 30 s. */
export async function openTabs({ url, tabs, threads, name = "tab" }: TabsOptions): Promise<Tabs> {
  const browser = await launchBrowser({ headless: true });
  try {
    await Promise.all(Array.from({ length: tabs }, (_, i) => openTab(browser, url, `${name}-${i + 1}`, threads)));
  } catch (error) {
    await browser.close();
    throw error;
  }
  return {
    browser,
    async close() {
      // Closing a page runs its pagehide, which says goodbye.
      await Promise.all(
        browser.contexts().flatMap((context) => context.pages().map((page) => page.close({ runBeforeUnload: false }))),
      );
      await browser.close();
    },
  };
}

/** A context each: tabs share nothing, as on different machines. */
async function openTab(browser: Browser, url: string, name: string, threads: number | undefined): Promise<void> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const target = new URL(url);
  if (target.pathname === "/") target.pathname = "/worker";
  target.searchParams.set("start", "1");
  target.searchParams.set("name", name);
  if (threads !== undefined) target.searchParams.set("threads", String(threads));
  await page.goto(target.href);
  await page.waitForSelector('html[data-worker-id^="w"]', { timeout: joinTimeoutMs, state: "attached" });
}
