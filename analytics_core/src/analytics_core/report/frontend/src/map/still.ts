// Stands in for d3-transition, which d3-zoom asks only to interrupt what is under way. The map
// moves by its own code, so nothing is, and 25 kB of the program can stay away.

import { selection } from "d3-selection";

Object.assign(selection.prototype, {
  interrupt(this: unknown) {
    return this;
  },
});

export function interrupt(): void {
  // nothing is under way
}
