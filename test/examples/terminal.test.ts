import { describe, expect, test } from "vitest";
import { livePicture, progressBar, sparkline } from "../../examples/terminal.js";

describe("sparkline", () => {
  test("draws from nothing to the highest value", () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe("▁▂▃▄▅▆▇█");
  });

  test("measures against the height that is given, and stays within it", () => {
    expect(sparkline([-1, 7, 14, 99], 14)).toBe("▁▅██");
  });

  test("of nothing is nothing, and of zeros is flat", () => {
    expect(sparkline([])).toBe("");
    expect(sparkline([0, 0])).toBe("▁▁");
  });
});

test("a progress bar is always as wide as it is", () => {
  expect([-1, 0, 0.5, 1, 2].map((fraction) => progressBar(fraction, 4))).toEqual([
    "░░░░",
    "░░░░",
    "██░░",
    "████",
    "████",
  ]);
});

describe("a live picture", () => {
  test("on a terminal is drawn over itself, and cut to its width", () => {
    const written: string[] = [];
    const picture = livePicture({ isTTY: true, columns: 6, write: (text) => written.push(text) });
    picture.show(["one", "two and more"]);
    picture.show(["three"]);
    expect(written).toEqual(["\x1b[2Kone\n\x1b[2Ktwo a\n", "\x1b[2A\x1b[2Kthree\n"]);
  });

  test("elsewhere writes nothing", () => {
    const written: string[] = [];
    livePicture({ write: (text) => written.push(text) }).show(["one"]);
    expect(written).toEqual([]);
  });
});
