// Pieces that several views share.

import type { Context } from "./context";
import { csv, type Cell } from "./csv";
import type { Line, Neighbor } from "./data";
import { distance, written } from "./amounts";
import { h, named, plural, s, shorten, type Child } from "./dom";
import { nearness } from "./nearness";
import * as sentences from "./sentences";
import type { Substitute } from "./shelf";
import { recall, remember } from "./store";
import { to } from "./route";
import { icon } from "./shapes";

export function mark({ scheme }: Context, recipe: number): SVGElement {
  const { categories, of } = scheme();
  const category = categories[of[recipe]];
  return icon(category.shape, category.color);
}

/** A drink's name as a link; pointing at it marks it on the map. */
export function drinkLink(context: Context, recipe: number, ...more: Child[]): HTMLAnchorElement {
  return h(
    "a",
    {
      class: "drink",
      href: to.drink(context.data.recipes.id[recipe]),
      onpointerenter: () => context.point(recipe),
      onpointerleave: () => context.point(null),
      onfocus: () => context.point(recipe),
      onblur: () => context.point(null),
    },
    mark(context, recipe),
    named(context.data.name(recipe)),
    more,
  );
}

/** The ingredients of a drink in one line of text. */
export function summary({ data }: Context, recipe: number): HTMLElement {
  const names = data.lines(recipe).map((line) => data.ingredient(line.ingredient));
  return h(
    "span",
    { class: "summary" },
    names.flatMap((name, i) => [i > 0 && ", ", named(name)]),
  );
}

/** What must not begin a line. */
const CLINGS = /^[;,.]/;

/** "Swap 1 oz Campari for Aperol; Gin stays.", as published; nothing where nothing is. */
export function swaps({ data }: Context, neighbor: Neighbor): HTMLElement | null {
  if (!neighbor.words.length) return null;
  const fragments = [...neighbor.words, "."];
  const children: Child[] = fragments.map((fragment, i) => {
    if (typeof fragment === "string") {
      return typeof fragments[i - 1] === "number" ? fragment.replace(CLINGS, "") : fragment;
    }
    const name = named(data.ingredient(fragment), "strong");
    const sign = CLINGS.exec(String(fragments[i + 1]));
    return sign ? h("span", { class: "clings" }, name, sign[0]) : name;
  });
  return h("p", { class: "swaps" }, children);
}

/** What is published from one drink to the other, or else on the way back. */
export function published({ data }: Context, from: number, to: number) {
  const there = data.neighbor(from, to);
  const neighbor = there ?? data.neighbor(to, from);
  return neighbor && { neighbor, back: !there };
}

/** What to change between two drinks, in words. */
export function stepsBetween(context: Context, from: number, to: number): Child {
  const found = published(context, from, to);
  return (
    found && [
      found.back &&
        h("p", { class: "note" }, "The other way round, from ", named(context.data.name(to)), ":"),
      swaps(context, found.neighbor),
    ]
  );
}

/** The same in one cell. */
export function saidBetween(context: Context, from: number, to: number): string {
  const found = published(context, from, to);
  const said = found ? context.data.said(found.neighbor) : "";
  return said && found?.back ? `The other way round, from ${context.data.name(to)}: ${said}` : said;
}

/** What a recipe itself calls something that it needs: Cointreau, where triple sec would do. */
export function calledIn({ data }: Context, recipe: number, need: number): number {
  return data.contents(recipe).find((own) => data.rolled(own) === need) ?? need;
}

/** How a drink stands with the bar, in a few words. */
export function readiness(context: Context, recipe: number): HTMLElement | null {
  const { bar, data } = context;
  if (!bar.size) return null;
  const standing = bar.standing(recipe);
  switch (standing.band) {
    case "ready":
      return h("span", { class: "badge ready" }, "✓ makeable now");
    case "stand-in":
      return h(
        "span",
        { class: "badge ready" },
        "✓ with ",
        named(data.ingredient(standing.by.ingredient)),
        " for ",
        named(data.ingredient(calledIn(context, recipe, standing.lacks[0]))),
      );
    case "one away":
      return h(
        "span",
        { class: "badge near" },
        "needs ",
        named(data.ingredient(calledIn(context, recipe, standing.lacks[0]))),
      );
    case "far":
      return h("span", { class: "badge" }, `needs ${standing.lacks.length} more things`);
  }
}

/** How well something stands in, and who says so. */
export const evidence = (by: Substitute) => sentences.evidence(by, numbers());

export function numbers(): boolean {
  return recall("numbers", false, (value) => typeof value === "boolean");
}

/** A distance in words, and in figures for who wants them. */
export function apart({ data }: Context, value: number): HTMLElement {
  const figure = distance(value);
  return h(
    "span",
    { class: "distance", title: `Distance ${figure}; 0 is the same mix` },
    nearness(value, data.unit),
    numbers() && ` · ${figure}`,
  );
}

/** Whether distances are shown as figures too. */
export function numbersSwitch(context: Context): HTMLElement {
  return h(
    "label",
    { class: "switch" },
    h("input", {
      type: "checkbox",
      checked: numbers(),
      "data-own": "numbers",
      onchange: (event) => {
        remember("numbers", (event.target as HTMLInputElement).checked);
        context.refresh();
      },
    }),
    " figures",
  );
}

/** Save text as a file of the reader's. */
export function save(name: string, content: Blob): void {
  const link = h("a", { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A button that saves a list for a spreadsheet; its first row names the columns. */
export function csvButton(name: string, rows: () => Cell[][]): HTMLElement {
  const file = () => new Blob(["\ufeff", csv(rows())], { type: "text/csv" });
  return h(
    "button",
    {
      type: "button",
      class: "quiet small csv",
      onclick: () => save(`${shorten(name, 80)}.csv`, file()),
    },
    "CSV",
    h("span", { class: "unseen" }, ` of ${shorten(name, 80)}`),
  );
}

/** What is poured, in one cell. */
export function recipeCell({ data }: Context, recipe: number): string {
  const line = (l: Line) => `${written(l)} ${data.ingredient(l.ingredient)}`;
  return data.lines(recipe).map(line).join("; ");
}

/** A list of drinks for a spreadsheet. */
export function drinksCsv(context: Context, name: string, recipes: () => number[]): HTMLElement {
  const { id, name: title } = context.data.recipes;
  return csvButton(name, () => [
    ["id", "drink", "recipe"],
    ...recipes().map((recipe) => [id[recipe], title[recipe], recipeCell(context, recipe)]),
  ]);
}

/** A list's heading, and the list for a spreadsheet. */
export function listHead(text: Child, button: Child): HTMLElement {
  return h("div", { class: "row between" }, h("h2", { tabindex: -1 }, text), button);
}

/** A drink as an item of a list: its name, how it stands, what is in it. */
export function entry(context: Context, recipe: number, ...more: Child[]): HTMLElement {
  return h("div", { class: "result" }, drinkLink(context, recipe), summary(context, recipe), more);
}

/** How far lists were opened, kept with the visit: on the way back they are as long again. */
export const opened: { kept: Record<string, unknown> } = { kept: {} };

/** Items that a list opens for at once. */
const MORE = 200;

/** A list that shows its first items and opens for the rest. */
export function longList(
  items: (() => HTMLElement)[],
  first = 24,
  one = "drink",
  many = `${one}s`,
): HTMLElement {
  const list = h("ul", { class: "plain" });
  const key = `list ${many} ${first} ${items.length}`;
  const before = opened.kept[key];
  let shown = 0;
  const more = h("button", { type: "button", class: "quiet", onclick: open });
  const box = h("div", {}, list, more);
  function extend(by: number): void {
    for (const make of items.slice(shown, shown + by)) list.append(h("li", {}, make()));
    shown = Math.min(items.length, shown + by);
    const left = items.length - shown;
    more.hidden = left === 0;
    more.textContent = `Show ${plural(Math.min(left, MORE), `more ${one}`, `more ${many}`)}`;
    if (shown > first) opened.kept[key] = shown;
  }
  /** The button moves on, or hides: the keyboard goes to what came. */
  function open(): void {
    const from = shown;
    extend(MORE);
    list.children[from].querySelector<HTMLElement>("a, button, summary")?.focus();
  }
  extend(typeof before === "number" ? before : first);
  return box;
}

/** When the figures are from, and from what. */
export function provenance({ data }: Context): string {
  const { generated_at: at, database } = data.manifest;
  const when = at ? `run of ${date(at)}` : "an undated run";
  return `From the ${when}, ${plural(database?.recipes ?? data.count, "recipe")}`;
}

export function date(text: string): string {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return text;
  return at.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
}

export function age(text: string): string {
  const seconds = (Date.now() - new Date(text).getTime()) / 1000;
  if (!Number.isFinite(seconds)) return "at an unknown time";
  const steps: [number, string][] = [
    [86_400 * 365, "year"],
    [86_400 * 30, "month"],
    [86_400, "day"],
    [3_600, "hour"],
    [60, "minute"],
  ];
  for (const [size, unit] of steps) {
    if (seconds >= size) return `${plural(Math.floor(seconds / size), unit)} ago`;
  }
  return "just now";
}

/** A horizontal bar for a figure beside it; the figure itself is text. */
export function meter(share: number): SVGElement {
  return s(
    "svg",
    { class: "meter", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("rect", { class: "track", width: 100, height: 6 }),
    s("rect", { class: "fill", width: Math.max(0.5, Math.min(100, share * 100)), height: 6 }),
  );
}

let counter = 0;
export function uniqueId(prefix: string): string {
  return `${prefix}-${++counter}`;
}
