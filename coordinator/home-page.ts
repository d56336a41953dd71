/** The page at `/`: what this is, how to join, a QR code. Text only; nothing in it comes from users. */
import { renderSVG } from "uqr";

export function homePage(joinUrls: readonly string[]): string {
  const [best] = joinUrls;
  const items = joinUrls.map((url) => `<li><a href="${escapeHtml(url)}">${escapeHtml(url)}</a></li>`).join("");
  const code = best === undefined ? "" : renderSVG(best, { border: 2 });
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
<figure>${code}<figcaption>Scan to join from a phone or another laptop</figcaption></figure>
<h2>Use the grid</h2>
<pre><code>import { connect } from "tabgrid";
const grid = await connect(location.origin);
const square = grid.remote((x) =&gt; x * x);
console.log(await grid.get(square.map([1, 2, 3])));</code></pre>
<p>From a web page, import <code>/sdk.js</code> of this address instead. State as JSON: <a href="/api/workers">workers</a>,
<a href="/api/jobs">jobs</a>, <a href="/api/tasks">tasks</a>, <a href="/api/actors">actors</a>; <a href="/metrics">metrics</a>.</p>
</main>
</body>
</html>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[character] ?? "");
}
