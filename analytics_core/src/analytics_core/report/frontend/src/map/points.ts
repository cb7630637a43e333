// Drawing the points, the lines between near drinks, and the rings around those in question.

import { sprite } from "../shapes";
import { Crowd } from "./crowd";
import { locate, type Scene } from "./scene";

/** Points grow with the zoom, but more slowly; a small screen and a crowd have smaller ones. */
export function pointRadius({ camera, data }: Scene): number {
  const crowd = Math.min(1, 24 / Math.sqrt(Math.max(1, data.count)));
  const base = (2.2 + 3.6 * crowd) * Math.min(1, 0.4 + camera.side / 1000);
  const radius = base * Math.pow(Math.max(0.7, camera.k), 0.34);
  return Math.min(9, halves(radius)); // few sizes, so that few pictures are drawn
}

const halves = (value: number) => Math.round(value * 2) / 2;

/** From so many points on, stamping beats drawing. */
const MANY = 4000;
const crowd = new Crowd();

export function drawPoints(scene: Scene, radius: number, focused: boolean): void {
  const { context, scheme, current, camera, highlighted } = scene;
  const { scale, width, height } = camera;
  const { x, y } = current;
  const pictures = scheme.categories.map((category) =>
    sprite(category.shape, category.color, scene.inks.ground, radius, scale),
  );
  if (!pictures.length) return;
  const size = pictures[0].width / scale;
  // the camera's two sums, worked out once for thousands of points
  const [x0, y0] = [camera.x(0) - size / 2, camera.y(0) - size / 2];
  const length = camera.side * camera.k;
  const many = x.length > MANY;
  const { heads } = scene.data;
  const draw = (i: number) => {
    if (heads[i] !== i && !highlighted?.has(i)) return;
    const px = x[i] * length + x0;
    const py = y[i] * length + y0;
    if (px < -size || py < -size || px > width || py > height) return;
    if (many) crowd.stamp(pictures[scheme.of[i]], px * scale, py * scale);
    else context.drawImage(pictures[scheme.of[i]], px, py, size, size);
  };
  const layer = (alpha: number, drawAll: () => void) => {
    context.globalAlpha = alpha;
    if (many) crowd.clear(context.canvas.width, context.canvas.height);
    drawAll();
    if (many) crowd.layOn(context);
    context.globalAlpha = 1;
  };
  layer(focused ? 0.24 : highlighted ? 0.16 : 0.92, () => {
    for (let i = 0; i < x.length; i++) {
      if (!highlighted?.has(i)) draw(i);
    }
  });
  if (highlighted?.size) layer(1, () => highlighted.forEach(draw));
}

export function drawPoint(scene: Scene, recipe: number, radius: number): void {
  const { context, camera, inks, scheme } = scene;
  const { shape, color } = scheme.categories[scheme.of[recipe]];
  const picture = sprite(shape, color, inks.ground, halves(radius), camera.scale);
  const size = picture.width / camera.scale;
  const [px, py] = locate(scene, recipe);
  context.drawImage(picture, px - size / 2, py - size / 2, size, size);
}

export function drawLines(scene: Scene): void {
  const { context, inks, neighbors, hovered, path } = scene;
  if (path.length) {
    context.strokeStyle = inks.accent;
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.beginPath();
    for (const recipe of path) context.lineTo(...locate(scene, recipe));
    context.stroke();
  }
  if (scene.selected === null) return;
  const [sx, sy] = locate(scene, scene.selected);
  const far = Math.max(...neighbors.map((neighbor) => neighbor.distance), 1e-9);
  context.strokeStyle = inks.accent;
  context.lineCap = "round";
  for (const { recipe, distance } of neighbors) {
    const [px, py] = locate(scene, recipe);
    const closeness = 1 - distance / far;
    const strong = recipe === hovered;
    context.globalAlpha = strong ? 1 : 0.4 + 0.5 * closeness;
    context.lineWidth = strong ? 3 : 1.2 + 2 * closeness;
    context.beginPath();
    context.moveTo(sx, sy);
    // a slight bow keeps lines apart that would lie on each other
    const [mx, my] = [(sx + px) / 2 - (py - sy) * 0.08, (sy + py) / 2 + (px - sx) * 0.08];
    context.quadraticCurveTo(mx, my, px, py);
    context.stroke();
  }
  context.globalAlpha = 1;
}

export function drawRings(scene: Scene, radius: number): void {
  const { context, inks, selected, hovered } = scene;
  const ring = (recipe: number, size: number, width: number, color: string) => {
    const [px, py] = locate(scene, recipe);
    context.strokeStyle = color;
    context.lineWidth = width;
    context.beginPath();
    context.arc(px, py, size, 0, 2 * Math.PI);
    context.stroke();
  };
  if (selected !== null) ring(selected, radius * 1.25 + 5, 2.5, inks.accent);
  if (hovered !== null && hovered !== selected) {
    drawPoint(scene, hovered, radius * 1.3);
    ring(hovered, radius * 1.3 + 4, 2, inks.ink);
  }
}
