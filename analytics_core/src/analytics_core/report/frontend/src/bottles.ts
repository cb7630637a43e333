// The best bottles to buy. The function stands on its own: its text runs in a worker.

import type { Question } from "./shelf.ts";

export interface Best {
  bottles: number[];
  drinks: number;
}

/**
 * The sets of one, two and three bottles that open most drinks, `top` of each size, by trying all.
 * A larger set is listed only if it opens more than every smaller one.
 */
export function bestSets({ gives, groups }: Question, top: number): Best[][] {
  const size = 1 + Math.max(-1, ...gives.flat(), ...groups.flatMap((group) => group.lacks));
  const givers: number[][] = Array.from({ length: size }, () => []);
  const holds = gives.map((needs, bottle) => {
    const row = new Uint8Array(size);
    for (const need of needs) {
      row[need] = 1;
      givers[need].push(bottle);
    }
    return row;
  });
  const open = groups.filter(({ lacks }) => lacks.every((need) => givers[need].length));
  const best: Best[][] = [[], [], []];
  const gain = new Uint32Array(gives.length);
  const keep = (list: Best[], bottles: number[], drinks: number) => {
    if (list.length === top && list[top - 1].drinks >= drinks) return;
    const at = list.findIndex((other) => other.drinks < drinks);
    list.splice(at < 0 ? list.length : at, 0, { bottles, drinks });
    if (list.length > top) list.pop();
  };
  /** Try every bottle beside those chosen. */
  const extend = (chosen: number[], from: number) => {
    gain.fill(0);
    let sure = 0;
    for (const { lacks, count } of open) {
      let first = -1;
      let rest: number[] | null = null;
      for (const need of lacks) {
        if (chosen.some((bottle) => holds[bottle][need])) continue;
        if (first < 0) first = need;
        else (rest ??= []).push(need);
      }
      if (first < 0) sure += count;
      else {
        for (const bottle of givers[first]) {
          if (bottle >= from && (!rest || rest.every((need) => holds[bottle][need]))) {
            gain[bottle] += count;
          }
        }
      }
    }
    const list = best[chosen.length];
    for (let bottle = from; bottle < gain.length; bottle++) {
      if (sure + gain[bottle]) keep(list, [...chosen, bottle], sure + gain[bottle]);
    }
  };
  extend([], 0);
  for (let a = 0; a < gives.length; a++) extend([a], a + 1);
  for (let a = 0; a < gives.length; a++) {
    for (let b = a + 1; b < gives.length; b++) extend([a, b], b + 1);
  }
  let most = 0;
  return best.map((list) => {
    const kept = list.filter((set) => set.drinks > most);
    most = Math.max(most, ...list.map((set) => set.drinks));
    return kept;
  });
}
