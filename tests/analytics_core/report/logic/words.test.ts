import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import {
  fold,
  inAddress,
  words,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/fold.ts";
import {
  closeness,
  nearness,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/nearness.ts";
import {
  isMetric,
  written,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/amounts.ts";
import {
  evidence,
  figure,
  hardlyDiffer,
  strength,
  usage,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/sentences.ts";
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
  for (const [name, address] of Object.entries(table.addresses)) {
    assert.equal(decodeURIComponent(inAddress(name)), address, name);
  }
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
    "used alike",
    "close",
    "another drink, but a good one",
    "a stretch",
  ]);
});

test("the page's own sentences read as someone would say them", () => {
  const by = (cost: number, recipes = 0, declared = 0) => ({
    ...{ ingredient: 0, cost, recipes, declared },
  });
  const said = [
    evidence(by(0.1), false),
    evidence(by(0.3, 1), false),
    evidence(by(0.2, 3), false),
    evidence(by(0.5, 12), true),
    evidence(by(0.9, 0, 1), false),
    evidence(by(0.3, 1234, 2), false),
    strength(null, null),
    strength(0, 0),
    strength(29.4, null),
    strength(29.4, 24.5),
    usage(252, 0),
    usage(252, 10),
    usage(86, 86),
    usage(1, 1),
    usage(1, 0),
    usage(0, 0),
    hardlyDiffer(0),
    hardlyDiffer(1),
    hardlyDiffer(1200),
    figure({ method: "context", min_dist: 0.1, seeds: [1, 2], on: true, of: null }),
    figure(1234),
    figure(2 / 3),
    figure([]),
  ];
  assert.deepEqual(said, [
    "used alike",
    "close, as far as 1 recipe tells",
    "used alike, as far as 3 recipes tell",
    "another drink, but a good one (0.50); 12 recipes speak for it",
    "a stretch; a recipe here names it",
    "close; 1,234 recipes speak for it; a variant here has it instead",
    "",
    "no alcohol",
    "29% alcohol before ice",
    "29% alcohol before ice, about 25% in the glass",
    "in 252 recipes, none of them by this very name",
    "in 252 recipes, 10 of them by this very name",
    "in 86 recipes, all of them by this very name",
    "in 1 recipe, by this very name",
    "in 1 recipe, by another name",
    "in no recipe",
    "No two others are nearly the same",
    "1 pair that hardly differs",
    "1,200 pairs that hardly differ",
    "method context, min dist 0.1, seeds 1, 2, on yes, of not known",
    "1,234",
    "0.6667",
    "none",
  ]);
});

test("amounts are written as a bartender writes them", () => {
  const line = (amount: number | null, unit: string | null) =>
    written({ ...{ ingredient: 0, rolled: 0, ml: 0, fraction: 0 }, amount, unit });
  assert.deepEqual(
    [
      line(1.5, "Ounce"),
      line(52.5, "ml"),
      line(4.5, "cl"),
      line(30, "Milliliters"),
      line(2, "Dash"),
      line(1, "Dash"),
      line(null, "to top"),
      line(null, null),
      line(0.333, "ounce"),
      line(1, "each"),
    ],
    [
      ...["1½ oz", "52.5 ml", "4.5 cl", "30 ml", "2 dashes", "1 dash", "to top", "some"],
      ...["⅓ oz", "1"],
    ],
  );
  assert.ok(isMetric("ML") && isMetric("centilitres") && !isMetric("oz") && !isMetric(null));
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
