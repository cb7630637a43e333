import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import {
  fold,
  words,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/fold.ts";
import {
  closeness,
  nearness,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/nearness.ts";
import { inside } from "../../../../analytics_core/src/analytics_core/report/frontend/src/map/lasso.ts";

const FOLDED: [string, string][] = [
  ["Piña Colada", "pina colada"],
  ["Pin\u0303a\u00a0Colada", "pina colada"],
  ["Smørrebrød", "smorrebrod"],
  ["Crème de Cœur", "creme de coeur"],
  ["STRAẞE", "strasse"],
  ["Æbleskiver", "aebleskiver"],
  ["Pat’s", "pats"],
  ["Pat's", "pats"],
  ["“Old–Fashioned”", "old fashioned"],
  ["  thin\u2009blank\tand tab ", "thin blank and tab"],
  ["Łódź", "lodz"],
];

test("names fold", () => {
  for (const [name, folded] of FOLDED) assert.equal(fold(name), folded);
  assert.deepEqual(words("Corpse Reviver #2, please!"), ["corpse", "reviver", "2", "please"]);
});

test("names fold as in the terminal", { skip: !existsSync(process.env.NAME_FOLDING ?? "") }, () => {
  const table = JSON.parse(readFileSync(process.env.NAME_FOLDING!, "utf8"));
  for (const [name, folded] of Object.entries(table.folded)) assert.equal(fold(name), folded, name);
});

test("distances are words", () => {
  assert.deepEqual(
    [0, 0.05, 0.1, 0.2, 0.3, 0.9].map((d) => nearness(d)),
    [
      "the same mix",
      "almost the same",
      "almost the same",
      "a twist",
      "a cousin",
      "a distant relative",
    ],
  );
  assert.equal(nearness(2, 10), "a twist");
  assert.equal(nearness(0, 10), "the same mix");
  assert.deepEqual([0.1, 0.3, 0.5, 0.9].map(closeness), [
    "hardly told apart",
    "close",
    "another drink, but a good one",
    "a stretch",
  ]);
});

test("a lasso holds what lies inside, whatever its shape", () => {
  const hook: [number, number][] = [
    [0, 0],
    [10, 0],
    [10, 10],
    [6, 10],
    [6, 4],
    [0, 4],
  ];
  assert.ok(inside(hook, [2, 2]) && inside(hook, [8, 8]));
  assert.ok(!inside(hook, [2, 8]) && !inside(hook, [11, 5]));
});
