// The two blocks of data, as report/payload.py writes them, and what is derived from them.

import { standsFor } from "./bundles";
import { Finding } from "./finding";
import { fold } from "./fold";
import { starts, unpack } from "./packing";
import { rolled, type Stock, type Substitute } from "./shelf";
import { bothWays, type Links } from "./ways";

interface Positions {
  x: number[];
  y: number[];
}

/** What was found in the data, and what an owner can do about it. */
export interface DataFinding {
  code: string;
  count: number;
  message: string;
  advice?: string;
  examples: string[];
}

export interface Manifest {
  run_id?: string;
  generated_at?: string;
  code_version?: string;
  storage_version?: string;
  seed?: number;
  settings?: Record<string, unknown>;
  database?: {
    layout?: string;
    bar?: string | null;
    fingerprint?: string;
    recipes?: number;
    ingredients?: number;
    lines?: number;
  };
  counts?: Record<string, unknown>;
  warnings?: DataFinding[];
  suggestions?: DataFinding[];
  quality?: Record<string, unknown>;
  stages?: { name: string; seconds: number; reused: boolean }[];
  documents?: Record<string, { key: string; bytes: number; sha256: string }>;
}

interface Core {
  manifest: Manifest;
  ingredients: {
    id: number[];
    name: string[];
    parent: number[];
    substitution: number[];
    own: number[];
    total: number[];
    kind: number[];
    made: number[][];
    /** What the owner makes, by ingredient. */
    made_of?: Record<number, number[]>;
  };
  recipes: {
    id: number[];
    name: string[];
    base: number[];
    family: number[];
    start: number[];
    plain: Positions;
    learned: Positions;
    /** Percent by volume, where strengths are known. */
    abv?: (number | null)[];
    /** What ice adds, in percent of what is poured. */
    dilution?: (number | null)[];
    /** By recipe: how it is made, what may go in as well, and what it is a variant of. */
    method?: Record<number, string>;
    optional?: Record<number, [ingredient: number, amount: number | null, unit: number][]>;
    variant_of?: Record<number, number>;
  };
  /** `ingredient`, `rolled` and `fraction` are packed. */
  lines: {
    ingredient: string;
    rolled: string;
    amount: (number | null)[];
    unit: number[];
    ml: (number | null)[];
    fraction: string;
  };
  units: string[];
  /** Of each family a drink that stands for it, then up to two of its ingredients. */
  families: number[][];
  substitutes: {
    of: number[];
    start: number[];
    to: number[];
    cost: number[];
    recipes: number[];
    declared?: number[];
  };
  complexity: [number, number][];
  changes?: Changes;
  /** What the page does not carry, of a collection too large for one. */
  left_out?: { what: string; count: number; why: string }[];
}

export interface NamedRecipe {
  recipe_id: number;
  recipe_name: string;
}

/** The document `what-changed`. */
export interface Changes {
  since: { run_id?: string; generated_at?: string } | null;
  why_not: string;
  words?: string;
  method: string[];
  counts: Record<string, number>;
  new: NamedRecipe[];
  gone: NamedRecipe[];
  changed: NamedRecipe[];
  nearest: (NamedRecipe & { before: NamedRecipe | null; now: NamedRecipe | null })[];
}

/** Packed columns; ingredients are numbered within the drinks in question. */
interface NeighborBlock {
  count: string;
  to: string;
  distance: string;
  flows: string;
  source: string;
  target: string;
  mass: string;
  /** How many fragments each sentence has. */
  words: string;
  /** Twice the position of a text, or one more than twice an ingredient's number. */
  fragment: string;
  text: string[];
}

/** The neighbors, read. */
class Near {
  readonly start: Uint32Array;
  readonly to: Uint32Array;
  readonly distance: Uint32Array;
  readonly plan: Uint32Array;
  readonly source: Uint32Array;
  readonly target: Uint32Array;
  readonly mass: Uint32Array;
  readonly sentence: Uint32Array;
  readonly fragment: Uint32Array;
  readonly text: string[];

  constructor(block: NeighborBlock) {
    this.start = starts(unpack(block.count));
    this.to = unpack(block.to);
    this.distance = unpack(block.distance);
    this.plan = starts(unpack(block.flows));
    this.source = unpack(block.source);
    this.target = unpack(block.target);
    this.mass = unpack(block.mass);
    this.sentence = starts(unpack(block.words));
    this.fragment = unpack(block.fragment);
    this.text = block.text;
  }
}

export interface Line {
  ingredient: number;
  rolled: number;
  amount: number | null;
  unit: string | null;
  ml: number;
  fraction: number;
}

export interface Flow {
  source: number;
  target: number;
  mass: number;
}

export interface Neighbor {
  recipe: number;
  distance: number;
  plan: Flow[];
  /** What to do differently: texts, and ingredients between them. */
  words: (string | number)[];
}

export type MapKind = "learned" | "plain";

const STEPS = 10_000;
const FLOW_STEPS = 1_000;
/** Up to this distance two recipes hardly differ. */
const NEAR_TWINS = 0.04;
/** The median distance of listed neighbors under the learned cost. */
const USUAL = 0.33;
/** The median cost of the best substitute under the learned cost. */
const USUAL_BEST = 0.2;

function block<T>(id: string): T {
  const text = document.getElementById(id)?.textContent;
  if (!text) throw new Error(`the page has lost its data block "${id}"`);
  return JSON.parse(text) as T;
}

export class Data {
  private readonly core = block<Core>("core");
  private links: Near | null = null;
  private both: Links | null = null;
  private finder: Finding | null = null;
  private twinsOf: Map<number, number[]> | null = null;
  private standing: Uint32Array | null = null;
  private pairs: [number, number, number][] | null = null;
  private shared: Map<number, number[]> | null = null;
  private scale: number | null = null;
  private costScale: number | null = null;
  private readonly lineOf = {
    ingredient: unpack(this.core.lines.ingredient),
    rolled: unpack(this.core.lines.rolled),
    fraction: unpack(this.core.lines.fraction),
  };
  readonly manifest = this.core.manifest;
  readonly leftOut = this.core.left_out ?? [];
  readonly ingredients = this.core.ingredients;
  readonly recipes = this.core.recipes;
  readonly families = this.core.families;
  readonly complexity = this.core.complexity;
  readonly changes = this.core.changes;
  readonly stock: Stock;
  readonly count = this.recipes.id.length;
  readonly children: number[][];
  readonly roots: number[] = [];
  private readonly byId: Map<number, number>;
  private readonly ingredientById: Map<number, number>;
  private readonly titles: string[] = [];
  private readonly substituteAt: Map<number, number>;
  private popularity: Uint32Array | null = null;

  constructor() {
    const { parent } = this.ingredients;
    this.children = parent.map(() => []);
    parent.forEach((up, index) => (up < 0 ? this.roots : this.children[up]).push(index));
    this.byId = new Map(this.recipes.id.map((id, index) => [id, index]));
    this.ingredientById = new Map(this.ingredients.id.map((id, index) => [id, index]));
    this.substituteAt = new Map(this.core.substitutes.of.map((of, at) => [of, at]));
    const { start } = this.recipes;
    this.stock = {
      ...{ parent, children: this.children, substitution: this.ingredients.substitution },
      ...{ kind: this.ingredients.kind, made: this.ingredients.made },
      needs: this.recipes.id.map((_, recipe) => [
        ...new Set(this.lineOf.rolled.subarray(start[recipe], start[recipe + 1])),
      ]),
      mixture: (recipe) => this.mixture(recipe),
      substitutes: (ingredient) => this.substitutes(ingredient),
    };
  }

  recipeAt(id: number): number | undefined {
    return this.byId.get(id);
  }

  ingredientAt(id: number): number | undefined {
    return this.ingredientById.get(id);
  }

  name(recipe: number): string {
    return this.recipes.name[recipe] || "(without a name)";
  }

  ingredient(index: number): string {
    return this.ingredients.name[index] || "(without a name)";
  }

  private unitName(at: number): string | null {
    return at < 0 ? null : this.core.units[at];
  }

  /** What may go in as well: no part of the mixture. */
  optional(recipe: number): Line[] {
    return (this.recipes.optional?.[recipe] ?? []).map(([ingredient, amount, unit]) => ({
      ...{ ingredient, rolled: this.rolled(ingredient), amount, unit: this.unitName(unit) },
      ...{ ml: 0, fraction: 0 },
    }));
  }

  /** Percent by volume, before ice or, about, in the glass; null where it is not known. */
  strength(recipe: number, served = false): number | null {
    const poured = this.recipes.abv?.[recipe] ?? null;
    const water = this.recipes.dilution?.[recipe] ?? null;
    if (!served || poured === null) return poured;
    return water === null ? null : poured / (1 + water / 100);
  }

  lines(recipe: number): Line[] {
    const { lines } = this.core;
    const found: Line[] = [];
    for (let i = this.recipes.start[recipe]; i < this.recipes.start[recipe + 1]; i++) {
      found.push({
        ingredient: this.lineOf.ingredient[i],
        rolled: this.lineOf.rolled[i],
        amount: lines.amount[i],
        unit: this.unitName(lines.unit[i]),
        ml: lines.ml[i] ?? 0,
        fraction: this.lineOf.fraction[i] / STEPS,
      });
    }
    return found;
  }

  /** What a recipe names, each once. */
  contents(recipe: number): number[] {
    const { start } = this.recipes;
    return [...new Set(this.lineOf.ingredient.subarray(start[recipe], start[recipe + 1]))];
  }

  /** How many different ingredients a recipe has. */
  size(recipe: number): number {
    return this.contents(recipe).length;
  }

  /** Each rolled-up ingredient's share of the drink. */
  mixture(recipe: number): Map<number, number> {
    const shares = new Map<number, number>();
    const { rolled, fraction } = this.lineOf;
    for (let i = this.recipes.start[recipe]; i < this.recipes.start[recipe + 1]; i++) {
      shares.set(rolled[i], (shares.get(rolled[i]) ?? 0) + fraction[i] / STEPS);
    }
    return shares;
  }

  private get near(): Near {
    return (this.links ??= new Near(block<NeighborBlock>("neighbors")));
  }

  /** Links between near drinks, both ways, in shares. */
  get ways(): Links {
    return (this.both ??= bothWays({
      start: this.near.start,
      to: this.near.to,
      distance: Float64Array.from(this.near.distance, (steps) => steps / STEPS),
    }));
  }

  neighbors(recipe: number): Neighbor[] {
    const near = this.near;
    const found: Neighbor[] = [];
    const own = this.contents(recipe);
    const needs = this.stock.needs;
    // beyond those that the drink has come the others, by their place among all
    const local = (known: number[], at: number) => known[at] ?? at - known.length;
    for (let i = near.start[recipe]; i < near.start[recipe + 1]; i++) {
      const other = near.to[i];
      const plan: Flow[] = [];
      for (let f = near.plan[i]; f < near.plan[i + 1]; f++) {
        plan.push({
          source: local(needs[recipe], near.source[f]),
          target: local(needs[other], near.target[f]),
          mass: near.mass[f] / FLOW_STEPS,
        });
      }
      const both = [...new Set([...own, ...this.contents(other)])];
      const words = [...near.fragment.subarray(near.sentence[i], near.sentence[i + 1])].map((at) =>
        at & 1 ? local(both, at >> 1) : near.text[at >> 1],
      );
      found.push({ recipe: other, distance: near.distance[i] / STEPS, plan, words });
    }
    return found;
  }

  /** What to do differently, as plain text. */
  said({ words }: Neighbor): string {
    return words.map((word) => (typeof word === "string" ? word : this.ingredient(word))).join("");
  }

  neighbor(from: number, to: number): Neighbor | undefined {
    return this.neighbors(from).find((neighbor) => neighbor.recipe === to);
  }

  /** Recipes of the very same mix, by the first of each group; alone none has an entry. */
  get twins(): Map<number, number[]> {
    if (!this.twinsOf) {
      const { start, to, distance } = this.near;
      const first = Uint32Array.from({ length: this.count }, (_, i) => i);
      const head = (i: number): number => (first[i] === i ? i : (first[i] = head(first[i])));
      for (let from = 0; from < this.count; from++) {
        for (let i = start[from]; i < start[from + 1]; i++) {
          if (distance[i]) continue;
          const [a, b] = [head(from), head(to[i])];
          first[Math.max(a, b)] = Math.min(a, b);
        }
      }
      this.twinsOf = new Map();
      for (let i = 0; i < this.count; i++) {
        const of = head(i);
        if (of !== i) this.twinsOf.set(of, [...(this.twinsOf.get(of) ?? [of]), i]);
      }
      for (const group of [...this.twinsOf.values()]) {
        for (const member of group) this.twinsOf.set(member, group);
      }
    }
    return this.twinsOf;
  }

  /** The recipe that stands for each on the map. */
  get heads(): Uint32Array {
    return (this.standing ??= standsFor(this.count, new Set(this.twins.values()), this.nearTwins));
  }

  /** The recipes that share a point of the map, the one that stands for them first. */
  bundle(recipe: number): number[] {
    if (!this.shared) {
      this.shared = new Map();
      this.heads.forEach((head, i) => {
        if (head === i) return;
        const known = this.shared!.get(head);
        if (known) known.push(i);
        else this.shared!.set(head, [head, i]);
      });
    }
    return this.shared.get(this.heads[recipe]) ?? [recipe];
  }

  /** Pairs that hardly differ, nearest first. */
  get nearTwins(): [number, number, number][] {
    if (this.pairs) return this.pairs;
    const within = NEAR_TWINS * this.unit;
    const { start, to, distance } = this.near;
    const found = new Map<number, [number, number, number]>();
    for (let from = 0; from < this.count; from++) {
      for (let i = start[from]; i < start[from + 1]; i++) {
        const apart = distance[i] / STEPS;
        if (!apart || apart > within) continue;
        const [a, b] = [Math.min(from, to[i]), Math.max(from, to[i])];
        found.set(a * this.count + b, [a, b, apart]);
      }
    }
    return (this.pairs = [...found.values()].sort((x, y) => x[2] - y[2]));
  }

  /** What distances are measured in: 1 under the learned cost, else by what is usual here. */
  get unit(): number {
    if (this.scale === null) {
      const learned = (this.manifest.settings?.cost ?? "learned") === "learned";
      const sorted = learned ? [] : this.near.distance.slice().sort();
      this.scale = learned ? 1 : sorted[sorted.length >> 1] / STEPS / USUAL || 1;
    }
    return this.scale;
  }

  /** How often a recipe is somebody's neighbor: what stands for its surroundings is labeled first. */
  get hubs(): Uint32Array {
    if (!this.popularity) {
      this.popularity = new Uint32Array(this.count);
      for (const recipe of this.near.to) this.popularity[recipe]++;
    }
    return this.popularity;
  }

  /** What costs are measured in: 1 where they are learned, else by what the best usually has. */
  private get costUnit(): number {
    if (this.costScale === null) {
      const { start, cost } = this.core.substitutes;
      const learned = (this.manifest.settings?.cost ?? "learned") === "learned";
      const best = learned ? [] : start.slice(0, -1).map((at) => cost[at] ?? 0);
      best.sort((a, b) => a - b);
      this.costScale = learned ? 1 : best[best.length >> 1] / 1_000 / USUAL_BEST || 1;
    }
    return this.costScale;
  }

  /** What stands in for an ingredient, best first; costs as if they were learned ones. */
  substitutes(ingredient: number): Substitute[] {
    const { start, to, cost, recipes, declared } = this.core.substitutes;
    const at = this.substituteAt.get(ingredient);
    if (at === undefined) return [];
    return to.slice(start[at], start[at + 1]).map((other, i) => ({
      ingredient: other,
      cost: cost[start[at] + i] / 1_000 / this.costUnit,
      recipes: recipes[start[at] + i],
      declared: declared?.[start[at] + i] ?? 0,
    }));
  }

  rolled(ingredient: number): number {
    return rolled(this.stock, ingredient);
  }

  /** An ingredient and everything above it, nearest first. */
  lineage(ingredient: number): number[] {
    const found: number[] = [];
    for (let at = ingredient; at >= 0; at = this.ingredients.parent[at]) found.push(at);
    return found;
  }

  title(recipe: number): string {
    return (this.titles[recipe] ??= fold(this.name(recipe)));
  }

  private get finding(): Finding {
    return (this.finder ??= new Finding({
      names: this.recipes.name,
      ingredients: this.ingredients.name,
      contents: (recipe) => this.contents(recipe),
      lineage: (ingredient) => this.lineage(ingredient),
      total: this.ingredients.total,
    }));
  }

  search(query: string): number[] {
    return this.finding.drinksWith(query);
  }

  searchIngredients(query: string, limit: number): number[] {
    return this.finding.ingredients(query, limit);
  }

  /** What has exactly this name. */
  named(query: string): { recipe?: number; ingredient?: number } {
    return this.finding.named(query);
  }

  familySize(family: number): number {
    return this.recipes.family.reduce((sum, other) => sum + Number(other === family), 0);
  }

  /** "Light rum and lime": what the drinks of a family are made of. */
  familyKind(family: number): string {
    const marks = (this.families[family] ?? []).slice(1);
    const names = marks.map((i) => this.ingredient(i).replace(/ juice$/i, ""));
    return names.join(" and ") || "Others";
  }

  /** "Light rum and lime: Daiquiri", for a drink that stands for all. */
  familyName(family: number): string {
    const of = this.families[family];
    return of ? `${this.familyKind(family)}: ${this.name(of[0])}` : "Others";
  }
}
