// The sample's data as the page carries it, for the tests of its logic.

import { readFileSync } from "node:fs";
import {
  starts,
  unpack,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/packing.ts";
import type { Stock } from "../../../../analytics_core/src/analytics_core/report/frontend/src/shelf.ts";

export function read(file: string) {
  const { core, neighbors } = JSON.parse(readFileSync(file, "utf8"));
  const names: string[] = core.recipes.name;
  const ingredients: string[] = core.ingredients.name;
  const called = (all: string[]) => (name: string) => {
    const at = all.indexOf(name);
    if (at < 0) throw new Error(`the sample has no ${name}`);
    return at;
  };
  const { parent, substitution, kind, made, total } = core.ingredients;
  const children: number[][] = parent.map(() => []);
  parent.forEach((up: number, i: number) => up >= 0 && children[up].push(i));
  const [rolled, own, fraction] = ["rolled", "ingredient", "fraction"].map((column) =>
    unpack(core.lines[column]),
  );
  const { start } = core.recipes;
  const { of, start: begin, to, cost, recipes } = core.substitutes;
  const at = new Map<number, number>(of.map((i: number, n: number) => [i, n]));
  const stock: Stock = {
    ...{ parent, children, substitution, kind, made },
    needs: names.map((_, r) => [...new Set(rolled.subarray(start[r], start[r + 1]))]),
    mixture: (r) => {
      const shares = new Map<number, number>();
      for (let i = start[r]; i < start[r + 1]; i++)
        shares.set(rolled[i], (shares.get(rolled[i]) ?? 0) + fraction[i] / 10_000);
      return shares;
    },
    substitutes: (i) => {
      const n = at.get(i);
      if (n === undefined) return [];
      const all = Array.from({ length: begin[n + 1] - begin[n] }, (_, k) => begin[n] + k);
      return all.map((k) => ({
        ...{ ingredient: to[k], cost: cost[k] / 1000, recipes: recipes[k], declared: 0 },
      }));
    },
  };
  return {
    ...{ names, ingredients, stock, total: total as number[] },
    recipe: called(names),
    ingredient: called(ingredients),
    contents: (r: number) => [...new Set(own.subarray(start[r], start[r + 1]))],
    links: {
      start: starts(unpack(neighbors.count)),
      to: unpack(neighbors.to),
      distance: Array.from(unpack(neighbors.distance), (steps) => steps / 10_000),
    },
    /** Recipe lines as the documents have them, for answers worked out another way. */
    lines: names.map((name, r) => ({
      recipe: name,
      ingredients: [...own.subarray(start[r], start[r + 1])].map((i) => ingredients[i]),
    })),
  };
}

/** The drinks that the kept documents have. */
export const { names, ingredients, stock, recipe, ingredient, links, lines } = read(
  process.env.SAMPLE_PAYLOAD!,
);

/** All drinks of the sample. */
export const whole = read(process.env.WHOLE_PAYLOAD!);
