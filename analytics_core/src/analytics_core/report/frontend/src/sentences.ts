// Sentences that the page puts together itself, apart from any view: no swaps, which are published.

import { plural } from "./dom.ts";
import { closeness } from "./nearness.ts";
import type { Substitute } from "./shelf.ts";

const DECLARED = ["", "; a recipe here names it", "; a variant here has it instead"];

/** Up to so many recipes are no evidence to go by. */
const FEW = 3;

/** "Aperol stands in for Campari: close; 7 recipes speak for it." */
export function evidence({ cost, recipes, declared }: Substitute, figures: boolean): string {
  const figure = figures ? ` (${cost.toFixed(2)})` : "";
  const count = plural(recipes, "recipe");
  const few = `, as far as ${count} ${recipes === 1 ? "tells" : "tell"}`;
  const spoken = recipes > FEW ? `; ${count} speak for it` : recipes ? few : "";
  return `${closeness(cost)}${figure}${spoken}${DECLARED[declared]}`;
}

/** "29% alcohol before ice, about 24% in the glass", as far as it is known. */
export function strength(poured: number | null, served: number | null): string {
  if (poured === null) return "";
  if (poured < 0.5) return "no alcohol";
  const inGlass = served === null ? "" : `, about ${served.toFixed(0)}% in the glass`;
  return `${poured.toFixed(0)}% alcohol before ice${inGlass}`;
}

/** "in 252 recipes, none of them by this very name" */
export function usage(total: number, own: number): string {
  if (!total) return "in no recipe";
  const all = own === total;
  if (total === 1) return all ? "in 1 recipe, by this very name" : "in 1 recipe, by another name";
  const some = all ? "all of them" : own ? `${own.toLocaleString("en")} of them` : "none of them";
  return `in ${plural(total, "recipe")}, ${some} by this very name`;
}

/** "4 pairs that hardly differ" */
export function hardlyDiffer(pairs: number): string {
  if (!pairs) return "No two others are nearly the same";
  return `${plural(pairs, "pair")} that hardly ${pairs === 1 ? "differs" : "differ"}`;
}

/** A figure or a setting for people: numbers to four digits, records as words. */
export function figure(value: unknown): string {
  if (value === null || value === undefined) return "not known";
  if (typeof value === "number")
    return Number.isInteger(value)
      ? value.toLocaleString("en")
      : String(Number(value.toPrecision(4)));
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(figure).join(", ") || "none";
  if (typeof value !== "object") return String(value);
  const entries = Object.entries(value);
  return entries.map(([name, of]) => `${name.replace(/_/g, " ")} ${figure(of)}`).join(", ");
}
