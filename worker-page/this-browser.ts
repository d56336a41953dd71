/**
 * What this browser is, in labels that a task can ask for. They are about what a task can use: the threads of a sandbox
 * are no secure context, so none of them has WebGPU, whatever the page has.
 */
import { limits } from "../protocol/limits.ts";

export interface BrowserFacts {
  readonly userAgent: string;
  readonly maxTouchPoints: number;
  readonly isSecureContext: boolean;
}

export function automaticLabels(facts: BrowserFacts): Readonly<Record<string, string>> {
  return {
    browser: browserOf(facts.userAgent),
    os: osOf(facts),
    mobile: String(isMobile(facts)),
    webgpu: "false",
    secureContext: String(facts.isSecureContext),
  };
}

export function usualName(facts: BrowserFacts): string {
  return `${browserOf(facts.userAgent)} on ${osOf(facts)}`.slice(0, limits.nameLength);
}

/** The engine where a brand does not matter: Edge, Opera and the rest are Chromium. */
function browserOf(userAgent: string): string {
  if (/\b(Chrome|Chromium|HeadlessChrome)\//.test(userAgent)) return "chromium";
  if (/\bFirefox\//.test(userAgent)) return "firefox";
  return /\bSafari\//.test(userAgent) ? "safari" : "other";
}

function osOf({ userAgent, maxTouchPoints }: BrowserFacts): string {
  if (/Android/.test(userAgent)) return "android";
  // An iPad calls itself a Macintosh, but no Macintosh is touched with several fingers.
  if (/iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && maxTouchPoints > 1)) return "ios";
  if (/Windows/.test(userAgent)) return "windows";
  if (/CrOS/.test(userAgent)) return "chromeos";
  if (/Macintosh/.test(userAgent)) return "macos";
  return /Linux/.test(userAgent) ? "linux" : "other";
}

function isMobile(facts: BrowserFacts): boolean {
  const os = osOf(facts);
  return os === "android" || os === "ios";
}
