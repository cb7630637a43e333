import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bothWays,
  chain,
  nearest,
  type Links,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/ways.ts";
import {
  starts,
  unpack,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/packing.ts";
import { links, recipe, stock, whole } from "./sample.ts";

const ways = bothWays(links);

type Count = (from: number, to: number, distance: number) => number;

/** All least sums of steps from one drink, by relaxing every edge until nothing changes. */
function relaxed(near: Links, from: number, count: Count): number[] {
  const drinks = near.start.length - 1;
  const cost = Array.from({ length: drinks }, (_, i) => (i === from ? 0 : Infinity));
  for (let changed = true; changed;) {
    changed = false;
    for (let a = 0; a < drinks; a++) {
      for (let i = near.start[a]; i < near.start[a + 1]; i++) {
        const b = near.to[i];
        for (const [x, y] of [
          [a, b],
          [b, a],
        ]) {
          const d = count(x, y, near.distance[i]);
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
  const cost = relaxed(links, from, (_, __, distance) => distance);
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

const CLASSICS = [
  ...["Negroni", "Daiquiri", "Manhattan", "Margarita", "Dry Martini", "Old Fashioned"],
  ...["Mojito", "Whiskey Sour", "Sidecar", "White Russian"],
];

test("a chain goes by published steps only, and by as few changes at once as it can", () => {
  const { links: near, recipe: drink, stock } = whole;
  const both = bothWays(near);
  const published = (from: number, to: number) => {
    for (let n = near.start[from]; n < near.start[from + 1]; n++)
      if (near.to[n] === to) return near.distance[n];
    return Infinity;
  };
  const changes = (x: number, y: number) => {
    const [gone, come] = [stock.needs[x], stock.needs[y]].map((all, i, two) =>
      all.filter((need) => !two[1 - i].includes(need)),
    );
    return Math.max(gone.length, come.length);
  };
  const count: Count = (x, y, distance) => Math.max(1, changes(x, y)) ** 2 + distance;
  const seen: number[] = [];
  for (const [i, a] of CLASSICS.entries()) {
    const least = relaxed(near, drink(a), count);
    for (const b of CLASSICS.slice(i + 1)) {
      const { way } = chain(both, stock.needs, drink(a), drink(b))!;
      let sum = 0;
      way.slice(1).forEach((y, n) => {
        const x = way[n];
        const length = Math.min(published(x, y), published(y, x));
        assert.ok(length < Infinity, `${whole.names[x]} and ${whole.names[y]} are not near`);
        sum += count(x, y, length);
        seen.push(changes(x, y));
      });
      assert.ok(Math.abs(sum - least[drink(b)]) < 1e-9, `${a} to ${b}`);
    }
  }
  // what the page promises: one thing at a time for the most part, and never three
  assert.ok(Math.max(...seen) <= 2);
  assert.ok(seen.filter((n) => n <= 1).length > 0.7 * seen.length);
});

test("a chain through what can be made goes through nothing else", () => {
  const [a, b] = [recipe("Negroni"), recipe("Manhattan")];
  const free = chain(ways, stock.needs, a, b)!.way;
  const barred = free[1] === b ? -1 : free[1];
  const around = chain(ways, stock.needs, a, b, (r) => r !== barred);
  assert.ok(!around?.way.includes(barred));
  assert.equal(chain(ways, stock.needs, a, b, () => false)?.way.length ?? 2, 2);
});

test("packed numbers come back", () => {
  assert.deepEqual([...unpack("AfgB/fggBw4J")], [0, 31, 32, 1023, 1024, 10_000]);
  assert.deepEqual([...starts(Uint32Array.of(2, 0, 3))], [0, 2, 2, 5]);
});
