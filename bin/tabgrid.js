#!/usr/bin/env node
// The command `tabgrid`. Plain JavaScript, so that an old Node gets a sentence and not a syntax error.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`tabgrid needs Node 20.19 or newer, and this is Node ${process.versions.node}`);
  process.exit(1);
}

const { ensureBuilt } = await import("./ensure-built.js");
try {
  ensureBuilt();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
await import("../dist/bin/cli.js");
