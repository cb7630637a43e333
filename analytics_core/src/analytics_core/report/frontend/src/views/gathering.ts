// A set of drinks, from a region, a lasso or a search: what it holds, what is typical, what stands out.

import type { Context } from "../context";
import type { Data } from "../data";
import { h, named, plural, type Child } from "../dom";
import { drinksCsv, entry, longList } from "../parts";
import { to } from "../route";

/** Share of a set from which on an ingredient is typical of it. */
const TYPICAL = 0.3;

interface Typical {
  ingredient: number;
  /** In how many drinks of the set. */
  here: number;
  /** How much more often than among all drinks. */
  lift: number;
}

/** What is in many drinks of a set, and more often than elsewhere. */
export function typical(data: Data, recipes: number[]): Typical[] {
  const all = new Map<number, number>();
  const here = new Map<number, number>();
  const chosen = new Set(recipes);
  data.stock.needs.forEach((needs, recipe) => {
    for (const need of needs) {
      all.set(need, (all.get(need) ?? 0) + 1);
      if (chosen.has(recipe)) here.set(need, (here.get(need) ?? 0) + 1);
    }
  });
  const share = (count: number) => count / recipes.length;
  const score = ({ here: count, lift }: Typical) => share(count) * Math.log(lift);
  return [...here]
    .map(([ingredient, count]) => ({
      ingredient,
      here: count,
      lift: (share(count) * data.count) / all.get(ingredient)!,
    }))
    .filter(({ here: count, lift }) => lift > 1.2 && count > 1)
    .sort((a, b) => score(b) - score(a))
    .slice(0, 6);
}

/** The drinks that share least with the others of the set. */
export function unusual(data: Data, recipes: number[]): number[] {
  if (recipes.length < 5) return [];
  const here = new Map<number, number>();
  for (const recipe of recipes) {
    for (const need of data.stock.needs[recipe]) here.set(need, (here.get(need) ?? 0) + 1);
  }
  const common = (recipe: number) => {
    const needs = data.stock.needs[recipe];
    return needs.reduce((sum, need) => sum + here.get(need)!, 0) / Math.max(1, needs.length);
  };
  return [...recipes].sort((a, b) => common(a) - common(b) || a - b).slice(0, 4);
}

/** What a set is like, in sentences. */
export function portrait({ data }: Context, recipes: number[]): Child {
  if (recipes.length < 2) return null;
  const marks = typical(data, recipes);
  const odd = unusual(data, recipes);
  const link = (ingredient: number) =>
    h(
      "a",
      { href: to.ingredients(data.ingredients.id[ingredient]) },
      named(data.ingredient(ingredient)),
    );
  const [usual, rarer] = [true, false].map((often) =>
    marks.filter(({ here }) => here >= TYPICAL * recipes.length === often),
  );
  const list = (label: string, some: Typical[]) =>
    some.length > 0 &&
    h(
      "p",
      {},
      label,
      some.map(({ ingredient, here }, i) => [
        i > 0 && ", ",
        link(ingredient),
        ` (in ${here} of ${recipes.length})`,
      ]),
      ".",
    );
  return [
    list("Typical: ", usual),
    list("Rarer, but more often here than elsewhere: ", rarer),
    odd.length > 0 &&
      h(
        "p",
        {},
        "Unusual here: ",
        odd.map((recipe, i) => [
          i > 0 && ", ",
          h("a", { href: to.drink(data.recipes.id[recipe]) }, named(data.name(recipe))),
        ]),
        ".",
      ),
  ];
}

export function gathering(
  context: Context,
  title: Child,
  name: string,
  recipes: number[],
): HTMLElement {
  return h(
    "div",
    { class: "results" },
    h("h1", { tabindex: -1 }, title),
    recipes.length
      ? [
          h(
            "div",
            { class: "row between" },
            h("span", { class: "note" }, plural(recipes.length, "drink")),
            drinksCsv(context, name, () => recipes),
          ),
          portrait(context, recipes),
          longList(
            recipes.map((recipe) => () => entry(context, recipe)),
            40,
          ),
        ]
      : h(
          "p",
          { class: "note" },
          "No such drinks in this run. ",
          h("a", { href: to.map() }, "Back to the map"),
        ),
  );
}
