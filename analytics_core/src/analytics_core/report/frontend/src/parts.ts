// Pieces that several views share.

import type { Context } from "./context";
import type { Neighbor } from "./data";
import { h, named, plural, s, type Child } from "./dom";
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

/** Whether the bar suffices, in a few words. */
export function readiness({ bar, data }: Context, recipe: number): HTMLElement | null {
  if (!bar.size) return null;
  const lacks = bar.missing(recipe);
  if (!lacks.length) return h("span", { class: "badge ready" }, "✓ makeable now");
  if (lacks.length === 1) {
    return h("span", { class: "badge near" }, "needs ", named(data.ingredient(lacks[0])));
  }
  return h("span", { class: "badge" }, `needs ${lacks.length} bottles`);
}

/** A list that shows its first items and opens for the rest. */
export function longList(items: (() => HTMLElement)[], first = 24, label = "drinks"): HTMLElement {
  const list = h("ul", { class: "plain" });
  let shown = 0;
  const more = h("button", { type: "button", class: "quiet", onclick: () => extend(200) });
  const box = h("div", {}, list, more);
  function extend(by: number): void {
    for (const make of items.slice(shown, shown + by)) list.append(h("li", {}, make()));
    shown = Math.min(items.length, shown + by);
    const left = items.length - shown;
    more.hidden = left === 0;
    more.textContent = `Show ${left > 200 ? "200" : left} more ${label}`;
  }
  extend(first);
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
