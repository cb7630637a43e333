// Search: drinks by their names and by what is in them, ingredients by their names.

import MiniSearch, { type SearchResult } from "minisearch";
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

type Hit = Pick<SearchResult, "id" | "terms">;

const PREFIX = 0.6;
const FUZZY = 0.4;
const NAME = 2;
/** A drink with London dry gin is one with gin, and nearer to that than one named after ginger. */
const ABOVE = 0.95;
const JOINING = new Set(["and", "with", "plus"]);
const OR = "or";
/** Shorter words are other words with a letter changed, and no spelling of the same. */
const SPELLED = 5;

/** "maitai" for Mai Tai. */
const unspaced = (name: string) => name.replace(/ /g, "");

/** Words between "or", each list by itself. */
function choices(all: string[]): string[][] {
  const found: string[][] = [[]];
  for (const word of all) {
    if (word === OR) found.push([]);
    else found.at(-1)!.push(word);
  }
  return found.filter((choice) => choice.length);
}

/** What has to be there, word by word, each by any of its choices: "gin or rum lime". */
function wanted(all: string[]): string[][][] {
  const found: string[][][] = [];
  all.forEach((word, i) => {
    if (word === OR) return;
    if (i && all[i - 1] === OR && found.length) found.at(-1)!.push([word]);
    else found.push([[word]]);
  });
  return found;
}

function indexed(names: string[]): MiniSearch<Named> {
  const index = new MiniSearch<Named>({
    fields: ["name"],
    tokenize: (text) => text.split(" "),
    processTerm: (term) => term || null,
  });
  index.addAll(names.map((name, id) => ({ id, name })));
  return index;
}

export class Finding {
  private readonly drinks: MiniSearch<Named>;
  private readonly kinds: MiniSearch<Named>;
  private readonly folded: string[];
  /** What each index has, without blanks: indexed too, it would take twice the time. */
  private readonly joined: Map<MiniSearch<Named>, string[]>;
  private readonly inside: number[][];
  private readonly exact = new Map<string, number>();
  private readonly exactKind = new Map<string, number>();

  constructor(private readonly of: Searchable) {
    const plain = (name: string) => words(name).join(" ");
    this.folded = of.names.map(plain);
    const kinds = of.ingredients.map(plain);
    this.drinks = indexed(this.folded);
    this.kinds = indexed(kinds);
    this.joined = new Map([
      [this.drinks, this.folded.map(unspaced)],
      [this.kinds, kinds.map(unspaced)],
    ]);
    this.folded.forEach((name, i) => this.exact.has(name) || this.exact.set(name, i));
    const joined = this.joined.get(this.drinks)!;
    joined.forEach((name, i) => this.exact.has(name) || this.exact.set(name, i));
    kinds.forEach((name, i) => this.exactKind.set(name, i));
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

  /** Whisky is whiskey too; but cherry is no sherry, and gin no typing error for "gun". */
  private spelled(index: MiniSearch<Named>, token: string): Hit[] {
    const fuzzy = token.length >= SPELLED && !this.exactKind.has(token) && 1;
    const found: Hit[] = index
      .search(token, { prefix: true, fuzzy })
      .filter(({ terms }) => terms.some((term) => term[0] === token[0]));
    if (found.length || token.length < SPELLED) return found;
    return this.joined
      .get(index)!
      .flatMap((name, id) => (name.startsWith(token) ? [{ id, terms: [name] }] : []));
  }

  /** How well each name fits words that all have to be in it. */
  private hits(index: MiniSearch<Named>, tokens: string[]): Map<number, number> {
    let all: Map<number, number> | null = null;
    for (const token of tokens) {
      let found = this.spelled(index, token);
      // a typing error only where nothing of either sort is found
      if (!found.length && token.length > 3) {
        const other = index === this.drinks ? this.kinds : this.drinks;
        if (!this.spelled(other, token).length)
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
    const all = words(query);
    let items = parts.length > 1 ? parts.map(choices) : wanted(all.filter((w) => !JOINING.has(w)));
    items = items.filter((item) => item.length);
    if (!items.length) items = all.map((word) => [[word]]);
    const found = this.every(items.map((item) => this.any(item.map((one) => this.scores(one)))));
    const count = all.length;
    const named = count > 1 ? this.hits(this.drinks, all) : new Map<number, number>();
    for (const [recipe, score] of found) {
      const name = this.folded[recipe];
      // "whisky sour" spells out the whole name of a drink, if in another way
      const spelled = named.has(recipe) && name.split(" ").length === count;
      const bonus =
        name === whole || unspaced(name) === whole
          ? 100
          : name.startsWith(`${whole} `)
            ? 4
            : spelled
              ? 2
              : 0;
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

  /** The best score by any. */
  private any(found: Map<number, number>[]): Map<number, number> {
    if (found.length === 1) return found[0];
    const all = new Map<number, number>();
    for (const [recipe, score] of found.flatMap((scores) => [...scores])) {
      all.set(recipe, Math.max(score, all.get(recipe) ?? 0));
    }
    return all;
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
