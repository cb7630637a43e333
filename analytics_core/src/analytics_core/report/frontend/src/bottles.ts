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
  /** Of what a group lacks, how much one bottle gives at most: mostly 1. */
  const atOnce = (lacks: number[]) =>
    Math.max(
      ...lacks.flatMap((need) =>
        givers[need].map((bottle) => lacks.filter((other) => holds[bottle][other]).length),
      ),
    );
  const open = groups
    .filter(({ lacks }) => lacks.every((need) => givers[need].length))
    .map(({ lacks, count }) => ({
      ...{ lacks, count },
      per: atOnce(lacks),
    }));
  const best: Best[][] = [[], [], []];
  const gain = new Uint32Array(gives.length);
  const keep = (list: Best[], bottles: number[], drinks: number) => {
    if (list.length === top && list[top - 1].drinks >= drinks) return;
    const at = list.findIndex((other) => other.drinks < drinks);
    list.splice(at < 0 ? list.length : at, 0, { bottles, drinks });
    if (list.length > top) list.pop();
  };
  /** Try every later bottle beside those chosen, which open `sure` and leave these groups. */
  const extend = (left: typeof open, chosen: number[], sure: number, from: number) => {
    gain.fill(0);
    for (const { lacks, count } of left) {
      const [first] = lacks;
      for (const bottle of givers[first]) {
        if (lacks.length === 1 || lacks.every((need) => holds[bottle][need])) gain[bottle] += count;
      }
    }
    const list = best[chosen.length];
    for (let bottle = from; bottle < gain.length; bottle++) {
      if (sure + gain[bottle]) keep(list, [...chosen, bottle], sure + gain[bottle]);
    }
    const more = 2 - chosen.length;
    if (!more) return;
    for (let bottle = from; bottle < gives.length; bottle++) {
      const has = holds[bottle];
      const next: typeof open = [];
      let opened = sure;
      for (const group of left) {
        let missing = 0;
        for (const need of group.lacks) if (!has[need]) missing++;
        if (!missing) opened += group.count;
        else if (missing === group.lacks.length) {
          if (missing <= more * group.per) next.push(group);
        } else if (missing <= more * group.per) {
          next.push({ ...group, lacks: group.lacks.filter((need) => !has[need]) });
        }
      }
      extend(next, [...chosen, bottle], opened, bottle + 1);
    }
  };
  extend(open, [], 0, 0);
  let most = 0;
  return best.map((list) => {
    const kept = list.filter((set) => set.drinks > most);
    most = Math.max(most, ...list.map((set) => set.drinks));
    return kept;
  });
}
