// A transport plan in words: which ingredient becomes which, and what stays.

import { ml } from "./amounts";
import type { Data, Flow } from "./data";
import { h, listed, named, type Child } from "./dom";

/** Below this share of the drink a move is a nuance, not a swap. */
const NUANCE = 0.012;

export interface Swap {
  kind: "swap" | "shift" | "part";
  source: number;
  /** Millilitres of the first drink, and what they become. */
  ml: number;
  targets: { ingredient: number; ml: number }[];
}

export interface Story {
  swaps: Swap[];
  stays: number[];
  nuances: number;
}

export function story(data: Data, from: number, to: number, plan: Flow[]): Story {
  const ours = data.mixture(from);
  const theirs = data.mixture(to);
  const volume = data.volume(from) || 100;
  const bySource = new Map<number, Flow[]>();
  let nuances = 0;
  for (const flow of plan) {
    if (flow.mass < NUANCE && flow.mass < 0.5 * (ours.get(flow.source) ?? 0)) nuances++;
    else bySource.set(flow.source, [...(bySource.get(flow.source) ?? []), flow]);
  }
  const swaps: Swap[] = [];
  for (const [source, flows] of bySource) {
    const gone = !theirs.has(source);
    const groups: [Swap["kind"], Flow[]][] = gone
      ? [["swap", flows]]
      : [
          ["shift", flows.filter((flow) => ours.has(flow.target))],
          ["part", flows.filter((flow) => !ours.has(flow.target))],
        ];
    for (const [kind, members] of groups) {
      if (!members.length) continue;
      const sorted = [...members].sort((a, b) => b.mass - a.mass);
      swaps.push({
        kind,
        source,
        ml: sorted.reduce((sum, flow) => sum + flow.mass, 0) * volume,
        targets: sorted.map((flow) => ({ ingredient: flow.target, ml: flow.mass * volume })),
      });
    }
  }
  swaps.sort((a, b) => b.ml - a.ml);
  const stays = [...ours]
    .filter(([ingredient]) => theirs.has(ingredient))
    .sort((a, b) => b[1] - a[1])
    .map(([ingredient]) => ingredient);
  return { swaps, stays, nuances };
}

function amount(volume: number): Child {
  return h("span", { class: "ml" }, ml(volume));
}

function sentence(data: Data, swap: Swap): Child[] {
  const name = (index: number) => named(data.ingredient(index), "strong");
  const several = swap.targets.length > 1;
  const targets = listed(
    swap.targets.map((target) => [several && [amount(target.ml), " "], name(target.ingredient)]),
  );
  if (swap.kind === "swap") {
    return ["swap ", amount(swap.ml), " ", name(swap.source), " for ", targets];
  }
  if (swap.kind === "part") {
    return ["swap ", amount(swap.ml), " of the ", name(swap.source), " for ", targets];
  }
  return ["pour ", amount(swap.ml), " less ", name(swap.source), " and more ", targets];
}

/** "Swap 45 ml gin for bourbon; sweet vermouth and Campari stay." */
export function words(data: Data, tale: Story, limit = 3): HTMLElement {
  const shown = tale.swaps.slice(0, limit);
  const rest = tale.swaps.length - shown.length + tale.nuances;
  const parts: Child[] = shown.flatMap((swap, i) => [i > 0 && "; ", sentence(data, swap)]);
  if (!tale.swaps.length) parts.push(tale.nuances ? "only nuances differ" : "the same drink by its measures");
  else if (rest > 0) parts.push(`; and ${rest} smaller ${rest === 1 ? "change" : "changes"}`);
  const stays = tale.stays.slice(0, 3).map((index) => named(data.ingredient(index)));
  const more = tale.stays.length - stays.length;
  if (stays.length) {
    parts.push(
      "; ",
      h(
        "span",
        { class: "stays" },
        listed(more > 0 ? [...stays, `${more} more`] : stays),
        tale.stays.length === 1 ? " stays" : " stay",
      ),
    );
  }
  return h("p", { class: "swaps" }, parts, ".");
}
