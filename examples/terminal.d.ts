export function sparkline(values: readonly number[], highest?: number): string;
export function progressBar(fraction: number, width?: number): string;
export function livePicture(stream: {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}): {
  show(lines: readonly string[]): void;
};
