/** Numbers as pictures of text, and lines that are drawn again in place. Knows nothing about the grid. */

const levels = "▁▂▃▄▅▆▇█";

/** One character a value, from 0 to `highest`. */
export function sparkline(values, highest = Math.max(...values)) {
  return values
    .map((value) => {
      const share = highest > 0 ? Math.min(Math.max(value / highest, 0), 1) : 0;
      return levels[Math.round(share * (levels.length - 1))];
    })
    .join("");
}

export function progressBar(fraction, width = 30) {
  const full = Math.round(Math.min(Math.max(fraction, 0), 1) * width);
  return "█".repeat(full) + "░".repeat(width - full);
}

/** On a terminal `show` draws over what it drew before. In a file or a pipe it writes nothing: only results belong there. */
export function livePicture(stream) {
  let drawnLines = 0;
  return {
    show(lines) {
      if (!stream.isTTY) return;
      const fitting = lines.map((line) => line.slice(0, stream.columns - 1));
      stream.write(
        `${drawnLines > 0 ? `\x1b[${drawnLines}A` : ""}${fitting.map((line) => `\x1b[2K${line}\n`).join("")}`,
      );
      drawnLines = lines.length;
    },
  };
}
