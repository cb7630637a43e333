// Where drinks crowd, the ground rises: density drawn as the layers of a map, once, as a picture.

import { contourDensity } from "d3-contour";
import type { MapKind } from "../data";
import type { Places } from "./places";
import type { Scene } from "./scene";

const PAD = 0.12;
const GRID = 480;
const PIXELS = 1200;
const PATIENCE_MS = 60;

export class Ground {
  private readonly pictures = new Map<MapKind, HTMLCanvasElement>();
  private surveying = false;

  constructor(private readonly ready: () => void) {}

  forget(): void {
    this.pictures.clear();
  }

  /** The layers, fainter the closer one looks and while the points move over them. */
  draw(scene: Scene, places: Places): void {
    const { context, camera, kind, gliding } = scene;
    const fade = Math.max(0, Math.min(1, (9 - camera.k) / 6)) * (gliding ? 0.35 : 1);
    if (fade <= 0) return;
    const picture = this.pictures.get(kind);
    if (!picture) {
      this.survey(scene, places);
      return;
    }
    const size = (1 + 2 * PAD) * camera.side * camera.k;
    context.globalAlpha = fade;
    context.drawImage(picture, camera.x(-PAD), camera.y(-PAD), size, size);
    context.globalAlpha = 1;
  }

  /** The points come first; the ground under them takes longer and can wait. */
  private survey({ kind, inks }: Scene, places: Places): void {
    if (this.surveying) return;
    this.surveying = true;
    setTimeout(() => {
      this.surveying = false;
      this.pictures.set(kind, terrain(places, inks.terrain));
      this.ready();
    }, PATIENCE_MS);
  }
}

function terrain({ x, y }: Places, color: string): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = PIXELS;
  if (x.length < 12) return canvas;
  const indices = Array.from({ length: x.length }, (_, i) => i);
  const place = (value: number) => ((value + PAD) / (1 + 2 * PAD)) * GRID;
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
