/**
 * Which variables every thread has, and what to say about well-known ones that it has not. An explicit list: the place
 * a function is shipped from (a page, Node, a thread) says nothing about the place it will run. Names that people use
 * for their own variables (`name`, `close`, `origin`, `location`, `history`) are left out on purpose: write `self.name`.
 */

const ecmaScript =
  "AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean DataView Date " +
  "DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity Int16Array " +
  "Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp " +
  "Set SharedArrayBuffer String SuppressedError Symbol SyntaxError Temporal TypeError URIError Uint16Array Uint32Array " +
  "Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly decodeURI decodeURIComponent encodeURI " +
  "encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt undefined unescape";

/** Of dedicated workers. Those that the sandbox denies (fetch, WebSocket, indexedDB…) fail there with their own error. */
const web =
  "AbortController AbortSignal AudioData AudioDecoder AudioEncoder Blob BroadcastChannel ByteLengthQueuingStrategy Cache " +
  "CacheStorage CanvasGradient CanvasPattern CloseEvent CompressionStream CountQueuingStrategy Crypto CryptoKey CustomEvent " +
  "DOMException DOMMatrix DOMMatrixReadOnly DOMPoint DOMPointReadOnly DOMQuad DOMRect DOMRectReadOnly DecompressionStream " +
  "DedicatedWorkerGlobalScope EncodedAudioChunk EncodedVideoChunk ErrorEvent Event EventSource EventTarget File FileList " +
  "FileReader FileReaderSync FileSystemDirectoryHandle FileSystemFileHandle FileSystemHandle FileSystemSyncAccessHandle " +
  "FontFace FormData GPU GPUAdapter GPUBuffer GPUBufferUsage GPUColorWrite GPUDevice GPUMapMode GPUShaderStage GPUTexture " +
  "GPUTextureUsage Headers IDBCursor IDBDatabase IDBFactory IDBIndex IDBKeyRange IDBObjectStore IDBOpenDBRequest IDBRequest " +
  "IDBTransaction ImageBitmap ImageBitmapRenderingContext ImageData ImageDecoder Lock LockManager MessageChannel " +
  "MessageEvent MessagePort NavigationPreloadManager OffscreenCanvas OffscreenCanvasRenderingContext2D Path2D Performance " +
  "PerformanceEntry PerformanceMark PerformanceMeasure PerformanceObserver ProgressEvent PromiseRejectionEvent " +
  "ReadableByteStreamController ReadableStream ReadableStreamBYOBReader ReadableStreamDefaultController " +
  "ReadableStreamDefaultReader Request Response StorageManager SubtleCrypto TextDecoder TextDecoderStream TextEncoder " +
  "TextEncoderStream TextMetrics TransformStream TransformStreamDefaultController URL URLPattern URLSearchParams VideoColorSpace " +
  "VideoDecoder VideoEncoder VideoFrame WebGL2RenderingContext WebGLBuffer WebGLContextEvent WebGLFramebuffer WebGLProgram " +
  "WebGLRenderbuffer WebGLRenderingContext WebGLShader WebGLTexture WebGLUniformLocation WebSocket WebTransport " +
  "WorkerGlobalScope WorkerLocation WorkerNavigator WritableStream WritableStreamDefaultController " +
  "WritableStreamDefaultWriter XMLHttpRequest addEventListener atob btoa caches cancelAnimationFrame clearInterval " +
  "clearTimeout console createImageBitmap crossOriginIsolated crypto dispatchEvent fetch importScripts indexedDB " +
  "isSecureContext navigator performance queueMicrotask removeEventListener reportError requestAnimationFrame scheduler self " +
  "setInterval setTimeout structuredClone";

const workerGlobals: ReadonlySet<string> = new Set(`${ecmaScript} ${web}`.split(" "));

export function isWorkerGlobal(name: string): boolean {
  return workerGlobals.has(name);
}

const noDocument = "a worker has no page: compute there, return the result, and show it from your own page";
const noStorage = "read it before shipping and pass the value as an argument, or keep state in an actor";
const noDialog = "log with console.log, or report with grid.context().progress";
const noNode = "the function runs in a browser tab: do this part before shipping and pass the result as an argument";
const noModules = "use await import() inside the function";
const noFiles = "read files before shipping and pass their contents as an argument";
const noThreads = "start other tasks with grid.remote";

const insteadOf: ReadonlyMap<string, string> = new Map([
  ["process", "pass what you need from it as an argument, such as process.env.NAME"],
  ["Buffer", "use Uint8Array, TextEncoder and TextDecoder"],
  ["require", noModules],
  ["module", noModules],
  ["exports", "return the value instead"],
  ["__dirname", noFiles],
  ["__filename", noFiles],
  ["global", "use globalThis"],
  ["setImmediate", "use setTimeout or queueMicrotask"],
  ["clearImmediate", "use setTimeout and clearTimeout"],
  ["Deno", noNode],
  ["Bun", noNode],
  ["window", "use self, or globalThis"],
  ["document", noDocument],
  ["DOMParser", noDocument],
  ["XMLSerializer", noDocument],
  ["HTMLElement", noDocument],
  ["customElements", noDocument],
  ["getComputedStyle", noDocument],
  ["matchMedia", noDocument],
  ["MutationObserver", noDocument],
  ["localStorage", noStorage],
  ["sessionStorage", noStorage],
  ["alert", noDialog],
  ["confirm", noDialog],
  ["prompt", noDialog],
  ["postMessage", "return the value, or yield it from a generator"],
  ["Worker", noThreads],
  ["SharedWorker", noThreads],
  ["RTCPeerConnection", "call an actor to talk to other tabs"],
]);

/** What to do instead of using `name`, when it is a well-known thing that threads lack. */
export function adviceForAbsent(name: string): string | undefined {
  return insteadOf.get(name);
}
