// Loaded into a driver script by `tabgrid run`: `import "tabgrid"` means this package wherever the script lies.
import { register } from "node:module";

const sdk = new URL("../dist/sdk/index.js", import.meta.url).href;
const hook = `export function resolve(specifier, context, next) {
  return specifier === "tabgrid" ? { url: ${JSON.stringify(sdk)}, shortCircuit: true } : next(specifier, context);
}`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
