// Which recipes share a point of the map: those of the very same mix, and those that hardly differ.

/**
 * The recipe that stands for each on the map. Recipes of one mix come as `twins`, each group in
 * order; of `pairs` that hardly differ, nearest first, one joins the other unless it stands for
 * others itself: so every recipe is as near to what stands for it as a pair may be.
 */
export function standsFor(
  count: number,
  twins: Iterable<number[]>,
  pairs: Iterable<[number, number, ...unknown[]]>,
): Uint32Array {
  const of = Uint32Array.from({ length: count }, (_, i) => i);
  for (const group of twins) for (const member of group) of[member] = group[0];
  const joined = Uint32Array.from({ length: count }, (_, i) => i);
  const leads = new Uint8Array(count);
  const join = (from: number, to: number) => {
    joined[from] = to;
    leads[to] = 1;
  };
  for (const [one, other] of pairs) {
    const [a, b] = [of[one], of[other]];
    if (a === b || joined[a] !== a || joined[b] !== b) continue;
    if (!leads[b]) join(b, a);
    else if (!leads[a]) join(a, b);
  }
  return of.map((head) => joined[head]);
}
