// Whether recipes bear out that two things are used alike. A figure alone says too little where
// hardly any recipe names the one or the other, or where both only ever meet one other bottle.

import type { Stock } from "./shelf";

/** As in the learned cost: small amounts say more than their share of the glass. */
const POWER = 0.4;
/** Two things are the company of a third if they make up this share of the rest of the glass. */
const COMPANY = 0.5;
/** Least number of companies that both have, and of recipes on either side. */
const FEWEST = 2;
/** Least share of the drinks of one of the two in which the other's company is met. */
const SHARE = 0.25;
/** Things that meet in this share of the drinks with one or the other go together, as vermouths do. */
const TOGETHER = 0.1;

const known = new WeakMap<Stock, Company>();

export class Company {
  private readonly stock: Stock;
  private readonly inside: number[][];
  private readonly kept: (Map<number, number[]> | undefined)[] = [];
  private readonly answers = new Map<number, boolean>();

  private constructor(stock: Stock) {
    this.stock = stock;
    this.inside = stock.parent.map(() => []);
    stock.needs.forEach((needs, recipe) => {
      for (const need of needs) this.inside[need].push(recipe);
    });
  }

  static of(stock: Stock): Company {
    let found = known.get(stock);
    if (!found) known.set(stock, (found = new Company(stock)));
    return found;
  }

  /** The recipes of an ingredient by its company in them, a number for each pair. */
  private around(ingredient: number): Map<number, number[]> {
    let found = this.kept[ingredient];
    if (found) return found;
    this.kept[ingredient] = found = new Map<number, number[]>();
    for (const recipe of this.inside[ingredient]) {
      const others = [...this.stock.mixture(recipe)]
        .filter(([other]) => other !== ingredient)
        .map(([other, share]): [number, number] => [other, share ** POWER])
        .sort((a, b) => a[0] - b[0]);
      const enough = COMPANY * others.reduce((sum, [, weight]) => sum + weight, 0) - 1e-9;
      others.forEach(([first, weight], i) => {
        for (const [second, more] of others.slice(i + 1)) {
          if (weight + more < enough) continue;
          const key = first * this.stock.parent.length + second;
          const recipes = found!.get(key);
          if (recipes) recipes.push(recipe);
          else found!.set(key, [recipe]);
        }
      });
    }
    return found;
  }

  /** An ingredient and the kinds above it that the other does not belong to. */
  private apart(one: number, other: number): number[] {
    const found: number[] = [];
    for (let at = one; at >= 0 && !this.above(other, at); at = this.stock.parent[at])
      found.push(at);
    return found;
  }

  private together(one: number, other: number): boolean {
    const [mine, theirs] = [this.inside[one], new Set(this.inside[other])];
    const both = mine.filter((recipe) => theirs.has(recipe)).length;
    return both > 0 && both >= TOGETHER * (mine.length + theirs.size - both);
  }

  private above(ingredient: number, kind: number): boolean {
    let at = ingredient;
    while (at >= 0 && at !== kind) at = this.stock.parent[at];
    return at >= 0;
  }

  /** Whether one is a kind of the other, or enough recipes have it in the other's company instead. */
  bears(one: number, other: number): boolean {
    const key = Math.min(one, other) * this.stock.parent.length + Math.max(one, other);
    let answer = this.answers.get(key);
    if (answer === undefined) this.answers.set(key, (answer = this.tell(one, other)));
    return answer;
  }

  private tell(one: number, other: number): boolean {
    if (this.above(one, other) || this.above(other, one)) return true;
    const kinds = this.apart(other, one);
    if (this.apart(one, other).some((a) => kinds.some((b) => this.together(a, b)))) return false;
    const there = this.around(other);
    const [mine, theirs] = [new Set<number>(), new Set<number>()];
    let companies = 0;
    for (const [company, recipes] of this.around(one)) {
      // a recipe that has both does not have the one in place of the other
      const without = (all: number[], i: number) =>
        all.filter((recipe) => !this.stock.needs[recipe].includes(i));
      const [here, beside] = [without(recipes, other), without(there.get(company) ?? [], one)];
      if (!here.length || !beside.length) continue;
      companies++;
      for (const recipe of here) mine.add(recipe);
      for (const recipe of beside) theirs.add(recipe);
    }
    const shares = [mine.size / this.inside[one].length, theirs.size / this.inside[other].length];
    return Math.min(companies, mine.size, theirs.size) >= FEWEST && Math.max(...shares) >= SHARE;
  }
}
