// What the reader left behind at each step of the way: Back finds scroll, filters and view again.

export interface Visit {
  scroll: number;
  /** Where the map looked, if the reader had moved it. */
  look: [number, number, number] | null;
  /** What a view wants to find again, by its own keys. */
  kept: Record<string, unknown>;
}

export class Visits {
  private readonly all = new Map<number, Visit>();
  private next = 0;
  current: Visit = this.arrive().visit;

  /** The visit that the browser's history is at; `back` where the reader was there before. */
  arrive(): { visit: Visit; back: boolean } {
    const state = history.state as { visit?: unknown } | null;
    const key = typeof state?.visit === "number" ? state.visit : -1;
    const known = this.all.get(key);
    if (known) {
      this.current = known;
      return { visit: known, back: true };
    }
    // after a reload the numbers of before mean nothing, so they are not used again
    this.next = Math.max(this.next, key) + 1;
    const visit: Visit = { scroll: 0, look: null, kept: {} };
    this.all.set(this.next, visit);
    history.replaceState({ visit: this.next }, "");
    this.current = visit;
    return { visit, back: false };
  }
}
