export interface TextFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface Batch {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
  readonly firstDocument: number;
}

export function readTextFiles(folder: string, limitBytes: number): TextFile[];
export function batchesOf(files: readonly TextFile[], batchBytes: number): Batch[];
