// The transport plan between any two drinks: the published one where there is one.

import type { Data, Flow } from "./data";

export interface Between {
  flows: Flow[];
  distance: number | null;
  estimated: boolean;
}

/** Edges between two ingredients through the tree's implicit root. */
function steps(data: Data, a: number, b: number): number {
  const above = data.lineage(a);
  const other = data.lineage(b);
  const meet = above.findIndex((index) => other.includes(index));
  return meet < 0 ? above.length + other.length : meet + other.indexOf(above[meet]);
}

export function between(data: Data, a: number, b: number): Between {
  const there = data.neighbor(a, b);
  if (there) return { flows: there.plan, distance: there.distance, estimated: false };
  const back = data.neighbor(b, a);
  if (back) {
    const flows = back.plan.map((f) => ({ source: f.target, target: f.source, mass: f.mass }));
    return { flows, distance: back.distance, estimated: false };
  }
  // far apart: what is shared stays, the rest goes to its closest relative in the tree
  const surplus = data.mixture(a);
  const lack = data.mixture(b);
  for (const [ingredient, share] of surplus) {
    const kept = Math.min(share, lack.get(ingredient) ?? 0);
    surplus.set(ingredient, share - kept);
    if (kept) lack.set(ingredient, lack.get(ingredient)! - kept);
  }
  const pairs = [...surplus.keys()].flatMap((source) =>
    [...lack.keys()].map((target) => ({ source, target, cost: steps(data, source, target) })),
  );
  pairs.sort((x, y) => x.cost - y.cost);
  const flows: Flow[] = [];
  for (const { source, target } of pairs) {
    const mass = Math.min(surplus.get(source)!, lack.get(target)!);
    if (mass < 1e-4) continue;
    flows.push({ source, target, mass });
    surplus.set(source, surplus.get(source)! - mass);
    lack.set(target, lack.get(target)! - mass);
  }
  return { flows, distance: null, estimated: true };
}
