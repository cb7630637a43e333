import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bothWays,
  chain,
  nearest,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/ways.ts";
import {
  starts,
  unpack,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/packing.ts";
import { links, names, recipe } from "./sample.ts";

const ways = bothWays(links);

/** All shortest lengths from one drink, by relaxing every edge until nothing changes. */
function relaxed(from: number, power: number): number[] {
  const cost = names.map((_, i) => (i === from ? 0 : Infinity));
  for (let changed = true; changed;) {
    changed = false;
    for (let a = 0; a < names.length; a++) {
      for (let i = links.start[a]; i < links.start[a + 1]; i++) {
        const [b, d] = [links.to[i], links.distance[i] ** power];
        for (const [x, y] of [
          [a, b],
          [b, a],
        ]) {
          if (cost[x] + d < cost[y] - 1e-12) [cost[y], changed] = [cost[x] + d, true];
        }
      }
    }
  }
  return cost;
}

test("from any drink the nearest that are wanted are found, however far, nearest first", () => {
  const wanted = new Set(["Daiquiri", "Bellini", "White Russian"].map(recipe));
  const from = recipe("Negroni");
  const cost = relaxed(from, 1);
  const found = nearest(ways, from, (r) => wanted.has(r), 10);
  assert.deepEqual(
    found.map(({ recipe: r }) => r),
    [...wanted].filter((r) => cost[r] < Infinity).sort((a, b) => cost[a] - cost[b]),
  );
  for (const { recipe: r, length, way } of found) {
    assert.ok(Math.abs(length - cost[r]) < 1e-9);
    assert.equal(way[0], from);
    assert.equal(way.at(-1), r);
  }
});

test("a chain goes by published steps only, and prefers small ones", () => {
  const [a, b] = [recipe("Negroni"), recipe("Daiquiri")];
  const found = chain(ways, a, b)!;
  const squares = relaxed(a, 2);
  let sum = 0;
  for (let i = 1; i < found.way.length; i++) {
    const [x, y] = [found.way[i - 1], found.way[i]];
    const step = (from: number, to: number) => {
      for (let n = links.start[from]; n < links.start[from + 1]; n++) {
        if (links.to[n] === to) return links.distance[n];
      }
      return Infinity;
    };
    const length = Math.min(step(x, y), step(y, x));
    assert.ok(length < Infinity, `${names[x]} and ${names[y]} are not near`);
    sum += length ** 2;
  }
  assert.ok(Math.abs(sum - squares[b]) < 1e-9);
});

test("a chain through what can be made goes through nothing else", () => {
  const [a, b] = [recipe("Negroni"), recipe("Manhattan")];
  const free = chain(ways, a, b)!.way;
  const barred = free[1] === b ? -1 : free[1];
  const around = chain(ways, a, b, (r) => r !== barred);
  assert.ok(!around?.way.includes(barred));
  assert.equal(chain(ways, a, b, () => false)?.way.length ?? 2, 2);
});

test("packed numbers come back", () => {
  assert.deepEqual([...unpack("AfgB/fggBw4J")], [0, 31, 32, 1023, 1024, 10_000]);
  assert.deepEqual([...starts(Uint32Array.of(2, 0, 3))], [0, 2, 2, 5]);
});
