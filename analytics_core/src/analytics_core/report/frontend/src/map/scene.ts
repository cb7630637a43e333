// What there is to draw: the state that every part of a drawing reads.

import type { Data, MapKind } from "../data";
import type { Scheme } from "../schemes";
import type { Inks } from "../theme";
import type { Camera } from "./camera";
import type { Places } from "./places";

export interface Neighbor {
  recipe: number;
  distance: number;
}

export interface Scene {
  readonly context: CanvasRenderingContext2D;
  readonly camera: Camera;
  readonly data: Data;
  /** Where the points are now, on their way from one map to the other included. */
  readonly current: Places;
  kind: MapKind;
  gliding: boolean;
  scheme: Scheme;
  inks: Inks;
  selected: number | null;
  neighbors: Neighbor[];
  /** A way from drink to drink. */
  path: number[];
  highlighted: Set<number> | null;
  hovered: number | null;
}

/** Where a recipe stands on the canvas, in CSS pixels. */
export function locate({ camera, current }: Scene, recipe: number): [number, number] {
  return [camera.x(current.x[recipe]), camera.y(current.y[recipe])];
}

/** The chosen drink, then those that its lines lead to. */
export function focus({ selected, neighbors, path }: Scene): Set<number> {
  const found = new Set([...path, ...neighbors.map((neighbor) => neighbor.recipe)]);
  return selected === null ? found : new Set([selected, ...found]);
}
