// The sample's data as the page carries it, for the tests of its logic.

import { readFileSync } from "node:fs";
import {
  starts,
  unpack,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/packing.ts";
import type { Stock } from "../../../../analytics_core/src/analytics_core/report/frontend/src/shelf.ts";

const { core, neighbors } = JSON.parse(readFileSync(process.env.SAMPLE_PAYLOAD!, "utf8"));

export const names: string[] = core.recipes.name;
export const ingredients: string[] = core.ingredients.name;

export function ingredient(name: string): number {
  const at = ingredients.indexOf(name);
  if (at < 0) throw new Error(`the sample has no ${name}`);
  return at;
}

export function recipe(name: string): number {
  const at = names.indexOf(name);
  if (at < 0) throw new Error(`the sample has no ${name}`);
  return at;
}

const { parent, substitution, kind, made } = core.ingredients;
const children: number[][] = parent.map(() => []);
parent.forEach((up: number, i: number) => up >= 0 && children[up].push(i));
const rolled = unpack(core.lines.rolled);
const { start } = core.recipes;
const { of, start: begin, to, cost, recipes } = core.substitutes;
const at = new Map<number, number>(of.map((i: number, n: number) => [i, n]));

export const stock: Stock = {
  ...{ parent, children, substitution, kind, made },
  needs: names.map((_, r) => [...new Set(rolled.subarray(start[r], start[r + 1]))]),
  substitutes: (i) => {
    const n = at.get(i);
    if (n === undefined) return [];
    const all = Array.from({ length: begin[n + 1] - begin[n] }, (_, k) => begin[n] + k);
    return all.map((k) => ({ ingredient: to[k], cost: cost[k] / 1000, recipes: recipes[k], declared: 0 }));
  },
};

export const links = {
  start: starts(unpack(neighbors.count)),
  to: unpack(neighbors.to),
  distance: Array.from(unpack(neighbors.distance), (steps) => steps / 10_000),
};

/** Recipe lines as the documents have them, for answers worked out another way. */
export const lines: { recipe: string; ingredients: string[] }[] = names.map((name, r) => ({
  recipe: name,
  ingredients: [...unpack(core.lines.ingredient).subarray(start[r], start[r + 1])].map(
    (i) => ingredients[i],
  ),
}));
