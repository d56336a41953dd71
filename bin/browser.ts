/**
 * Finds a Chromium on this machine and opens it without a window: for `tabgrid worker`, `tabgrid demo` and the tests.
 * Playwright is named here and nowhere else in the product. Knows nothing about the grid.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Browser, chromium, type LaunchOptions } from "playwright-core";
import * as v from "valibot";

export type { Browser };

export interface FoundBrowser {
  readonly executablePath: string;
  readonly args: readonly string[];
  /** Where it was found, for messages. */
  readonly source: string;
  /** Added to the environment of the browser's process. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The first of: `CHROMIUM_PATH`, an installed Chrome or Chromium, the one Playwright downloaded, the one of the npm
 * package @sparticuz/chromium. Undefined if there is none; throws if `CHROMIUM_PATH` names no file.
 */
export async function findBrowser(): Promise<FoundBrowser | undefined> {
  const args = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  if (!canSandbox()) args.push("--no-sandbox");

  const named = process.env["CHROMIUM_PATH"];
  if (named !== undefined && named !== "") {
    if (!existsSync(named)) throw new Error(`Cannot open a browser: CHROMIUM_PATH names no file: ${named}`);
    return { executablePath: named, args, source: "CHROMIUM_PATH" };
  }
  const installed = installedBrowsers().find((path) => existsSync(path));
  if (installed !== undefined) return { executablePath: installed, args, source: "installed" };

  const downloaded = chromium.executablePath();
  if (existsSync(downloaded)) return { executablePath: downloaded, args, source: "playwright" };

  return unpackedBrowser(args);
}

/** What Playwright needs to launch `found`; its own default is to run without Chromium's sandbox. */
export function launchOptions(found: FoundBrowser): LaunchOptions {
  return {
    executablePath: found.executablePath,
    args: [...found.args],
    chromiumSandbox: !found.args.includes("--no-sandbox"),
    ...(found.env === undefined ? {} : { env: { ...definedEnvironment(), ...found.env } }),
  };
}

/** Throws with what to do about it when this machine has no browser. */
export async function launchBrowser(options: { headless: boolean }): Promise<Browser> {
  // Signals are the command's to handle: Playwright would end the process from under it.
  const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
  return chromium.launch({ ...launchOptions(await requireBrowser()), ...signals, headless: options.headless });
}

export async function requireBrowser(): Promise<FoundBrowser> {
  const found = await findBrowser();
  if (found === undefined) {
    throw new Error("Cannot open a browser: install Chrome or Chromium, or set CHROMIUM_PATH to one");
  }
  return found;
}

/** Chromium refuses its sandbox to root, and most containers and CI machines lack the kernel's user namespaces. */
function canSandbox(): boolean {
  const isContainer = existsSync("/.dockerenv") || existsSync("/run/.containerenv");
  return process.getuid?.() !== 0 && !process.env["CI"] && !isContainer;
}

function installedBrowsers(): readonly string[] {
  if (process.platform === "darwin") {
    return [
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
      "/Applications/Chromium.app/Contents/MacOS/Chromium",
      "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    ];
  }
  if (process.platform === "win32") {
    const bases = ["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"].map((name) => process.env[name]);
    const programs = ["Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe"];
    return programs.flatMap((program) => bases.flatMap((base) => (base === undefined ? [] : [join(base, program)])));
  }
  // Not chromium-browser: on Ubuntu that is a stub of a snap, which cannot see the profile Playwright makes.
  const names = ["google-chrome-stable", "google-chrome", "chromium", "microsoft-edge-stable"];
  const folders = [...(process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""), "/usr/bin"];
  return [
    "/opt/google/chrome/chrome",
    ...names.flatMap((name) => folders.map((folder) => join(folder, name))).filter((path) => !path.includes("/snap/")),
  ];
}

/**
 * The browser in @sparticuz/chromium (Linux x64), unpacked once beside the package together with the libraries and
 * fonts that a bare container lacks.
 */
async function unpackedBrowser(args: readonly string[]): Promise<FoundBrowser | undefined> {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  const folder = await unpack();
  if (folder === undefined) return undefined;
  return {
    executablePath: join(folder, "chromium"),
    // An unpacked file has no setuid helper and no AppArmor profile to get a sandbox with.
    args: [...new Set([...args, "--no-sandbox"])],
    source: "@sparticuz/chromium",
    env: {
      LD_LIBRARY_PATH: join(folder, "al2023/lib"),
      ...(existsSync("/etc/fonts/fonts.conf") ? {} : { FONTCONFIG_FILE: join(folder, "fonts.conf") }),
    },
  };
}

async function unpack(): Promise<string | undefined> {
  const require = createRequire(import.meta.url);
  let entry: string;
  try {
    entry = require.resolve("@sparticuz/chromium");
  } catch {
    return undefined;
  }
  const [nodeModules, inPackage] = entry.split(join("@sparticuz", "chromium"));
  if (nodeModules === undefined || inPackage === undefined) return undefined;
  const manifest: unknown = JSON.parse(readFileSync(join(nodeModules, "@sparticuz/chromium/package.json"), "utf8"));
  const { version } = v.parse(v.object({ version: v.string() }), manifest);
  const cache = join(nodeModules, ".cache");
  const folder = join(cache, `tabgrid-chromium-${version}`);
  if (existsSync(folder)) return folder;

  mkdirSync(cache, { recursive: true });
  const partial = mkdtempSync(`${folder}-`);
  // The package unpacks into the temporary folder, and its libraries only where it believes to be on Lambda: a
  // process of its own is told both, and this one stays as it was.
  await promisify(execFile)(
    process.execPath,
    ["-e", `import(${JSON.stringify(entry)}).then((module) => module.default.executablePath())`],
    {
      env: { ...process.env, TMPDIR: partial, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs20.x" },
    },
  );
  writeFileSync(join(partial, "fonts.conf"), fontsConfiguration(join(folder, "fonts")));
  try {
    renameSync(partial, folder);
  } catch {
    // Another process was first; its copy is as good.
    rmSync(partial, { recursive: true, force: true });
  }
  return folder;
}

function fontsConfiguration(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${folder}</dir><dir>/usr/share/fonts</dir><cachedir>${dirname(folder)}/fonts-cache</cachedir></fontconfig>
`;
}

function definedEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value ? [[name, value]] : [])));
}
