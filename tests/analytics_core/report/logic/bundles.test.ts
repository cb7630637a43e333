import assert from "node:assert/strict";
import { test } from "node:test";
import { standsFor } from "../../../../analytics_core/src/analytics_core/report/frontend/src/bundles.ts";

const pairs = (...of: [number, number][]): [number, number, number][] =>
  of.map(([a, b], i) => [a, b, i / 100]);

test("recipes of one mix share a point, and those that hardly differ from it", () => {
  assert.deepEqual([...standsFor(5, [[1, 3]], [])], [0, 1, 2, 1, 4]);
  assert.deepEqual([...standsFor(5, [[1, 3]], pairs([3, 4]))], [0, 1, 2, 1, 1]);
  assert.deepEqual([...standsFor(3, [], pairs([0, 2], [1, 2]))], [0, 1, 0]);
});

test("a point has no chain: each is as near to what stands for it as a pair may be", () => {
  // 0 - 1 - 2 - 3 - 4, each near to the next alone
  const chain = pairs([0, 1], [1, 2], [2, 3], [3, 4]);
  const near = new Set(chain.map(([a, b]) => `${a}:${b}`));
  const of = standsFor(5, [], chain);
  of.forEach((head, i) => {
    assert.equal(of[head], head);
    assert.ok(head === i || near.has(`${Math.min(head, i)}:${Math.max(head, i)}`), `${i}`);
  });
  assert.equal(new Set(of).size, 3);
});

test("on random collections too, and identical ones always stay together", () => {
  let seed = 11;
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 200; round++) {
    const count = 2 + random(12);
    const group = [...new Set(Array.from({ length: 3 }, () => random(count)))].sort((a, b) => a - b);
    const twins = group.length > 1 ? [group] : [];
    const same = (i: number) => (twins.length && group.includes(i) ? group[0] : i);
    const some = pairs(
      ...Array.from({ length: random(20) }, (): [number, number] => [random(count), random(count)]),
    );
    const allowed = new Set(some.map(([a, b]) => [same(a), same(b)].sort().join()));
    const of = standsFor(count, twins, some);
    of.forEach((head, i) => {
      assert.equal(of[head], head);
      assert.equal(of[i], of[same(i)]);
      assert.ok(head === same(i) || allowed.has([head, same(i)].sort().join()));
    });
  }
});
