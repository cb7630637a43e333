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
  /** What the page is called. */
  title: string;
  /** The recipe on the owner's site, if the owner said where recipes are. */
  recipeUrl(recipe: number): string | null;
  announce(text: string): void;
  /** What the view left here when the reader went on, to be found again on the way back. */
  kept: Record<string, unknown>;
  /** Show the present view anew. */
  refresh(): void;
}
