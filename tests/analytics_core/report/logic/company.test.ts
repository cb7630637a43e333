import assert from "node:assert/strict";
import { test } from "node:test";
import { Company } from "../../../../analytics_core/src/analytics_core/report/frontend/src/company.ts";
import type { Stock } from "../../../../analytics_core/src/analytics_core/report/frontend/src/shelf.ts";

/** Recipes of equal parts; letters are ingredients, and small ones kinds of what is large. */
function bears(recipes: string[], one: string, other: string): boolean {
  const letters = [...new Set(["A", "B", "a", ...recipes.join("")])].sort();
  const at = (letter: string) => letters.indexOf(letter);
  const needs = recipes.map((letters) => [...letters].map(at));
  const stock: Stock = {
    parent: letters.map((letter) => (letter >= "a" ? at(letter.toUpperCase()) : -1)),
    ...{ children: letters.map(() => []), substitution: [], kind: [], made: [], needs },
    mixture: (r) => new Map(needs[r].map((need) => [need, 1 / needs[r].length])),
    substitutes: () => [],
  };
  const [there, back] = [
    Company.of(stock).bears(at(one), at(other)),
    Company.of({ ...stock }).bears(at(other), at(one)),
  ];
  assert.equal(there, back);
  return there;
}

test("two companies and two recipes on either side bear a stand-in out", () => {
  assert.ok(bears(["ACD", "BCD", "AEF", "BEF"], "A", "B"));
  // one company, however often
  assert.ok(!bears(["ACD", "BCD", "ACD", "BCD", "ACD", "BCD"], "A", "B"));
  // one recipe on one side, in the company of both of the other's: D and E, and C and D
  assert.ok(!bears(["ACD", "ADE", "BCDE"], "A", "B"));
  // nothing in common, nothing at all
  assert.ok(!bears(["ACD", "BEF", "AGH", "BIJ"], "A", "B"));
  assert.ok(!bears(["CD"], "A", "B"));
  // one other thing is no company
  assert.ok(!bears(["AC", "BC", "AD", "BD", "AE", "BE"], "A", "B"));
});

test("two things of many are no company: they make up less than half of the rest", () => {
  assert.ok(!bears(["ACDGHI", "BCDJKL", "AEFGHI", "BEFJKL"], "A", "B"));
});

test("a quarter of the drinks of one of the two have to say so", () => {
  const said = ["ACD", "BCD", "AEF", "BEF"];
  const else_ = (letter: string, count: number) =>
    Array.from({ length: count }, () => `${letter}${letter === "A" ? "GH" : "IJ"}`);
  assert.ok(bears([...said, ...else_("A", 50)], "A", "B"));
  assert.ok(bears([...said, ...else_("A", 50), ...else_("B", 6)], "A", "B"));
  assert.ok(!bears([...said, ...else_("A", 50), ...else_("B", 7)], "A", "B"));
});

test("a drink with both says nothing for the one in place of the other", () => {
  const others = Array.from({ length: 20 }, () => "AGH");
  assert.ok(!bears(["ABCD", "ABEF", "BCD", "BEF", ...others], "A", "B"));
  assert.ok(bears(["ACD", "AEF", "BCD", "BEF", ...others], "A", "B"));
});

test("what goes together does not stand in, nor does a kind of it", () => {
  const said = ["ACD", "BCD", "AEF", "BEF"];
  assert.ok(!bears([...said, "ABG"], "A", "B"));
  const more = ["ACD", "BCD", "AEF", "BEF", "ACD"];
  assert.ok(!bears([...said, ...more, "ABG"], "A", "B")); // one of ten
  assert.ok(bears([...said, ...more, "ACD", "ABG"], "A", "B")); // one of eleven
  assert.ok(bears(["aCD", "BCD", "aEF", "BEF"], "a", "B"));
  assert.ok(!bears(["aCD", "BCD", "aEF", "BEF", "ABG"], "a", "B"));
});

test("a kind stands in for what is above it without a word", () => {
  assert.ok(bears(["ACD"], "a", "A"));
  // kinds that no recipe names say nothing about what is below them
  assert.ok(bears(["aCD", "bCD", "aEF", "bEF"], "a", "b"));
});
