/** The page at `/`: what this is, how to join, a QR code. Text only; nothing in it comes from users. */
import { renderSVG } from "uqr";

export const homeStyle = `:root {
  color-scheme: light dark;
  --text: light-dark(#1c2430, #e6e9ee);
  --muted: light-dark(#586273, #9aa5b4);
  --page: light-dark(#fbfbfc, #14181d);
  --line: light-dark(#dfe3e8, #2b323b);
  --link: light-dark(#0b57a4, #7cb8ff);
}
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 44rem; margin: 0 auto; padding: 2.5rem 1.25rem; }
h1 { margin: 0 0 0.5rem; font-size: 1.75rem; }
h2 { margin: 2rem 0 0.5rem; font-size: 1.1rem; }
a { color: var(--link); overflow-wrap: anywhere; }
ul { padding-left: 1.2rem; }
figure { margin: 1rem 0; }
figure svg { width: 11rem; height: 11rem; border-radius: 8px; }
figcaption { color: var(--muted); font-size: 0.875rem; }
pre { overflow-x: auto; padding: 0.9rem 1rem; border: 1px solid var(--line); border-radius: 8px; font-size: 0.875rem; }
code { font-family: ui-monospace, monospace; }
`;

export interface HomePage {
  /** Where this coordinator is, for whoever reads the page. */
  readonly url: string;
  /** Best first, with a join token if whoever asks has one. */
  readonly joinUrls: readonly string[];
  /** The links do not work without the token that `tabgrid start` printed. */
  readonly lacksToken: boolean;
  /** Other devices cannot reach it. */
  readonly isLocal: boolean;
}

export function homePage({ url, joinUrls, lacksToken, isLocal }: HomePage): string {
  const [best] = joinUrls;
  const items = joinUrls.map((join) => `<li><a href="${escapeHtml(join)}">${escapeHtml(join)}</a></li>`).join("");
  const code =
    best === undefined || lacksToken || isLocal
      ? ""
      : `<figure>${renderSVG(best, { border: 2 })}<figcaption>Scan to join from a phone or another laptop</figcaption></figure>`;
  const note = lacksToken
    ? "<p>Joining needs the link with its token that <code>tabgrid start</code> printed: ask whoever started this.</p>"
    : isLocal
      ? "<p>Only this computer can open it. <code>tabgrid start --host 0.0.0.0</code> lets others in the network join.</p>"
      : "";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>tabgrid</title>
<link rel="stylesheet" href="/home.css">
</head>
<body>
<main>
<h1>tabgrid</h1>
<p>This computer coordinates a grid of browser tabs. Whoever opens the address below and presses Start lends a tab: its
spare processor time runs other people's tasks in a sandbox without network, files or storage.</p>
<h2>Lend this browser</h2>
<ul>${items}</ul>
${note}
${code}
<h2>Use the grid</h2>
<pre><code>import { connect } from "tabgrid";

const grid = await connect("${escapeHtml(url)}");
const square = grid.remote((x) =&gt; x * x);
console.log(await grid.get(square.map([1, 2, 3])));</code></pre>
<p>From a web page, import <code>${escapeHtml(url)}/sdk.js</code> instead. State as JSON: <a href="/api/workers">workers</a>,
<a href="/api/jobs">jobs</a>, <a href="/api/tasks">tasks</a>, <a href="/api/actors">actors</a>; <a href="/metrics">metrics</a>.</p>
</main>
</body>
</html>`;
}

function escapeHtml(text: string): string {
  return text.replace(
    /[&<>"]/g,
    (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[character] ?? "",
  );
}
