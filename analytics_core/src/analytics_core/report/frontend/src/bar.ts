// What the reader owns, and what follows from it.

import type { Data } from "./data";
import { recall, remember } from "./store";

export interface Bottle {
  /** The ingredient to buy, after roll-up. */
  ingredient: number;
  /** Recipes that this one bottle completes. */
  recipes: number[];
}

export class Bar {
  private readonly owned: Set<number>;
  private covered: Set<number> = new Set();
  private readonly listeners: (() => void)[] = [];

  constructor(private readonly data: Data) {
    const ids = recall<number[]>(
      "bar",
      [],
      (value) => Array.isArray(value) && value.every((id) => typeof id === "number"),
    );
    this.owned = new Set(ids.flatMap((id) => data.ingredientAt(id) ?? []));
    this.settle();
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  get size(): number {
    return this.owned.size;
  }

  owns(ingredient: number): boolean {
    return this.owned.has(ingredient);
  }

  list(): number[] {
    return [...this.owned];
  }

  set(ingredient: number, own: boolean): void {
    if (own) this.owned.add(ingredient);
    else this.owned.delete(ingredient);
    this.save();
  }

  addAll(ingredients: number[]): void {
    for (const ingredient of ingredients) this.owned.add(ingredient);
    this.save();
  }

  clear(): void {
    this.owned.clear();
    this.save();
  }

  private save(): void {
    remember(
      "bar",
      this.list().map((index) => this.data.ingredients.id[index]),
    );
    this.settle();
    for (const listener of this.listeners) listener();
  }

  /** A leaf that allows substitution counts as its parent, as in the analytics. */
  rolled(ingredient: number): number {
    const { parent, substitution } = this.data.ingredients;
    const leaf = this.data.children[ingredient].length === 0;
    return leaf && substitution[ingredient] && parent[ingredient] >= 0
      ? parent[ingredient]
      : ingredient;
  }

  /** Everything that what is owned can stand for. */
  private settle(): void {
    const { parent, substitution } = this.data.ingredients;
    this.covered = new Set();
    for (const ingredient of this.owned) {
      this.covered.add(ingredient);
      this.covered.add(this.rolled(ingredient));
      // a kind that allows substitution serves where only the general is asked for
      for (let at = ingredient; at >= 0 && substitution[at]; at = parent[at]) {
        if (parent[at] >= 0) this.covered.add(parent[at]);
      }
    }
  }

  /** Whether the bar has this ingredient, or one that counts as it. */
  has(ingredient: number): boolean {
    return this.covered.has(ingredient) || this.covered.has(this.rolled(ingredient));
  }

  /** What a recipe lacks, rolled up, each once. */
  missing(recipe: number): number[] {
    const lacks = new Set<number>();
    for (const line of this.data.lines(recipe)) {
      if (!this.has(line.ingredient)) lacks.add(this.rolled(line.ingredient));
    }
    return [...lacks];
  }

  /** An owned ingredient that stands in for a missing one best. */
  standIn(ingredient: number): { ingredient: number; cost: number } | null {
    const others = this.data.substitutes(this.rolled(ingredient));
    return others.find((other) => this.has(other.ingredient)) ?? null;
  }

  survey(): { makeable: number[]; oneAway: Bottle[] } {
    const makeable: number[] = [];
    const byBottle = new Map<number, number[]>();
    if (this.owned.size) {
      for (let recipe = 0; recipe < this.data.count; recipe++) {
        const lacks = this.missing(recipe);
        if (lacks.length === 0) makeable.push(recipe);
        else if (lacks.length === 1) {
          const recipes = byBottle.get(lacks[0]);
          if (recipes) recipes.push(recipe);
          else byBottle.set(lacks[0], [recipe]);
        }
      }
    }
    const oneAway = [...byBottle]
      .map(([ingredient, recipes]) => ({ ingredient, recipes }))
      .sort((a, b) => b.recipes.length - a.recipes.length || a.ingredient - b.ingredient);
    return { makeable, oneAway };
  }
}
