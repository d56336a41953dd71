/**
 * What build and test tools write into a function's text: helpers declared at the top of the module they made, which
 * stays behind. Simple ones are sent along as definitions; those that keep state out there are refused by name.
 */
import type { OuterVariable } from "./analysis.ts";

const setField = "Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })";

const stubs: ReadonlyMap<string, string> = new Map([
  // esbuild and tsx, with keepNames
  ["__name", '((target, value) => Object.defineProperty(target, "name", { value, configurable: true }))'],
  // esbuild, for class fields below es2022
  ["__publicField", `((object, key, value) => (${setField}, value))`],
  ["__defNormalProp", `((object, key, value) => (${setField}, value))`],
  // Vite: `import()` in a page build, and under vitest
  ["__vitePreload", "((load) => load())"],
  ["__vite_ssr_dynamic_import__", "((specifier, options) => import(specifier, options))"],
]);

/** Anything that is asked of it or done to it, `cov().f[0]++` included, succeeds and is forgotten. */
const coverageStub =
  "(() => { const sink = new Proxy(() => sink, { get: (_, key) => (key === Symbol.toPrimitive ? () => 0 : sink), set: () => true }); return () => sink; })()";

/** The source of a definition that stands in for the helper, when there is one. */
export function stubOf(variable: OuterVariable): string | undefined {
  if (/^cov_[0-9a-z]+$/.test(variable.name) && variable.uses.every((use) => use.isCoverageCounter)) return coverageStub;
  return stubs.get(variable.name);
}

const refusedHelpers: readonly { readonly tool: string; readonly names: RegExp }[] = [
  {
    tool: "esbuild",
    names:
      /^__(private(Add|Get|Set|Method|In|Wrapper)|accessCheck|typeError|spreadValues|spreadProps|objRest|async|asyncGenerator|yieldStar|forAwait|using|callDispose|pow|decorateClass|decorateElement|decoratorStart|runInitializers|template)$/,
  },
  {
    tool: "TypeScript",
    names:
      /^__(awaiter|generator|spreadArray|assign|rest|extends|decorate|metadata|param|classPrivateField(Get|Set|In)|values|read|await|asyncDelegator|asyncValues|makeTemplateObject|esDecorate|propKey|setFunctionName|addDisposableResource|disposeResources|importDefault|importStar|rewriteRelativeImportExtension)$/,
  },
  {
    tool: "swc",
    names:
      /^_(class_private_(field|method|static)\w*|class_call_check|async_to_generator|async_generator|async_iterator|await_async_generator|define_property|object_spread\w*|object_without_properties\w*|ts_\w+|to_consumable_array|sliced_to_array|inherits|create_class|create_super|call_super|get_prototype_of|check_private_redeclaration|instanceof|type_of)$/,
  },
  {
    tool: "Babel",
    names:
      /^_(classPrivate\w*|classCallCheck|asyncToGenerator|wrapAsyncGenerator|awaitAsyncGenerator|asyncIterator|defineProperty|objectSpread2?|objectWithoutProperties\w*|toConsumableArray|slicedToArray|inherits|createClass|callSuper|createSuper|regenerator\w*|assertClassBrand|applyDecs\w*)$/,
  },
];

/** The tool that a helper belongs to, when it cannot be sent along. */
export function toolOf(helper: string): string | undefined {
  return refusedHelpers.find(({ names }) => names.test(helper))?.tool;
}

/** A module, as Vite, vitest and webpack name it in the functions that import from it. */
export function isImportBinding(name: string): boolean {
  return /^__(vi|vite_ssr)_import_\d+__$|__WEBPACK_IMPORTED_MODULE_\d+__$/.test(name);
}

export function isImportMeta(name: string): boolean {
  return name === "__vite_ssr_import_meta__";
}
