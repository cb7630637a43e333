// Names on the map: the most telling first, none on top of another.

import { shorten } from "../dom";
import type { Data } from "../data";
import { focus, locate, type Scene } from "./scene";

const SANS = 'system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const MOST = 90;
const MOST_TRIED = 600;
/** New names are drawn for so long in one frame; the others follow in the next. */
const PATIENCE_MS = 4;

export interface LabelStyle {
  font: string;
  ink: string;
  halo: string;
  scale: number;
}

interface Picture {
  canvas: HTMLCanvasElement;
  width: number;
  height: number;
}

const cache = new Map<string, Picture>();

const keyOf = (text: string, style: LabelStyle) =>
  `${text}|${style.font}|${style.ink}|${style.halo}|${style.scale}`;

/** Draw every name anew, as when a typeface has come. */
export function forgetPictures(): void {
  cache.clear();
}

/** Text with a halo, drawn once: outlining text in every frame is slow. */
export function picture(text: string, style: LabelStyle): Picture {
  const key = keyOf(text, style);
  const known = cache.get(key);
  if (known) return known;
  if (cache.size > 1500) cache.clear();
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d")!;
  context.font = style.font;
  const size = Number(/(\d+(?:\.\d+)?)px/.exec(style.font)?.[1] ?? 12);
  const width = Math.ceil(context.measureText(text).width) + 8;
  const height = Math.ceil(size * 1.5) + 4;
  canvas.width = Math.ceil(width * style.scale);
  canvas.height = Math.ceil(height * style.scale);
  context.scale(style.scale, style.scale);
  context.font = style.font;
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = style.halo;
  context.globalAlpha = 0.85;
  context.strokeText(text, 4, height / 2);
  context.globalAlpha = 1;
  context.fillStyle = style.ink;
  context.fillText(text, 4, height / 2);
  const made = { canvas, width, height };
  cache.set(key, made);
  return made;
}

/** Remembers what part of the screen is taken. */
export class Occupied {
  private readonly boxes: [number, number, number, number][] = [];

  claim(left: number, top: number, width: number, height: number): boolean {
    const right = left + width;
    const bottom = top + height;
    for (const [l, t, r, b] of this.boxes) {
      if (left < r && right > l && top < b && bottom > t) return false;
    }
    this.boxes.push([left, top, right, bottom]);
    return true;
  }

  /** Take a place whether or not it is free. */
  block(left: number, top: number, width: number, height: number): void {
    this.boxes.push([left, top, left + width, top + height]);
  }
}

export function labelText(name: string, limit = 30): string {
  return shorten(name.replace(/\s+/g, " "), limit);
}

const texts = new WeakMap<Data, string[]>();

function nameOf(data: Data, recipe: number): string {
  let known = texts.get(data);
  if (!known) texts.set(data, (known = []));
  if (known[recipe]) return known[recipe];
  const same = data.heads[recipe] === recipe ? data.bundle(recipe).length : 1;
  return (known[recipe] = labelText(data.name(recipe)) + (same > 1 ? ` ×${same}` : ""));
}

const orders = new WeakMap<Data, Uint32Array>();

/** Recipes that many others are near to come first: they tell most about where one is. */
function order(data: Data): Uint32Array {
  let known = orders.get(data);
  if (!known) {
    known = Uint32Array.from({ length: data.count }, (_, i) => i);
    known.sort((a, b) => data.hubs[b] - data.hubs[a] || a - b);
    orders.set(data, known);
  }
  return known;
}

/** Where a name may stand around its point; a crowded picture allows more. */
function spots(
  [px, py]: [number, number],
  gap: number,
  { width, height }: Picture,
  crowded: boolean,
): [number, number][] {
  const [right, left] = [px + gap, px - gap - width];
  const [above, beside, below] = [py - gap - height, py - height / 2, py + gap];
  const sides: [number, number][] = [
    [right, beside],
    [left, beside],
  ];
  if (!crowded) return sides;
  const middle = px - width / 2;
  const near = gap * 0.6;
  return [
    ...sides,
    [middle, below],
    [middle, above],
    [right - near, below - near],
    [left + near, below - near],
    [right - near, above + near],
    [left + near, above + near],
  ];
}

/**
 * Names for the drinks in question, or else for as many as there is room for:
 * the closer one looks, the more. Answers whether some still wait to be drawn.
 */
export function drawLabels(scene: Scene, taken: Occupied, radius: number): boolean {
  if (scene.gliding) return false;
  const { context, camera, data, inks, selected, highlighted } = scene;
  const { width, height } = camera;
  const inFocus = focus(scene);
  const crowded = inFocus.size > 0;
  const style: LabelStyle = {
    font: `500 12px ${SANS}`,
    ink: inks.ink,
    halo: inks.ground,
    scale: camera.scale,
  };
  const strong: LabelStyle = { ...style, font: `650 14px ${SANS}` };
  // about one name for each patch of the screen
  const area = (width * height) / 1000;
  const room = (area / 26) * Math.min(2.6, 0.45 + 0.35 * camera.k);
  const budget = crowded ? inFocus.size : Math.round(Math.min(MOST, room));
  const candidates = crowded ? inFocus : (highlighted ?? order(data));
  for (const recipe of inFocus) {
    const [px, py] = locate(scene, recipe);
    taken.block(px - radius, py - radius, 2 * radius, 2 * radius);
  }
  const begin = performance.now();
  let waiting = false;
  let drawn = 0;
  let tried = 0;
  for (const recipe of candidates) {
    if (drawn >= budget || tried > MOST_TRIED) break;
    if (!crowded && !highlighted && data.heads[recipe] !== recipe) continue;
    const at = locate(scene, recipe);
    if (at[0] < 0 || at[1] < 0 || at[0] > width || at[1] > height) continue;
    tried++;
    const chosen = recipe === selected;
    const look = chosen ? strong : style;
    const text = nameOf(data, recipe);
    if (!cache.has(keyOf(text, look)) && performance.now() - begin > PATIENCE_MS) {
      waiting = true;
      continue;
    }
    const label = picture(text, look);
    const gap = radius + (chosen ? 6 : 1);
    for (const [left, top] of spots(at, gap, label, crowded)) {
      if (left < 2 || left + label.width > width - 2) continue;
      if (!taken.claim(left + 2, top + 3, label.width - 4, label.height - 6)) continue;
      context.drawImage(label.canvas, left, top, label.width, label.height);
      drawn++;
      break;
    }
  }
  return waiting;
}
