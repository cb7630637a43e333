// Amounts as a bartender writes them.

import type { Line } from "./data";

const FRACTIONS: [number, string][] = [
  [0, ""],
  [1 / 8, "⅛"],
  [1 / 4, "¼"],
  [1 / 3, "⅓"],
  [3 / 8, "⅜"],
  [1 / 2, "½"],
  [5 / 8, "⅝"],
  [2 / 3, "⅔"],
  [3 / 4, "¾"],
  [7 / 8, "⅞"],
  [1, ""],
];
const SHORT: Record<string, string> = {
  ounce: "oz",
  tablespoon: "tbsp",
  teaspoon: "tsp",
  barspoon: "barspoon",
  milliliter: "ml",
  millilitre: "ml",
  centiliter: "cl",
  centilitre: "cl",
  each: "",
};

/** 1.5 as "1½"; what is no usual fraction, as decimals. */
export function fraction(value: number): string {
  const whole = Math.floor(value);
  const rest = value - whole;
  for (const [size, sign] of FRACTIONS) {
    if (Math.abs(rest - size) < 0.012) {
      const integer = size === 1 ? whole + 1 : whole;
      return integer ? `${integer.toLocaleString("en")}${sign}` : sign || "0";
    }
  }
  return value.toLocaleString("en", { maximumFractionDigits: 2 });
}

/** Whether a unit counts milliliters, which take decimals and no second measure beside them. */
export function isMetric(unit: string | null): boolean {
  return /^([mcd]l|(milli|centi|deci)lit(er|re)s?)$/i.test((unit ?? "").trim());
}

/** "1½ oz", "52.5 ml", "2 dashes", "to top". */
export function written(line: Line): string {
  const unit = line.unit ?? "";
  const low = unit.toLowerCase();
  if (low === "to top" || low === "to rinse") return low;
  if (line.amount === null) return unit || "some";
  const short = SHORT[low.replace(/s$/, "")] ?? low;
  const many = line.amount > 1 && /^(dash|drop|barspoon)$/.test(short);
  const word = many ? (short === "dash" ? "dashes" : `${short}s`) : short;
  const amount = isMetric(unit)
    ? line.amount.toLocaleString("en", { maximumFractionDigits: 2 })
    : fraction(line.amount);
  return `${amount} ${word}`.trim();
}

/** Milliliters, rounded to what a jigger can do. */
export function ml(volume: number): string {
  if (volume < 0.95) return "a dash of";
  const rounded = volume < 10 ? Math.round(volume * 2) / 2 : Math.round(volume);
  return `${rounded.toLocaleString("en")} ml`;
}

export function percent(share: number): string {
  const value = share * 100;
  return value > 0 && value < 1 ? "<1%" : `${Math.round(value)}%`;
}

/** Distances to two digits that matter. */
export function distance(value: number): string {
  return value.toFixed(value < 0.0995 ? 3 : 2);
}
