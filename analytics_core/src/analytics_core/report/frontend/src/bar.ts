// What the reader owns: kept in the browser, for this database; and the shelf that it makes.

import { bestSets, type Best } from "./bottles";
import type { Data } from "./data";
import {
  isBar,
  isSame,
  keeping,
  recognized,
  rootsOf,
  scope,
  type Kept,
  type KeptBar,
} from "./kept";
import { Shelf, TOLERANCE, type Standing } from "./shelf";
import { isUnsaved, keys, onOtherTab, recall, remember } from "./store";

export class Bar {
  shelf: Shelf;
  /** Kept things that this database does not have. */
  lost: Kept[] = [];
  tolerance: number;
  /** Whether everything that is no bottle counts as there. */
  pantry: boolean;
  private readonly known: { ids: number[]; names: string[] };
  private readonly roots: Kept[];
  private readonly key: string;
  private readonly listeners: ((elsewhere: boolean) => void)[] = [];
  private readonly standings: (Standing | undefined)[] = [];

  constructor(private readonly data: Data) {
    this.known = { ids: data.ingredients.id, names: data.ingredients.name };
    this.roots = rootsOf(this.known, data.roots);
    this.key = `bar.${scope(this.roots)}`;
    this.tolerance = recall(
      "tolerance",
      TOLERANCE,
      (v) => typeof v === "number" && v >= 0 && v <= 1,
    );
    this.pantry = recall("pantry", false, (v) => typeof v === "boolean");
    this.shelf = this.filled(this.read());
    onOtherTab(
      () => this.key,
      () => this.settle(this.read(), true),
    );
  }

  /** `elsewhere` where another tab changed the bar. */
  onChange(listener: (elsewhere: boolean) => void): void {
    this.listeners.push(listener);
  }

  /** What is kept: of this database, or of what it was before it grew. */
  private read(): Set<number> {
    const none: KeptBar = { roots: [], own: [] };
    let kept = recall<KeptBar>(this.key, none, isBar);
    if (kept === none) {
      for (const key of keys("bar.")) {
        const other = recall<KeptBar>(key, none, isBar);
        if (isSame(other.roots, this.roots)) kept = other;
      }
    }
    const { found, lost } = recognized(kept.own, this.known);
    this.lost = lost;
    return new Set(found);
  }

  private filled(owned: Iterable<number>): Shelf {
    return new Shelf(this.data.stock, owned, this.pantry);
  }

  private settle(owned: Iterable<number>, elsewhere = false): void {
    this.shelf = this.filled(owned);
    this.standings.length = 0;
    for (const listener of this.listeners) listener(elsewhere);
  }

  /** Change what is kept, `lost` included, which another tab may have changed meanwhile. */
  private change(edit: (owned: Set<number>) => void): void {
    const owned = this.read();
    edit(owned);
    const own = keeping(owned, this.lost, this.known);
    remember(this.key, { roots: this.roots, own } satisfies KeptBar);
    this.settle(owned);
  }

  /** Whether the browser keeps it for the next visit. */
  get isKept(): boolean {
    return !isUnsaved(this.key);
  }

  get size(): number {
    return this.shelf.size;
  }

  owns(ingredient: number): boolean {
    return this.shelf.owned.has(ingredient);
  }

  has(ingredient: number): boolean {
    return this.shelf.has(ingredient);
  }

  set(ingredient: number, own: boolean): void {
    this.change((owned) => (own ? owned.add(ingredient) : owned.delete(ingredient)));
  }

  /** Tick or untick something that a bottle of another name may stand for. */
  toggle(ingredient: number, own: boolean): void {
    const need = this.data.rolled(ingredient);
    this.change((owned) => {
      if (own) owned.add(ingredient);
      else for (const o of [...owned]) if (this.data.lineage(o).includes(need)) owned.delete(o);
    });
  }

  addAll(ingredients: number[]): void {
    this.change((owned) => ingredients.forEach((ingredient) => owned.add(ingredient)));
  }

  clear(): void {
    this.change((owned) => {
      owned.clear();
      this.lost = [];
    });
  }

  setTolerance(value: number): void {
    this.tolerance = value;
    remember("tolerance", value);
    this.settle(this.shelf.owned);
  }

  setPantry(value: boolean): void {
    this.pantry = value;
    remember("pantry", value);
    this.settle(this.shelf.owned);
  }

  standing(recipe: number): Standing {
    return (this.standings[recipe] ??= this.shelf.standing(recipe, this.tolerance));
  }

  /** Every drink by how it stands; nothing while nothing is owned. */
  survey(): Record<Standing["band"], number[]> {
    const bands: Record<Standing["band"], number[]> = {
      ...{ ready: [], "stand-in": [], "one away": [], far: [] },
    };
    for (let recipe = 0; recipe < this.data.count; recipe++) {
      bands[this.size ? this.standing(recipe).band : "far"].push(recipe);
    }
    return bands;
  }

  /** The drinks that could be made with these too. */
  opened(bottles: number[]): number[] {
    const more = this.filled([...this.shelf.owned, ...bottles]);
    return this.data.recipes.id
      .map((_, recipe) => recipe)
      .filter((recipe) => this.shelf.lacks(recipe).length && !more.lacks(recipe).length);
  }

  /** The best bottles to buy, found off the main thread where there is another. */
  async best(top: number): Promise<Best[][]> {
    const { bottles, question } = this.shelf.question();
    const found = await aside(question, top);
    return found.map((sets) =>
      sets.map((set) => ({ ...set, bottles: set.bottles.map((i) => bottles[i]) })),
    );
  }
}

let worker: Worker | null | undefined;

/** The page's policy lets it make one kind of script: a worker of the page's own text. */
function hire(): Worker | null {
  try {
    const text = `const best=${bestSets.toString()};onmessage=(e)=>postMessage(best(...e.data))`;
    const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const types = (window as { trustedTypes?: { createPolicy: Function } }).trustedTypes;
    const policy = types?.createPolicy("atlas-worker", {
      createScriptURL: (url: string) => (url === address ? url : ""),
    });
    return new Worker(policy ? policy.createScriptURL(address) : address);
  } catch {
    return null; // some browsers have none for pages opened from disk
  }
}

let latest = Promise.resolve<unknown>(null);

function aside(question: Parameters<typeof bestSets>[0], top: number): Promise<Best[][]> {
  const ask = () =>
    new Promise<Best[][]>((done) => {
      if (worker === undefined) worker = hire();
      if (!worker) {
        done(bestSets(question, top));
        return;
      }
      worker.onmessage = (event: MessageEvent<Best[][]>) => done(event.data);
      worker.onerror = (event) => {
        event.preventDefault();
        worker = null;
        done(bestSets(question, top));
      };
      worker.postMessage([question, top]);
    });
  const answer = latest.then(ask);
  latest = answer;
  return answer;
}
