// Search: drinks by their names and by what is in them, ingredients by their names.

import MiniSearch from "minisearch";
import { fold, words } from "./fold.ts";

export interface Searchable {
  names: string[];
  ingredients: string[];
  /** What a recipe's lines name. */
  contents(recipe: number): number[];
  /** An ingredient and everything above it. */
  lineage(ingredient: number): number[];
  /** In how many recipes an ingredient or anything below it is. */
  total: number[];
}

interface Named {
  id: number;
  name: string;
}

const PREFIX = 0.6;
const FUZZY = 0.4;
const NAME = 2;
/** A drink with London dry gin is one with gin, and nearer to that than one named after ginger. */
const ABOVE = 0.95;
const JOINING = new Set(["and", "with", "plus", "or"]);

function indexed(names: string[]): MiniSearch<Named> {
  const index = new MiniSearch<Named>({
    fields: ["name"],
    tokenize: (text) => text.split(" "),
    processTerm: (term) => term || null,
  });
  index.addAll(names.map((name, id) => ({ id, name: words(name).join(" ") })));
  return index;
}

export class Finding {
  private readonly drinks: MiniSearch<Named>;
  private readonly kinds: MiniSearch<Named>;
  private readonly folded: string[];
  private readonly inside: number[][];
  private readonly exact = new Map<string, number>();
  private readonly exactKind = new Map<string, number>();

  constructor(private readonly of: Searchable) {
    this.drinks = indexed(of.names);
    this.kinds = indexed(of.ingredients);
    this.folded = of.names.map((name) => words(name).join(" "));
    this.folded.forEach((name, i) => this.exact.has(name) || this.exact.set(name, i));
    of.ingredients.forEach((name, i) => this.exactKind.set(words(name).join(" "), i));
    this.inside = of.ingredients.map(() => []);
    of.names.forEach((_, recipe) => {
      for (const ingredient of new Set(of.contents(recipe))) this.inside[ingredient].push(recipe);
    });
  }

  /** The drink, or else the ingredient, of exactly this name. */
  named(query: string): { recipe?: number; ingredient?: number } {
    const whole = words(query).join(" ");
    return { recipe: this.exact.get(whole), ingredient: this.exactKind.get(whole) };
  }

  /** How well each name fits words that all have to be in it. */
  private hits(index: MiniSearch<Named>, tokens: string[]): Map<number, number> {
    let all: Map<number, number> | null = null;
    for (const token of tokens) {
      let found = index.search(token, { prefix: true });
      // only where nothing else is found: "gin" is no typing error for "gun"
      if (!found.length && token.length > 3) {
        found = index.search(token, { fuzzy: token.length > 5 ? 2 : 1, prefix: false });
      }
      const scores = new Map<number, number>();
      for (const { id, terms } of found) {
        const fit = Math.max(
          ...terms.map((term) =>
            term === token
              ? 1
              : term.startsWith(token)
                ? PREFIX * (0.5 + (0.5 * token.length) / term.length)
                : FUZZY,
          ),
        );
        const before = all ? all.get(id as number) : 0;
        if (before !== undefined) scores.set(id as number, before + fit);
      }
      all = scores;
    }
    return all ?? new Map<number, number>();
  }

  /** Drinks whose names or ingredients hold every word; with commas, every part. */
  drinksWith(query: string): number[] {
    const whole = words(query).join(" ");
    if (!whole) return [];
    const parts = query
      .split(/[,;、，]/)
      .map(words)
      .filter((part) => part.length);
    const loose = words(query).filter((word) => !JOINING.has(word));
    const items = parts.length > 1 ? parts : (loose.length ? loose : words(query)).map((w) => [w]);
    const found = this.every(items.map((item) => this.scores(item)));
    for (const [recipe, score] of found) {
      const name = this.folded[recipe];
      const bonus = name === whole ? 100 : name.startsWith(`${whole} `) ? 4 : 0;
      if (bonus) found.set(recipe, score + bonus);
    }
    // of equals those of fewer things come first: they hold little else than what was asked for
    const size = (recipe: number) => this.of.contents(recipe).length;
    const length = (recipe: number) => this.folded[recipe].length;
    return [...found]
      .map(([recipe, score]) => ({ recipe, score, size: size(recipe), length: length(recipe) }))
      .sort((a, b) => b.score - a.score || a.size - b.size || a.length - b.length)
      .map(({ recipe }) => recipe);
  }

  private scores(item: string[]): Map<number, number> {
    const scores = new Map<number, number>();
    const raise = (recipe: number, score: number) => {
      if (score > (scores.get(recipe) ?? 0)) scores.set(recipe, score);
    };
    for (const [recipe, fit] of this.hits(this.drinks, item)) raise(recipe, NAME * fit);
    const fits = this.hits(this.kinds, item);
    if (this.exactKind.has(item.join(" "))) {
      // who says gin has named an ingredient, and asks for no drink with ginger beer
      for (const [kind, fit] of fits) if (fit < item.length) fits.delete(kind);
    }
    if (fits.size) {
      this.inside.forEach((recipes, ingredient) => {
        if (!recipes.length) return;
        let best = 0;
        for (const at of this.of.lineage(ingredient)) {
          const fit = (fits.get(at) ?? 0) * (at === ingredient ? 1 : ABOVE);
          if (fit > best) best = fit;
        }
        if (best) for (const recipe of recipes) raise(recipe, best);
      });
    }
    return scores;
  }

  private every(found: Map<number, number>[]): Map<number, number> {
    const [first, ...others] = [...found].sort((a, b) => a.size - b.size);
    const all = new Map<number, number>();
    for (const [recipe, score] of first ?? []) {
      let sum = score;
      for (const other of others) sum += other.get(recipe) ?? NaN;
      if (!Number.isNaN(sum)) all.set(recipe, sum);
    }
    return all;
  }

  ingredients(query: string, limit: number): number[] {
    const whole = fold(query);
    const found = this.hits(this.kinds, words(query));
    const { total, ingredients } = this.of;
    const rank = (i: number) => {
      const name = fold(ingredients[i]);
      return (name === whole ? 10 : name.startsWith(whole) ? 0.2 : 0) + (found.get(i) ?? 0);
    };
    return [...found.keys()]
      .sort((a, b) => rank(b) - rank(a) || total[b] - total[a] || a - b)
      .slice(0, limit);
  }
}
