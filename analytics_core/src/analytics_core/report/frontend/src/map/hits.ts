// Which drink is meant: by a pointer, or by an arrow key.

import { quadtree, type Quadtree } from "d3-quadtree";
import type { Places } from "./places";

const trees = new WeakMap<Places, Quadtree<number>>();

/** The recipe nearest to a place, within reach. */
export function nearest(places: Places, [u, v]: [number, number], reach: number): number | null {
  const { x, y } = places;
  if (!x.length) return null;
  let tree = trees.get(places);
  if (!tree) {
    tree = quadtree<number>()
      .x((i) => x[i])
      .y((i) => y[i])
      .addAll(Array.from(x.keys()));
    trees.set(places, tree);
  }
  return tree.find(u, v, reach) ?? null;
}

/** The next recipe in a direction: near, and more ahead than aside. */
export function ahead({ x, y }: Places, from: number, [dx, dy]: [number, number]): number | null {
  let best: number | null = null;
  let cost = Infinity;
  for (let i = 0; i < x.length; i++) {
    if (i === from) continue;
    const [across, down] = [x[i] - x[from], y[i] - y[from]];
    const forward = across * dx + down * dy;
    const aside = Math.abs(across * dy) + Math.abs(down * dx);
    if (forward <= 1e-6 || aside > 2 * forward) continue;
    const price = forward + 2 * aside;
    if (price < cost) [best, cost] = [i, price];
  }
  return best;
}
