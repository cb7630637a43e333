// What every view is given.

import type { Bar } from "./bar";
import type { Data } from "./data";
import type { Scheme } from "./schemes";

export interface Context {
  data: Data;
  bar: Bar;
  /** The colors and shapes in use. */
  scheme(): Scheme;
  /** Mark a drink on the map while the reader points at it in a list. */
  point(recipe: number | null): void;
  announce(text: string): void;
}
