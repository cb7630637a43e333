// What the points' colors and shapes mean.

import type { Bar } from "./bar";
import type { Data } from "./data";
import type { Standing } from "./shelf";
import { SHAPES, type ShapeName } from "./shapes";
import { isDark } from "./theme";

export type SchemeKind = "base" | "family" | "count" | "strength" | "served" | "bar";

export const SCHEME_NAMES: Record<SchemeKind, string> = {
  base: "Base spirit",
  family: "Family",
  count: "Ingredients",
  strength: "Strength before ice",
  served: "Strength in the glass",
  bar: "My bar",
};

export interface Category {
  label: string;
  color: string;
  shape: ShapeName;
  count: number;
}

export interface Scheme {
  kind: SchemeKind;
  categories: Category[];
  /** The category of each recipe. */
  of: Uint8Array;
}

// After Okabe and Ito, with a darker yellow and sky on paper; the last is for all others.
const LIGHT = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#b8559a",
  "#e08e00",
  "#3d9bd6",
  "#8c7a00",
  "#5b4a8a",
];
const DARK = [
  "#4aa8e8",
  "#ff7f3f",
  "#1fc79a",
  "#e58fc4",
  "#ffb52e",
  "#9ad7ff",
  "#f0e442",
  "#b9a7ee",
];
const OTHER = { light: "#8a8177", dark: "#8f8a86" };
// Steps of cividis, which reads the same for every kind of color vision.
const STEPS_LIGHT = ["#c9a800", "#9c8f5a", "#7b7c7a", "#56667d", "#31507f", "#00305f"];
const STEPS_DARK = ["#5a78a8", "#7f93ad", "#a3a5a0", "#c3b673", "#e6ca3f", "#fff06a"];

function color(index: number, last: boolean): string {
  const dark = isDark();
  if (last) return dark ? OTHER.dark : OTHER.light;
  return (dark ? DARK : LIGHT)[index % LIGHT.length];
}

/** The most frequent values get a color each; the rest share one. */
function ranked(kind: SchemeKind, values: number[], label: (value: number) => string): Scheme {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const order = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const shown = order.length > LIGHT.length + 1 ? order.slice(0, LIGHT.length) : order;
  const place = new Map(shown.map(([value], index) => [value, index]));
  const categories: Category[] = shown.map(([value, count], index) => ({
    label: label(value),
    color: color(index, index >= LIGHT.length),
    shape: SHAPES[index % SHAPES.length],
    count,
  }));
  const rest = order.slice(shown.length).reduce((sum, [, count]) => sum + count, 0);
  if (rest) {
    categories.push({ label: "Others", color: color(0, true), shape: "ring", count: rest });
  }
  const of = Uint8Array.from(values, (value) => place.get(value) ?? shown.length);
  return { kind, categories, of };
}

function byCount(data: Data): Scheme {
  const dark = isDark();
  const labels = ["1 or 2", "3", "4", "5", "6", "7 and more"];
  const of = Uint8Array.from({ length: data.count }, (_, recipe) =>
    Math.min(5, Math.max(0, data.size(recipe) - 2)),
  );
  const counts = new Array<number>(labels.length).fill(0);
  for (const step of of) counts[step]++;
  const categories = labels.map((label, index) => ({
    label,
    color: (dark ? STEPS_DARK : STEPS_LIGHT)[index],
    shape: SHAPES[index],
    count: counts[index],
  }));
  return { kind: "count", categories, of };
}

/** By how strong a drink is, in percent by volume. */
function byStrength(kind: "strength" | "served", data: Data): Scheme {
  const dark = isDark();
  const limits = [1, 10, 15, 20, 25];
  const labels = [
    "Without alcohol",
    "Under 10%",
    "10 to 15%",
    "15 to 20%",
    "20 to 25%",
    "25% and more",
  ];
  const steps = dark ? STEPS_DARK : STEPS_LIGHT;
  const of = Uint8Array.from({ length: data.count }, (_, recipe) => {
    const strength = data.strength(recipe, kind === "served");
    return strength === null ? 6 : limits.filter((limit) => strength >= limit).length;
  });
  const categories = [...labels, "Not known"].map((label, index) => ({
    label,
    color: steps[index] ?? (dark ? OTHER.dark : OTHER.light),
    shape: SHAPES[index],
    count: of.reduce((sum, step) => sum + Number(step === index), 0),
  }));
  return { kind, categories, of };
}

const BANDS: Standing["band"][] = ["ready", "stand-in", "one away", "far"];

function byBar(data: Data, bar: Bar): Scheme {
  const of = Uint8Array.from({ length: data.count }, (_, recipe) =>
    bar.size ? BANDS.indexOf(bar.standing(recipe).band) : 3,
  );
  const counts = [0, 0, 0, 0];
  for (const step of of) counts[step]++;
  const labels = ["Makeable now", "With a stand-in", "One thing away", "Further away"];
  const shapes: ShapeName[] = ["star", "diamond", "triangle", "ring"];
  const colors = [color(2, false), color(0, false), color(4, false), color(0, true)];
  const categories = labels.map((label, index) => ({
    label,
    color: colors[index],
    shape: shapes[index],
    count: counts[index],
  }));
  return { kind: "bar", categories, of };
}

export function scheme(kind: SchemeKind, data: Data, bar: Bar): Scheme {
  switch (kind) {
    case "base":
      return ranked(kind, data.recipes.base, (value) =>
        value < 0 ? "Without alcohol" : data.ingredient(value),
      );
    case "family":
      return ranked(kind, data.recipes.family, (value) => data.familyName(value));
    case "count":
      return byCount(data);
    case "strength":
    case "served":
      return byStrength(kind, data);
    case "bar":
      return byBar(data, bar);
  }
}
