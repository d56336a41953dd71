/**
 * Which bytes of the user's buffers travel. Owns the rule: a view takes only its own bytes along, views that overlap
 * keep sharing memory, and a buffer of which three quarters travel keeps its length, so that its views keep their
 * places in it. Bytes that nobody referred to never leave the machine (a small Node Buffer sits in a pool full of
 * other people's text): gaps travel as zeros. Knows nothing about the format.
 */

/** Bytes that travel together, from `start` to `end` of `buffer`. Outside `pieces`, which are in order, zeros. */
export interface Region {
  readonly buffer: ArrayBufferLike;
  readonly start: number;
  readonly end: number;
  readonly pieces: readonly Piece[];
  /** The buffer itself is part of the value. */
  readonly isWhole: boolean;
}

export interface Piece {
  readonly start: number;
  readonly end: number;
}

/** One view, or one buffer, of the value. */
export interface Slice {
  readonly region: number;
  readonly offset: number;
  readonly length: number;
}

interface Use extends Piece {
  readonly source: Source;
}

interface Source {
  readonly buffer: ArrayBufferLike;
  readonly uses: Use[];
  isWhole: boolean;
  /** Its regions, among all. */
  first: number;
  end: number;
}

export class RegionPlan {
  readonly #sources = new Map<ArrayBufferLike, Source>();
  readonly #uses: Use[] = [];

  addView(buffer: ArrayBufferLike, start: number, length: number): void {
    const source = this.#source(buffer);
    const use = { source, start, end: start + length };
    source.uses.push(use);
    this.#uses.push(use);
  }

  addBuffer(buffer: ArrayBufferLike): void {
    this.addView(buffer, 0, buffer.byteLength);
    this.#source(buffer).isWhole = true;
  }

  /** Regions to write, and for each view and buffer, in the order in which they were added, its place in them. */
  settle(): { readonly regions: readonly Region[]; readonly slices: readonly Slice[] } {
    const regions: Region[] = [];
    for (const source of this.#sources.values()) {
      source.first = regions.length;
      for (const region of regionsOf(source)) regions.push(region);
      source.end = regions.length;
    }
    const slices = this.#uses.map(({ source, start, end }) => {
      const region = regionAt(regions, source.first, source.end, start);
      return { region, offset: start - (regions[region]?.start ?? 0), length: end - start };
    });
    return { regions, slices };
  }

  #source(buffer: ArrayBufferLike): Source {
    let source = this.#sources.get(buffer);
    if (source === undefined) {
      source = { buffer, uses: [], isWhole: false, first: 0, end: 0 };
      this.#sources.set(buffer, source);
    }
    return source;
  }
}

function regionsOf({ buffer, uses, isWhole }: Source): Region[] {
  const length = buffer.byteLength;
  if (isWhole) return [{ buffer, start: 0, end: length, pieces: [{ start: 0, end: length }], isWhole }];
  const pieces = unionOf(uses);
  const covered = pieces.reduce((sum, piece) => sum + piece.end - piece.start, 0);
  if (covered * 4 >= length * 3) return [{ buffer, start: 0, end: length, pieces, isWhole }];
  // A piece that starts between multiples of 8 keeps its place among them: a view inside may need it.
  return pieces.map((piece) => {
    const isOneUse = uses.length === pieces.length;
    return {
      buffer,
      start: isOneUse ? piece.start : piece.start - (piece.start % 8),
      end: piece.end,
      pieces: [piece],
      isWhole,
    };
  });
}

/** Overlapping uses merged; touching ones too, an empty one into whatever holds its place. */
function unionOf(uses: readonly Piece[]): readonly Piece[] {
  if (uses.length === 1) return uses;
  const sorted = uses.toSorted((a, b) => a.start - b.start);
  const pieces: { start: number; end: number }[] = [];
  for (const { start, end } of sorted) {
    const last = pieces.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else pieces.push({ start, end });
  }
  return pieces;
}

/** The region, among those from `first` to `end`, that holds `place`. */
function regionAt(regions: readonly Region[], first: number, end: number, place: number): number {
  let low = first;
  let high = end - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    // By the first piece: two regions may start at the same multiple of 8.
    if ((regions[middle]?.pieces[0]?.start ?? 0) <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}
