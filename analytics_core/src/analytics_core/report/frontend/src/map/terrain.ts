// Where drinks crowd, the ground rises: density drawn as the layers of a map, once, as a picture.

import { contourDensity } from "d3-contour";

export const TERRAIN_PAD = 0.12;
const GRID = 480;
const PIXELS = 1200;

export function terrain(x: Float32Array, y: Float32Array, color: string): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = PIXELS;
  if (x.length < 12) return canvas;
  const indices = Array.from({ length: x.length }, (_, i) => i);
  const place = (value: number) => ((value + TERRAIN_PAD) / (1 + 2 * TERRAIN_PAD)) * GRID;
  const layers = contourDensity<number>()
    .x((i) => place(x[i]))
    .y((i) => place(y[i]))
    .size([GRID, GRID])
    .cellSize(4)
    .bandwidth(13)
    .thresholds(9)(indices);
  const context = canvas.getContext("2d")!;
  context.scale(PIXELS / GRID, PIXELS / GRID);
  context.fillStyle = context.strokeStyle = color;
  context.lineWidth = 0.5;
  for (const layer of layers) {
    const path = new Path2D();
    for (const polygon of layer.coordinates) {
      for (const ring of polygon) {
        ring.forEach(([px, py], i) => (i ? path.lineTo(px, py) : path.moveTo(px, py)));
        path.closePath();
      }
    }
    context.globalAlpha = 0.055;
    context.fill(path, "evenodd");
    context.globalAlpha = 0.22;
    context.stroke(path);
  }
  return canvas;
}
