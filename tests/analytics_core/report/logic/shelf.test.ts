import assert from "node:assert/strict";
import { test } from "node:test";
import vm from "node:vm";
import { bestSets } from "../../../../analytics_core/src/analytics_core/report/frontend/src/bottles.ts";
import {
  isBottle,
  Shelf,
  sold,
  TOLERANCE,
  usesOf,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/shelf.ts";
import type { Stock } from "../../../../analytics_core/src/analytics_core/report/frontend/src/shelf.ts";
import { evidence } from "../../../../analytics_core/src/analytics_core/report/frontend/src/sentences.ts";
import { ingredient, ingredients, lines, names, recipe, stock, whole } from "./sample.ts";

const shelf = (...own: string[]) => new Shelf(stock, own.map(ingredient));
const inWords = (some: Iterable<number>) => [...some].map((i) => ingredients[i]);
const ready = (on: Shelf) => names.filter((_, r) => on.standing(r, 0).band === "ready").sort();

// Read off the sample's recipes by hand, and not by the code under test.
const TONIGHT = ["London Dry Gin", "Lime Juice", "Sugar", "Campari"];

test("what can I make tonight with London dry gin, lime, sugar and Campari", () => {
  const mine = shelf(...TONIGHT);
  assert.deepEqual(ready(mine), ["Fresh Gimlet"]);
  const { made } = mine.standing(recipe("Fresh Gimlet"), 0) as { made: number[] };
  assert.deepEqual(inWords(made), ["Simple Syrup"]);
  assert.deepEqual(inWords(mine.madeOf(ingredient("Simple Syrup"))!), ["Sugar"]);
});

test("which two bottles next: all pairs are tried, counted from the recipes themselves", () => {
  const mine = shelf(...TONIGHT);
  const { bottles, question } = mine.question();
  const [one, two, three] = bestSets(question, 1).map(([best]) => ({
    names: inWords(best.bottles.map((i) => bottles[i])),
    drinks: best.drinks,
  }));
  assert.deepEqual(one, { names: ["Dry Vermouth"], drinks: 3 });
  assert.deepEqual(two.names.sort(), ["Dry Vermouth", "Sweet Vermouth"]);
  assert.deepEqual(ready(shelf(...TONIGHT, "Dry Vermouth", "Sweet Vermouth")), [
    ...["Cardinale", "Dry Martini", "Fresh Gimlet", "Gibson", "Milano-Torino", "Negroni"],
  ]);
  for (const { names: extra, drinks } of [one, two, three]) {
    assert.equal(ready(shelf(...TONIGHT, ...extra)).length - 1, drinks);
  }
  // brute force over what the page could offer
  const offered = sold(stock).filter((i) => !mine.has(i));
  let most = 0;
  for (const [n, a] of offered.entries()) {
    for (const b of offered.slice(n + 1)) {
      const more = new Shelf(stock, [...mine.owned, a, b]);
      most = Math.max(most, stock.needs.filter((_, r) => !more.lacks(r).length).length - 1);
    }
  }
  assert.equal(two.drinks, most);
});

test("London dry gin is gin, gin is no London dry gin, and gin is not sold", () => {
  const mine = shelf("London Dry Gin");
  assert.ok(mine.has(ingredient("Gin")));
  assert.ok(!mine.has(ingredient("Old Tom Gin")));
  assert.ok(!shelf("Gin").has(ingredient("London Dry Gin")));
  assert.ok(!inWords(sold(stock)).includes("Gin"));
  assert.ok(!inWords(shelf("Campari").question().bottles).includes("Gin"));
});

test("a brand counts as its kind, and so do the brands beside it", () => {
  const mine = shelf("Tanqueray");
  for (const name of ["London Dry Gin", "Gin", "Beefeater"])
    assert.ok(mine.has(ingredient(name)), name);
  assert.ok(!mine.has(ingredient("Plymouth Gin")));
  // no exchange is allowed among kinds of rum
  assert.ok(!shelf("Demerara Rum").has(ingredient("Jamaican Rum")));
});

test("a count is what a tick opens", () => {
  const own = [...TONIGHT, "Sweet Vermouth", "Lemon Juice"];
  const before = ready(shelf(...own)).length;
  const unlocks = shelf(...own).unlocks();
  for (const name of [
    "Bitters",
    "Angostura Bitters",
    "Gin",
    "Rum",
    "Light Rum",
    "Bourbon",
    "Whole Egg",
    "Egg White",
    "Triple Sec",
    "Cointreau",
    "Soda Water",
    "Honey Syrup",
  ]) {
    assert.equal(unlocks[ingredient(name)], ready(shelf(...own, name)).length - before, name);
  }
});

test("counts of use are the lines that an ingredient satisfies", () => {
  const uses = usesOf(stock);
  const naming = (...some: string[]) =>
    lines.filter((line) => line.ingredients.some((name) => some.includes(name))).length;
  // no recipe of the sample asks for any bitters or any gin
  assert.equal(uses[ingredient("Bitters")], naming("Bitters"));
  assert.equal(uses[ingredient("Gin")], naming("Gin"));
  assert.equal(uses[ingredient("Old Tom Gin")], naming("Old Tom Gin", "Gin"));
  assert.equal(
    uses[ingredient("Jamaican Rum")],
    naming(
      "Jamaican Rum",
      "Appleton Estate",
      "Smith & Cross",
      "Aged Rum",
      "Gold Rum",
      "Barbados Rum",
      "Spanish-Style Aged Rum",
      "Rum",
    ),
  );
});

test("what makes something serves where that serves", () => {
  const uses = usesOf(stock);
  const naming = (...some: string[]) =>
    lines.filter((line) => line.ingredients.some((name) => some.includes(name))).length;
  const eggs = naming("Whole Egg", "Egg White", "Egg Yolk");
  assert.equal(uses[ingredient("Whole Egg")], eggs);
  assert.ok(eggs > naming("Whole Egg"));
  // sugar is what syrup is made of
  assert.ok(uses[ingredient("Sugar")] >= naming("Sugar", "Simple Syrup"));
});

test("pantry: citrus gives juice and wedge, an egg its white, sugar a syrup; water is there", () => {
  assert.ok(shelf("Lime Wedge").has(ingredient("Lime Juice")));
  assert.ok(shelf("Lime Juice").has(ingredient("Lime Wedge")));
  assert.ok(!shelf("Lime Juice").has(ingredient("Lemon Juice")));
  assert.ok(shelf("Whole Egg").has(ingredient("Egg White")));
  assert.ok(!shelf("Egg White").has(ingredient("Whole Egg")));
  assert.ok(!shelf("Sugar").has(ingredient("Honey Syrup")));
  assert.ok(shelf("Campari").has(ingredient("Hot Water")));
  const bottles = ingredients.filter((_, i) => isBottle(stock, i));
  for (const name of ["Campari", "Orange Bitters", "Sloe Gin", "Irish Cream", "Coconut Rum"])
    assert.ok(bottles.includes(name), name);
  for (const name of ["Lime Juice", "Ginger Beer", "Simple Syrup", "Egg White", "Coconut Cream"])
    assert.ok(!bottles.includes(name), name);
});

test("what is no bottle counts as there, if the reader says so", () => {
  const strict = new Shelf(stock, [ingredient("Light Rum")]);
  const eased = new Shelf(stock, [ingredient("Light Rum")], true);
  assert.deepEqual(ready(strict), []);
  assert.ok(ready(eased).includes("Daiquiri"));
  assert.ok(!ready(eased).includes("Mai Tai"));
});

test("bands: exact, one stand-in within the tolerance, one away, far", () => {
  const mine = shelf("London Dry Gin", "Aperol", "Sweet Vermouth");
  const negroni = recipe("Negroni");
  const cost = stock
    .substitutes(ingredient("Campari"))
    .find((s) => s.ingredient === ingredient("Aperol"))!.cost;
  const within = mine.standing(negroni, cost);
  assert.equal(within.band, "stand-in");
  assert.equal(within.band === "stand-in" && ingredients[within.by.ingredient], "Aperol");
  assert.equal(mine.standing(negroni, cost - 0.001).band, "one away");
  assert.equal(shelf("Campari").standing(negroni, 1).band, "far");
  assert.equal(
    shelf("Campari", "Sweet Vermouth", "London Dry Gin").standing(negroni, 0).band,
    "ready",
  );
});

test("nothing stands in for what the drink has already, in any drink", () => {
  const { stock: all, names: drinks } = whole;
  const lineage = (of: number): number[] => (of < 0 ? [] : [of, ...lineage(all.parent[of])]);
  const twice: string[] = [];
  let found = 0;
  for (const [r, needs] of all.needs.entries()) {
    for (const missing of needs) {
      const rest = needs.filter((need) => need !== missing);
      // what the drink takes alone, and with everything that could stand in
      for (const more of [[], all.substitutes(missing).map((other) => other.ingredient)]) {
        const shelf = new Shelf(all, [...rest, ...more]);
        const standing = shelf.standing(r, 1);
        if (standing.band !== "stand-in") continue;
        found++;
        const by = standing.by.ingredient;
        if (lineage(by).some((i) => needs.includes(i)))
          twice.push(`${drinks[r]}: ${whole.ingredients[by]}`);
        assert.deepEqual(shelf.standIn(missing, 1, r), standing.by);
      }
    }
  }
  assert.deepEqual(twice, []);
  assert.ok(found > 100);
});

test("of two bottles of a kind the one that the drink has not stands in", () => {
  const { stock: all, ingredient: named, ingredients: called, recipe: drink } = whole;
  const [navy, light] = [drink("Navy Grog"), named("Light Rum")];
  const rest = all.needs[navy].filter((need) => need !== light);
  assert.equal(new Shelf(all, rest).standing(navy, 0.45).band, "one away");
  const standing = new Shelf(all, [...rest, named("Barbados Rum")]).standing(navy, 0.45);
  assert.equal(standing.band === "stand-in" && called[standing.by.ingredient], "Barbados Rum");
});

/** How a drink stands if one of its things is another, and the rest is there. */
function instead(drink: string, missing: string, other: string): string {
  const r = whole.recipe(drink);
  const need = whole.ingredient(missing);
  assert.ok(whole.stock.needs[r].includes(need), `${drink} has no ${missing}`);
  const rest = whole.stock.needs[r].filter((own) => own !== need);
  const standing = new Shelf(whole.stock, [...rest, whole.ingredient(other)]).standing(r, TOLERANCE);
  return standing.band === "stand-in" ? whole.ingredients[standing.by.ingredient] : standing.band;
}

test("what every bartender would take instead is offered without being asked for", () => {
  for (const [drink, missing, other] of [
    ["Manhattan", "Rye Whiskey", "Bourbon"],
    ["Whiskey Sour", "Bourbon", "Rye Whiskey"],
    ["Margarita", "Triple Sec", "Dry Curaçao"],
    ["Mai Tai", "Orange Curaçao", "Cointreau"],
    ["Daiquiri", "Lime Juice", "Lemon Juice"],
    ["Whiskey Sour", "Lemon Juice", "Lime Juice"],
    ["Daiquiri", "Sugar", "Simple Syrup"],
    ["Negroni", "Campari", "Aperol"],
    ["Paper Plane", "Aperol", "Campari"],
  ])
    assert.equal(instead(drink, missing, other), other, `${other} in a ${drink}`);
  // the other way round nothing has to stand in: of sugar a syrup is made
  assert.equal(instead("Fresh Gimlet", "Simple Syrup", "Sugar"), "ready");
});

test("what a figure alone would offer is not, nor what two or three recipes tell", () => {
  for (const [drink, missing, other] of [
    ["Daiquiri", "Lime Juice", "Grapefruit Juice"],
    ["Amaretto Sour", "Amaretto", "Coffee Liqueur"],
    ["Stinger", "Crème de Menthe", "Galliano"],
    ["Mojito", "Mint", "Basil"],
    ["Aviation", "Crème de Violette", "Elderflower Liqueur"],
    ["Midori Sour", "Melon Liqueur", "Sloe Gin"],
    // these keep the same company for being poured together so often
    ["Dry Martini", "Dry Vermouth", "Sweet Vermouth"],
    ["Dry Martini", "Dry Vermouth", "Punt e Mes"],
  ])
    assert.equal(instead(drink, missing, other), "one away", `${other} in a ${drink}`);
  // the words claim nothing about taste, and say how little they rest on
  const [sloe, melon] = ["Sloe Gin", "Melon Liqueur"].map(whole.ingredient);
  const by = whole.stock.substitutes(melon).find((other) => other.ingredient === sloe)!;
  assert.equal(evidence(by, false), "used alike, as far as 2 recipes tell");
});

test("the search for bottles runs on its own text, as in a worker", () => {
  const { question } = shelf(...TONIGHT).question();
  const alone = vm.runInNewContext(`(${bestSets.toString()})`) as typeof bestSets;
  assert.deepEqual(JSON.parse(JSON.stringify(alone(question, 2))), bestSets(question, 2));
});

test("best sets agree with brute force on random questions", () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 60; round++) {
    const needs = 1 + random(8);
    const gives = Array.from({ length: 1 + random(7) }, () =>
      Array.from({ length: needs }, (_, i) => i).filter(() => random(3) === 0),
    );
    const groups = Array.from({ length: random(12) }, () => ({
      lacks: [...new Set(Array.from({ length: 1 + random(4) }, () => random(needs)))],
      count: 1 + random(5),
    }));
    const opened = (set: number[]) =>
      groups
        .filter(({ lacks }) => lacks.every((n) => set.some((b) => gives[b].includes(n))))
        .reduce((sum, { count }) => sum + count, 0);
    const sets = (size: number, from = 0): number[][] =>
      size === 0
        ? [[]]
        : gives.flatMap((_, b) =>
            b < from ? [] : sets(size - 1, b + 1).map((rest) => [b, ...rest]),
          );
    const most = [1, 2, 3].map((size) => Math.max(0, ...sets(size).map(opened)));
    bestSets({ gives, groups }, 3).forEach((list, size) => {
      for (const { bottles, drinks } of list) assert.equal(opened(bottles), drinks);
      const smaller = Math.max(0, ...most.slice(0, size));
      assert.equal(list[0]?.drinks ?? smaller, Math.max(most[size], smaller));
    });
  }
});

test("what the owner names stands in at any tolerance, and before what figures say", () => {
  const [campari, aperol] = ["Campari", "Aperol"].map(ingredient);
  const owners = ingredient("Sloe Gin");
  const told = (declared: number): Stock => ({
    ...stock,
    substitutes: (need) => [
      ...stock.substitutes(need),
      ...(need === campari ? [{ ingredient: owners, cost: 0.9, recipes: 0, declared }] : []),
    ],
  });
  const own = ["London Dry Gin", "Sweet Vermouth", "Aperol", "Sloe Gin"].map(ingredient);
  const by = (declared: number, tolerance: number) => {
    const standing = new Shelf(told(declared), own).standing(recipe("Negroni"), tolerance);
    return standing.band === "stand-in" ? standing.by.ingredient : standing.band;
  };
  assert.equal(by(1, 0), owners);
  assert.equal(by(1, 1), owners);
  // a variant says the same less clearly: it is listed, and measured as others are
  assert.equal(by(2, 0), "one away");
  assert.equal(by(2, 1), aperol);
});

test("what is made of something made is made too, and names what it takes", () => {
  const [syrup, sugar] = ["Simple Syrup", "Sugar"].map(ingredient);
  const orgeat = ingredient("Orgeat");
  const almond = ingredient("Campari"); // stands for any part that has to be there
  const own = { ...stock, made: [[orgeat, syrup, almond], ...stock.made] };
  assert.deepEqual(new Shelf(own, [sugar, almond]).madeOf(orgeat), [syrup, almond]);
  assert.equal(new Shelf(own, [sugar]).madeOf(orgeat), null);
  const lacking = new Shelf(own, [almond]);
  assert.ok(!lacking.has(orgeat));
  // a count is what a tick opens, made things of made things included
  assert.ok(lacking.gives(sugar).has(orgeat));
});
