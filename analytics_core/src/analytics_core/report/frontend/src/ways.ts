// Ways from drink to drink: each step is to a drink that is published as near.

export interface Links {
  start: Uint32Array;
  to: Uint32Array;
  distance: ArrayLike<number>;
}

/** Links in both directions. */
export function bothWays({ start, to, distance }: Links): Links {
  const count = start.length - 1;
  const degree = new Uint32Array(count);
  for (let from = 0; from < count; from++) {
    for (let i = start[from]; i < start[from + 1]; i++) {
      degree[from]++;
      degree[to[i]]++;
    }
  }
  const begin = new Uint32Array(count + 1);
  for (let i = 0; i < count; i++) begin[i + 1] = begin[i] + degree[i];
  const place = begin.slice(0, count);
  const ends = new Uint32Array(2 * to.length);
  const lengths = new Float64Array(2 * to.length);
  const put = (from: number, target: number, length: number) => {
    ends[place[from]] = target;
    lengths[place[from]++] = length;
  };
  for (let from = 0; from < count; from++) {
    for (let i = start[from]; i < start[from + 1]; i++) {
      put(from, to[i], distance[i]);
      put(to[i], from, distance[i]);
    }
  }
  return { start: begin, to: ends, distance: lengths };
}

export interface Reached {
  recipe: number;
  /** The sum of the steps' distances. */
  length: number;
  /** Every drink on the way, both ends included. */
  readonly way: number[];
}

/**
 * Visit drinks from the nearest to the furthest, by the sum of what the steps count (Dijkstra): their
 * distances, if nothing else is said.
 */
export function* walk(
  links: Links,
  from: number,
  allowed: (recipe: number) => boolean = () => true,
  counts: (from: number, to: number, distance: number) => number = (_, __, distance) => distance,
): Generator<Reached> {
  const { start, to, distance } = links;
  const cost = new Map<number, number>([[from, 0]]);
  const before = new Map<number, number>();
  const length = new Map<number, number>([[from, 0]]);
  const done = new Set<number>();
  const heap: [number, number][] = [[0, from]];
  while (heap.length) {
    const [price, recipe] = pop(heap);
    if (done.has(recipe)) continue;
    done.add(recipe);
    yield {
      recipe,
      length: length.get(recipe)!,
      get way() {
        const way = [recipe];
        while (before.has(way[0])) way.unshift(before.get(way[0])!);
        return way;
      },
    };
    if (recipe !== from && !allowed(recipe)) continue;
    for (let i = start[recipe]; i < start[recipe + 1]; i++) {
      const next = price + counts(recipe, to[i], distance[i]);
      if (next >= (cost.get(to[i]) ?? Infinity)) continue;
      cost.set(to[i], next);
      before.set(to[i], recipe);
      length.set(to[i], length.get(recipe)! + distance[i]);
      push(heap, [next, to[i]]);
    }
  }
}

/** The nearest drinks that are wanted, however far. */
export function nearest(
  links: Links,
  from: number,
  wanted: (recipe: number) => boolean,
  limit: number,
): Reached[] {
  const found: Reached[] = [];
  for (const reached of walk(links, from)) {
    if (reached.recipe === from || !wanted(reached.recipe)) continue;
    found.push(reached);
    if (found.length === limit) break;
  }
  return found;
}

/** How many things one has to exchange, add or leave out to get from one drink to another. */
export function exchanged(from: number[], to: number[]): number {
  const kept = from.filter((need) => to.includes(need)).length;
  return Math.max(from.length, to.length) - kept;
}

/**
 * A chain of small changes, through allowed drinks only; null where there is none. A step counts by
 * the square of what it exchanges: two single changes beat one of both, and a change of amounts alone
 * is a step too. Among equals the nearer drinks win.
 */
export function chain(
  links: Links,
  needs: number[][],
  from: number,
  target: number,
  allowed?: (recipe: number) => boolean,
): Reached | null {
  const counts = (one: number, other: number, distance: number) =>
    Math.max(1, exchanged(needs[one], needs[other])) ** 2 + distance;
  for (const reached of walk(links, from, allowed, counts)) {
    if (reached.recipe === target) return reached;
  }
  return null;
}

type Entry = [number, number];

function push(heap: Entry[], entry: Entry): void {
  let at = heap.push(entry) - 1;
  while (at) {
    const up = (at - 1) >> 1;
    if (heap[up][0] <= entry[0]) break;
    heap[at] = heap[up];
    at = up;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): Entry {
  const top = heap[0];
  const last = heap.pop()!;
  if (!heap.length) return top;
  let at = 0;
  for (;;) {
    let next = 2 * at + 1;
    if (next >= heap.length) break;
    if (next + 1 < heap.length && heap[next + 1][0] < heap[next][0]) next++;
    if (heap[next][0] >= last[0]) break;
    heap[at] = heap[next];
    at = next;
  }
  heap[at] = last;
  return top;
}
