// One shape for each color, so that color is never the only thing that tells groups apart.

import { s } from "./dom";

export type ShapeName =
  "circle" | "triangle" | "square" | "diamond" | "wedge" | "cross" | "hexagon" | "star" | "ring";

export const SHAPES: ShapeName[] = [
  "circle",
  "triangle",
  "square",
  "diamond",
  "wedge",
  "cross",
  "hexagon",
  "star",
  "ring",
];

function polygon(corners: number, turn: number, size: number, inner = size): string {
  const steps = inner === size ? corners : corners * 2;
  const points = Array.from({ length: steps }, (_, i) => {
    const angle = turn + (i * 2 * Math.PI) / steps;
    const r = inner !== size && i % 2 ? inner : size;
    return `${(r * Math.cos(angle)).toFixed(3)} ${(r * Math.sin(angle)).toFixed(3)}`;
  });
  return `M${points.join("L")}Z`;
}

const UP = -Math.PI / 2;
const circle = (r: number) => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;

/** Outlines around the origin, of about equal weight to the eye at radius 1. */
const OUTLINES: Record<ShapeName, string> = {
  circle: circle(1),
  triangle: polygon(3, UP, 1.28),
  square: polygon(4, Math.PI / 4, 1.22),
  diamond: polygon(4, UP, 1.26),
  wedge: polygon(3, -UP, 1.28),
  cross: "M-.42-1.15H.42V-.42H1.15V.42H.42V1.15H-.42V.42H-1.15V-.42H-.42Z",
  hexagon: polygon(6, 0, 1.12),
  star: polygon(5, UP, 1.42, 0.62),
  ring: `${circle(1.1)}${circle(0.48)}`,
};

export function outline(shape: ShapeName): string {
  return OUTLINES[shape];
}

/** The shape as a small picture for legends and lists. */
export function icon(shape: ShapeName, color: string): SVGElement {
  return s(
    "svg",
    { class: "mark", viewBox: "-1.6 -1.6 3.2 3.2", "aria-hidden": "true" },
    s("path", { d: OUTLINES[shape], fill: color, "fill-rule": "evenodd" }),
  );
}

const cache = new Map<string, HTMLCanvasElement>();

/** A pre-drawn point: drawing thousands of them is then copying. */
export function sprite(
  shape: ShapeName,
  color: string,
  edge: string,
  radius: number,
  scale: number,
): HTMLCanvasElement {
  const key = `${shape}${color}${edge}${radius}@${scale}`;
  const known = cache.get(key);
  if (known) return known;
  if (cache.size > 400) cache.clear();
  const half = Math.ceil((radius * 1.5 + 1.5) * scale);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = half * 2;
  const context = canvas.getContext("2d")!;
  context.translate(half, half);
  context.scale(radius * scale, radius * scale);
  const path = new Path2D(OUTLINES[shape]);
  context.lineWidth = 2 / radius;
  context.lineJoin = "round";
  context.strokeStyle = edge;
  if (radius > 2.2) context.stroke(path);
  context.fillStyle = color;
  context.fill(path, "evenodd");
  cache.set(key, canvas);
  return canvas;
}
