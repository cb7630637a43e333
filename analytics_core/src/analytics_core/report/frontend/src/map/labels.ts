// Names on the map: the most telling first, none on top of another.

import { shorten } from "../dom";

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

/** Text with a halo, drawn once: outlining text in every frame is slow. */
export function picture(text: string, style: LabelStyle): Picture {
  const key = `${text}|${style.font}|${style.ink}|${style.halo}|${style.scale}`;
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

/** Remembers what part of the screen is taken, in coarse cells. */
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
}

export function labelText(name: string): string {
  return shorten(name.replace(/\s+/g, " "), 30);
}
