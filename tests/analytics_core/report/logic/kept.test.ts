import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isBar,
  isSame,
  keeping,
  recognized,
  rootsOf,
  scope,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/kept.ts";

const ours = { ids: [1, 2, 3], names: ["Gin", "Lime Juice", "Crème de Cassis"] };
const theirs = { ids: [1, 2, 3], names: ["Tequila", "Gin", "Salt"] };

test("a bar does not leak into another database", () => {
  const kept = keeping([0, 1], [], ours);
  // the same ids mean other things there: what has the name is found, the rest is kept as lost
  const { found, lost } = recognized(kept, theirs);
  assert.deepEqual(found, [1]);
  assert.deepEqual(lost, [[2, "Lime Juice"]]);
  assert.notEqual(scope(rootsOf(ours, [0, 1, 2])), scope(rootsOf(theirs, [0, 1, 2])));
});

test("new ids for old names are recognized, and what is lost comes back", () => {
  const kept = keeping([2], [[9, "Aquavit"]], ours);
  const later = { ids: [70, 9], names: ["CREME DE CASSIS", "Aquavit"] };
  assert.deepEqual(recognized(kept, later), { found: [0, 1], lost: [] });
});

test("of two with one name none is guessed", () => {
  const doubled = { ids: [5, 6], names: ["Gin", "gin"] };
  assert.deepEqual(recognized([[1, "Gin"]], doubled).found, []);
  assert.deepEqual(recognized([[6, "Gin"]], doubled).found, [1]);
});

test("a database that grew is the same, another is not", () => {
  const roots = rootsOf(ours, [0, 1, 2]);
  assert.ok(isSame(roots, [...roots, [4, "Salt"]]));
  assert.ok(!isSame(roots, rootsOf(theirs, [0, 1, 2])));
  assert.ok(!isSame([], []));
});

test("a stored value of any shape is a bar or is not, and stops nothing", () => {
  const shapes: unknown[] = [
    ...[
      null,
      1,
      "x",
      [],
      {},
      true,
      [1, 2],
      { own: [] },
      { roots: [], own: [[1]] },
      { roots: {}, own: [] },
    ],
    ...[
      { roots: [], own: [[1, 2]] },
      { roots: [[1.5, "x"]], own: [] },
      { roots: [], own: [null] },
    ],
  ];
  for (const shape of shapes) assert.equal(isBar(shape), false, JSON.stringify(shape));
  assert.ok(isBar({ roots: [[1, "Gin"]], own: [] }));
});
