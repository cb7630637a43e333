// The two blocks of data, as report/payload.py writes them, and what is derived from them.

interface Positions {
  x: number[];
  y: number[];
}

export interface Manifest {
  run_id?: string;
  generated_at?: string;
  code_version?: string;
  storage_version?: string;
  seed?: number;
  settings?: Record<string, unknown>;
  database?: { fingerprint?: string; recipes?: number; ingredients?: number; lines?: number };
  counts?: Record<string, unknown>;
  warnings?: { code: string; count: number; message: string; examples: string[] }[];
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
  };
  recipes: {
    id: number[];
    name: string[];
    base: number[];
    family: number[];
    start: number[];
    plain: Positions;
    learned: Positions;
  };
  lines: {
    ingredient: number[];
    rolled: number[];
    amount: (number | null)[];
    unit: number[];
    ml: (number | null)[];
    fraction: number[];
  };
  units: string[];
  families: number[][];
  substitutes: { of: number[]; start: number[]; to: number[]; cost: number[] };
  complexity: [number, number][];
  /** What the page does not carry, of a collection too large for one. */
  left_out?: { what: string; count: number; why: string }[];
}

interface NeighborBlock {
  start: number[];
  to: number[];
  distance: number[];
  plan: number[];
  source: number[];
  target: number[];
  mass: number[];
  /** How many fragments each sentence has. */
  words: number[];
  fragment: number[];
  text: string[];
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

function block<T>(id: string): T {
  const text = document.getElementById(id)?.textContent;
  if (!text) throw new Error(`the page has lost its data block "${id}"`);
  return JSON.parse(text) as T;
}

/** Lower case without accents, so that "creme" finds "Crème". */
export function plainText(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

export class Data {
  private readonly core = block<Core>("core");
  private links: NeighborBlock | null = null;
  readonly manifest = this.core.manifest;
  readonly leftOut = this.core.left_out ?? [];
  readonly ingredients = this.core.ingredients;
  readonly recipes = this.core.recipes;
  readonly families = this.core.families;
  readonly complexity = this.core.complexity;
  readonly count = this.recipes.id.length;
  readonly children: number[][];
  readonly roots: number[] = [];
  private readonly byId: Map<number, number>;
  private readonly ingredientById: Map<number, number>;
  private readonly haystacks: string[] = [];
  private readonly titles: string[] = [];
  private readonly substituteAt: Map<number, number>;
  private popularity: Uint32Array | null = null;
  private beginnings: Uint32Array | null = null;

  constructor() {
    const { parent } = this.ingredients;
    this.children = parent.map(() => []);
    parent.forEach((up, index) => (up < 0 ? this.roots : this.children[up]).push(index));
    this.byId = new Map(this.recipes.id.map((id, index) => [id, index]));
    this.ingredientById = new Map(this.ingredients.id.map((id, index) => [id, index]));
    this.substituteAt = new Map(this.core.substitutes.of.map((of, at) => [of, at]));
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

  lines(recipe: number): Line[] {
    const { lines, units } = this.core;
    const found: Line[] = [];
    for (let i = this.recipes.start[recipe]; i < this.recipes.start[recipe + 1]; i++) {
      found.push({
        ingredient: lines.ingredient[i],
        rolled: lines.rolled[i],
        amount: lines.amount[i],
        unit: lines.unit[i] < 0 ? null : units[lines.unit[i]],
        ml: lines.ml[i] ?? 0,
        fraction: lines.fraction[i] / STEPS,
      });
    }
    return found;
  }

  /** How many different ingredients a recipe has. */
  size(recipe: number): number {
    const { ingredient } = this.core.lines;
    const from = this.recipes.start[recipe];
    return new Set(ingredient.slice(from, this.recipes.start[recipe + 1])).size;
  }

  /** Each rolled-up ingredient's share of the drink. */
  mixture(recipe: number): Map<number, number> {
    const shares = new Map<number, number>();
    for (const line of this.lines(recipe)) {
      shares.set(line.rolled, (shares.get(line.rolled) ?? 0) + line.fraction);
    }
    return shares;
  }

  private get near(): NeighborBlock {
    return (this.links ??= block<NeighborBlock>("neighbors"));
  }

  /** Where each sentence begins among the fragments. */
  private get sentences(): Uint32Array {
    if (!this.beginnings) {
      let at = 0;
      this.beginnings = Uint32Array.from(this.near.words, (count) => (at += count) - count);
    }
    return this.beginnings;
  }

  neighbors(recipe: number): Neighbor[] {
    const near = this.near;
    const found: Neighbor[] = [];
    for (let i = near.start[recipe]; i < near.start[recipe + 1]; i++) {
      const plan: Flow[] = [];
      for (let f = near.plan[i]; f < near.plan[i + 1]; f++) {
        plan.push({
          source: near.source[f],
          target: near.target[f],
          mass: near.mass[f] / STEPS,
        });
      }
      const words = near.fragment
        .slice(this.sentences[i], this.sentences[i] + near.words[i])
        .map((at) => (at < 0 ? -1 - at : near.text[at]));
      found.push({ recipe: near.to[i], distance: near.distance[i] / STEPS, plan, words });
    }
    return found;
  }

  /** How often a recipe is somebody's neighbor: what stands for its surroundings is labeled first. */
  get hubs(): Uint32Array {
    if (!this.popularity) {
      this.popularity = new Uint32Array(this.count);
      for (const recipe of this.near.to) this.popularity[recipe]++;
    }
    return this.popularity;
  }

  substitutes(ingredient: number): { ingredient: number; cost: number }[] {
    const { start, to, cost } = this.core.substitutes;
    const at = this.substituteAt.get(ingredient);
    if (at === undefined) return [];
    return to
      .slice(start[at], start[at + 1])
      .map((other, i) => ({ ingredient: other, cost: cost[start[at] + i] / STEPS }));
  }

  /** An ingredient and everything above it, nearest first. */
  lineage(ingredient: number): number[] {
    const found: number[] = [];
    for (let at = ingredient; at >= 0; at = this.ingredients.parent[at]) found.push(at);
    return found;
  }

  title(recipe: number): string {
    return (this.titles[recipe] ??= plainText(this.name(recipe)));
  }

  private haystack(recipe: number): string {
    if (this.haystacks[recipe] === undefined) {
      const above = new Set(this.lines(recipe).flatMap((line) => this.lineage(line.ingredient)));
      const words = [...above].map((i) => plainText(this.ingredient(i)));
      this.haystacks[recipe] = `${this.title(recipe)}\n${words.join("\n")}`;
    }
    return this.haystacks[recipe];
  }

  /** Recipes whose name or ingredients hold every word, names first. */
  search(query: string): number[] {
    const whole = plainText(query.trim());
    const words = whole.split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    const ranked: [number, number][] = [];
    for (let recipe = 0; recipe < this.count; recipe++) {
      const hay = this.haystack(recipe);
      if (!words.every((word) => hay.includes(word))) continue;
      const title = this.title(recipe);
      const rank =
        title === whole ? 0 : title.startsWith(whole) ? 1 : title.includes(whole) ? 2 : 3;
      ranked.push([rank, recipe]);
    }
    ranked.sort((a, b) => a[0] - b[0] || this.title(a[1]).length - this.title(b[1]).length);
    return ranked.map(([, recipe]) => recipe);
  }

  searchIngredients(query: string, limit: number): number[] {
    const whole = plainText(query.trim());
    if (!whole) return [];
    return this.ingredients.name
      .map((name, index) => [plainText(name).indexOf(whole), index] as const)
      .filter(([at]) => at >= 0)
      .sort(
        (a, b) =>
          Number(a[0] > 0) - Number(b[0] > 0) ||
          this.ingredients.total[b[1]] - this.ingredients.total[a[1]],
      )
      .slice(0, limit)
      .map(([, index]) => index);
  }

  familyName(family: number): string {
    return this.families[family]?.map((i) => this.ingredient(i)).join(" · ") || "Others";
  }
}
