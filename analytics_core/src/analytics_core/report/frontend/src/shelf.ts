// The shelf: what it holds, what can be made of it, and what a bottle more would open. The only
// place where this is decided; every list, badge and color asks here.
//
// A bottle satisfies its own kind and every more general one: London dry gin is gin, and gin is no
// London dry. Brands that may be exchanged count as their kind, as in the analytics (roll-up).

import { Company } from "./company.ts";

/** What an ingredient is; report/kinds.py decides. */
export const KIND = { alcohol: 0, untold: 1, pantry: 2, homemade: 3, atHand: 4 } as const;

export interface Substitute {
  ingredient: number;
  cost: number;
  /** How many recipes speak for it. */
  recipes: number;
  /** Whether the owner says so: 1 of a recipe's line, 2 by a variant that has it instead. */
  declared: number;
}

/** What the shelf needs to know of the data. */
export interface Stock {
  parent: number[];
  children: number[][];
  substitution: number[];
  kind: number[];
  /** What is made, then everything that it takes. */
  made: number[][];
  /** What each recipe needs, after roll-up, each once. */
  needs: number[][];
  /** Each of them with its share of the drink. */
  mixture(recipe: number): Map<number, number>;
  substitutes(ingredient: number): Substitute[];
}

export type Standing =
  | { band: "ready"; made: number[] }
  | { band: "stand-in"; lacks: number[]; by: Substitute }
  | { band: "one away" | "far"; lacks: number[] };

/** What the best bottles are asked of: see bottles.ts. */
export interface Question {
  /** The needs that each bottle would satisfy. */
  gives: number[][];
  groups: { lacks: number[]; count: number }[];
}

/** Costs up to here are offered as stand-ins unless the reader moves the slider. */
export const TOLERANCE = 0.45;
const MOST_LACKS = 4;

/** A leaf that allows substitution counts as its parent. */
export function rolled(stock: Stock, ingredient: number): number {
  const { parent, substitution, children } = stock;
  const up = parent[ingredient];
  return !children[ingredient].length && substitution[ingredient] && up >= 0 ? up : ingredient;
}

export function isBottle(stock: Stock, ingredient: number): boolean {
  return stock.kind[ingredient] <= KIND.untold;
}

export class Shelf {
  readonly owned: ReadonlySet<number>;
  private readonly stock: Stock;
  private readonly covered = new Set<number>();
  private readonly makings = new Map<number, number[]>();
  private lacking: number[][] | null = null;
  private readonly pantry: boolean;

  /** With `pantry`, everything that is no bottle counts as there. */
  constructor(stock: Stock, owned: Iterable<number>, pantry = false) {
    this.stock = stock;
    this.pantry = pantry;
    this.owned = new Set(owned);
    const { parent, kind } = stock;
    for (let i = 0; i < kind.length; i++) if (kind[i] === KIND.atHand) this.covered.add(i);
    for (const ingredient of this.owned) {
      for (let at = ingredient; at >= 0; at = parent[at]) this.covered.add(at);
    }
    for (const [target, from] of this.made(this.covered)) this.makings.set(target, from);
  }

  /** What can be made of what is there, and of what; and of what is made so, in turn. */
  private made(covered: Set<number>): [number, number[]][] {
    const found: [number, number[]][] = [];
    const there = new Set([...covered, ...this.makings.keys()]);
    for (let before = -1; before < found.length;) {
      before = found.length;
      for (const [target, ...sources] of this.stock.made) {
        const from = sources.map((source) => rolled(this.stock, source));
        if (!from.every((source) => there.has(source))) continue;
        for (let at = target; at >= 0; at = this.stock.parent[at]) {
          if (this.stock.kind[at] < KIND.pantry) break;
          if (!there.has(at)) found.push([at, from]);
          there.add(at);
        }
      }
    }
    return found;
  }

  get size(): number {
    return this.owned.size;
  }

  /** Whether the shelf has this, or something that counts as it. */
  has(ingredient: number): boolean {
    const need = rolled(this.stock, ingredient);
    return this.holds(need) || this.makings.has(need);
  }

  private holds(need: number): boolean {
    return this.covered.has(need) || (this.pantry && !isBottle(this.stock, need));
  }

  /** What is there and counts as this, the light rum where rum is asked for; null if `used` up. */
  private holder(need: number, used: number[]): number | null {
    const { parent } = this.stock;
    let held = used.includes(need);
    for (const bottle of this.owned) {
      const line: number[] = [];
      for (let at = bottle; at >= 0; at = parent[at]) line.push(at);
      if (!line.includes(need)) continue;
      if (!line.some((at) => used.includes(at))) return bottle;
      held = true;
    }
    return held ? null : need;
  }

  /** What it is made of where it stands nowhere but can be made. */
  madeOf(ingredient: number): number[] | null {
    const need = rolled(this.stock, ingredient);
    return this.holds(need) ? null : (this.makings.get(need) ?? null);
  }

  /** What a recipe needs and the shelf has not. */
  lacks(recipe: number): number[] {
    return this.stock.needs[recipe].filter((need) => !this.has(need));
  }

  /** What stands on the shelf and stands in for something best, where enough recipes say so. */
  standIn(missing: number, within = Infinity, recipe?: number): Substitute | null {
    const need = rolled(this.stock, missing);
    const company = Company.of(this.stock);
    const others = this.stock.substitutes(need).filter(({ ingredient }) => this.has(ingredient));
    const used = recipe === undefined ? [] : this.stock.needs[recipe];
    const found = (fits: (other: Substitute) => boolean) => {
      for (const other of others.filter(fits)) {
        const ingredient = this.holder(rolled(this.stock, other.ingredient), used);
        if (ingredient !== null) return { ...other, ingredient };
      }
      return null;
    };
    // what the owner names on a recipe's line goes before figures
    const named = found(({ declared }) => declared === 1);
    return (
      named ??
      found(
        ({ ingredient, cost, declared }) =>
          cost <= within && (declared > 0 || company.bears(need, ingredient)),
      )
    );
  }

  standing(recipe: number, tolerance: number): Standing {
    const lacks = this.lacks(recipe);
    if (!lacks.length) {
      const made = this.stock.needs[recipe].filter((need) => this.madeOf(need));
      return { band: "ready", made };
    }
    if (lacks.length > 1) return { band: "far", lacks };
    const by = this.standIn(lacks[0], tolerance, recipe);
    return by ? { band: "stand-in", lacks, by } : { band: "one away", lacks };
  }

  private get allLacks(): number[][] {
    return (this.lacking ??= this.stock.needs.map((_, recipe) => this.lacks(recipe)));
  }

  /** The needs that something more would satisfy, and what could then be made included. */
  gives(ingredient: number): Set<number> {
    const found = new Set<number>();
    const covered = new Set(this.covered);
    for (let at = ingredient; at >= 0; at = this.stock.parent[at]) {
      covered.add(at);
      if (!this.has(at) || rolled(this.stock, at) !== at) found.add(at);
    }
    if (!isBottle(this.stock, ingredient)) {
      for (const [target] of this.made(covered)) found.add(target);
    }
    return found;
  }

  /** How many drinks each ingredient would open if it were there too. */
  unlocks(): Uint32Array {
    const byFirst = new Map<number, number[][]>();
    for (const lacks of this.allLacks) {
      if (!lacks.length || lacks.length > MOST_LACKS) continue;
      const known = byFirst.get(lacks[0]);
      if (known) known.push(lacks);
      else byFirst.set(lacks[0], [lacks]);
    }
    return Uint32Array.from(this.stock.parent, (_, ingredient) => {
      const gives = this.gives(ingredient);
      let count = 0;
      for (const need of gives) {
        for (const lacks of byFirst.get(need) ?? []) {
          if (lacks.every((lack) => gives.has(lack))) count++;
        }
      }
      return count;
    });
  }

  /** The bottles that could be bought, and what they would have to open. */
  question(): { bottles: number[]; question: Question } {
    const groups = new Map<string, { lacks: number[]; count: number }>();
    for (const lacks of this.allLacks) {
      if (!lacks.length || lacks.length > MOST_LACKS) continue;
      if (!lacks.every((need) => isBottle(this.stock, need))) continue;
      const key = [...lacks].sort((a, b) => a - b).join();
      const known = groups.get(key);
      if (known) known.count++;
      else groups.set(key, { lacks, count: 1 });
    }
    const wanted = new Set([...groups.values()].flatMap((group) => group.lacks));
    const bottles = sold(this.stock).filter((bottle) => !this.has(bottle));
    const gives = bottles.map((bottle) => [...this.gives(bottle)].filter((n) => wanted.has(n)));
    const useful = bottles.map((_, i) => i).filter((i) => gives[i].length);
    return {
      bottles: useful.map((i) => bottles[i]),
      question: { gives: useful.map((i) => gives[i]), groups: [...groups.values()] },
    };
  }
}

const uses = new WeakMap<Stock, Uint32Array>();

/** In how many recipes each ingredient satisfies a line, itself or as a part of what does. */
export function usesOf(stock: Stock): Uint32Array {
  let known = uses.get(stock);
  if (known) return known;
  known = new Uint32Array(stock.parent.length);
  const below: number[][] = stock.parent.map((_, i) => [i]);
  // parents come before their children
  for (let i = below.length - 1; i >= 0; i--) {
    if (stock.parent[i] >= 0) below[stock.parent[i]].push(...below[i]);
  }
  const parts = new Map<number, number[]>();
  for (const [target, ...sources] of stock.made)
    parts.set(target, [...(parts.get(target) ?? []), ...sources]);
  for (const needs of stock.needs) {
    const served = new Set(needs.flatMap((need) => below[need]));
    // a set goes on to what joins it meanwhile: sugar is in syrup, which may be in something else
    for (const one of served) for (const part of parts.get(one) ?? []) served.add(part);
    for (const ingredient of served) known[ingredient]++;
  }
  uses.set(stock, known);
  return known;
}

/** What one would buy: what recipes name; a general kind only if most that could, name just it. */
export function sold(stock: Stock): number[] {
  const named = new Uint32Array(stock.parent.length);
  const below = new Uint32Array(stock.parent.length);
  for (const needs of stock.needs) {
    for (const need of needs) {
      named[need]++;
      for (let at = need; at >= 0; at = stock.parent[at]) below[at]++;
    }
  }
  return [...named.keys()]
    .filter((i) => named[i] && isBottle(stock, i) && 2 * named[i] >= below[i])
    .sort((a, b) => named[b] - named[a] || a - b);
}
