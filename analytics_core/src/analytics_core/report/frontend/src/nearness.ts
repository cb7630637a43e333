// How near two drinks are, in words first; numbers on demand.

/** Up to these distances under the learned cost, of which 0 is the same mix. */
const STEPS: [number, string][] = [
  [0, "the same mix"],
  [0.1, "almost the same"],
  [0.25, "a twist"],
  [0.45, "a cousin"],
  [Infinity, "a distant relative"],
];

/** `unit` is what a distance is measured in where costs have another scale. */
export function nearness(distance: number, unit = 1): string {
  return STEPS.find(([limit]) => distance <= limit * unit)![1];
}

const CLOSE: [number, string][] = [
  [0.2, "used alike"],
  [0.45, "close"],
  [0.6, "another drink, but a good one"],
  [Infinity, "a stretch"],
];

/** How much alike two things are used, by the cost of the one for the other: no word on taste. */
export function closeness(cost: number): string {
  return CLOSE.find(([limit]) => cost <= limit)![1];
}
