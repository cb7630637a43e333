// Where the drinks stand: a number from 0 to 1 along each side of the map.

import type { Data, MapKind } from "../data";

const GRID = 10_000;

export interface Places {
  x: Float32Array;
  y: Float32Array;
}

export function places(data: Data, kind: MapKind): Places {
  const unit = (values: number[]) => Float32Array.from(values, (value) => value / GRID);
  return { x: unit(data.recipes[kind].x), y: unit(data.recipes[kind].y) };
}

export function copied({ x, y }: Places): Places {
  return { x: x.slice(), y: y.slice() };
}
