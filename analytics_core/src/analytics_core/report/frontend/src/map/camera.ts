// What part of the map is seen: from places to pixels and back.

import { zoomIdentity, type ZoomTransform } from "d3-zoom";
import type { Places } from "./places";

export const ZOOM_OUT = 0.6;
export const ZOOM_IN = 60;
const NEAREST_FIT = 14;

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** What lies over each side of the map, in CSS pixels. */
export interface Insets {
  left: number;
  top: number;
  right: number;
  bottom: number;
  /** What `bottom` has to be where a drink would come to lie under one of `covered`. */
  low: number;
  /** What lies over single corners: left, top, width and height. Names keep off. */
  covered: [number, number, number, number][];
}

export class Camera {
  transform: ZoomTransform = zoomIdentity;
  width = 1;
  height = 1;
  /** Device pixels for each CSS pixel. */
  scale = 1;
  /** The length of the map's sides and its corner, before zooming. */
  side = 1;
  insets: Insets = { left: 24, top: 56, right: 24, bottom: 30, low: 30, covered: [] };
  private left = 0;
  private top = 0;

  get k(): number {
    return this.transform.k;
  }

  x(place: number): number {
    return this.transform.applyX(this.left + place * this.side);
  }

  y(place: number): number {
    return this.transform.applyY(this.top + place * this.side);
  }

  /** A place before zooming. */
  world(u: number, v: number): [number, number] {
    return [this.left + u * this.side, this.top + v * this.side];
  }

  /** The place under a pixel. */
  place(px: number, py: number): [number, number] {
    const [wx, wy] = this.transform.invert([px, py]);
    return [(wx - this.left) / this.side, (wy - this.top) / this.side];
  }

  /** The view's middle and width before zooming, as flights between views need it. */
  view(transform = this.transform): [number, number, number] {
    const [cx, cy] = transform.invert([this.width / 2, this.height / 2]);
    return [cx, cy, this.width / transform.k];
  }

  /** The transform that puts a point, given before zooming, at a pixel. */
  looking(k: number, [wx, wy]: [number, number], at?: [number, number]): ZoomTransform {
    const [px, py] = at ?? [this.width / 2, this.height / 2];
    return zoomIdentity.translate(px, py).scale(k).translate(-wx, -wy);
  }

  /** Take a new size; the answer is the transform that keeps the middle in the middle. */
  resize(width: number, height: number): ZoomTransform {
    const before = this.width;
    const middle = this.place(this.width / 2, this.height / 2);
    this.width = width;
    this.height = height;
    this.scale = Math.min(2, window.devicePixelRatio || 1);
    const free = this.free();
    this.side = Math.max(40, Math.min(free.width, free.height));
    this.left = free.left + (free.width - this.side) / 2;
    this.top = free.top + (free.height - this.side) / 2;
    if (before <= 1 || this.transform === zoomIdentity) return this.transform;
    return this.looking(this.k, this.world(...middle));
  }

  /** The transform under which these recipes, and room for their names, fill the view. */
  fitting(recipes: number[], { x, y }: Places): ZoomTransform {
    let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const recipe of recipes) {
      x0 = Math.min(x0, x[recipe]);
      x1 = Math.max(x1, x[recipe]);
      y0 = Math.min(y0, y[recipe]);
      y1 = Math.max(y1, y[recipe]);
    }
    const free = this.free();
    const across = free.width - 2 * Math.min(150, free.width * 0.16);
    const down = free.height - 2 * Math.min(40, free.height * 0.1);
    const tiny = 1e-4;
    const k = Math.min(
      across / (Math.max(x1 - x0, tiny) * this.side),
      down / (Math.max(y1 - y0, tiny) * this.side),
    );
    return this.looking(
      Math.max(1, Math.min(NEAREST_FIT, k)),
      [this.left + ((x0 + x1) / 2) * this.side, this.top + ((y0 + y1) / 2) * this.side],
      [free.left + free.width / 2, free.top + free.height / 2],
    );
  }

  /** Whether every one of these recipes is in the open under a transform. */
  isClear(recipes: Iterable<number>, { x, y }: Places, transform: ZoomTransform): boolean {
    const { covered } = this.insets;
    const edge = 8; // a point's own size
    for (const recipe of recipes) {
      const [px, py] = transform.apply(this.world(x[recipe], y[recipe]));
      for (const [left, top, width, height] of covered) {
        if (
          px > left - edge &&
          px < left + width + edge &&
          py > top - edge &&
          py < top + height + edge
        )
          return false;
      }
    }
    return true;
  }

  /** Leave the corners free. */
  lift(): void {
    this.insets = { ...this.insets, bottom: this.insets.low };
  }

  /** What the controls and the legend over the map leave free. */
  free(): Box {
    const { left, top, right, bottom } = this.insets;
    return {
      left,
      top,
      width: Math.max(40, this.width - left - right),
      height: Math.max(40, this.height - top - bottom),
    };
  }
}
