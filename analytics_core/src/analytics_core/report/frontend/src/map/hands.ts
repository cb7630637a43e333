// Mouse, finger and keyboard on the map. Zooming and dragging are d3-zoom's.

import { onKey } from "../dom";

const MOUSE_REACH = 16;
const FINGER_REACH = 28;
const PAN_STEP = 80;
const ZOOM_STEP = 1.6;

export type Direction = [number, number];

export interface Handled {
  find(px: number, py: number, reach: number): number | null;
  hover(recipe: number | null, px: number, py: number): void;
  pick(recipe: number): void;
  pickCursor(): void;
  /** Give a key to the circling of drinks; whether it meant something there. */
  circle(key: string): boolean;
  step(direction: Direction): void;
  panBy(dx: number, dy: number): void;
  zoomBy(factor: number): void;
  showAll(): void;
}

const ARROWS: Record<string, Direction> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function listen(canvas: HTMLCanvasElement, map: Handled): void {
  const leave = () => map.hover(null, 0, 0);
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse" || event.buttons) return;
    const found = map.find(event.offsetX, event.offsetY, MOUSE_REACH);
    canvas.classList.toggle("pointing", found !== null);
    map.hover(found, event.offsetX, event.offsetY);
  });
  canvas.addEventListener("pointerleave", leave);
  canvas.addEventListener("blur", leave);
  // d3-zoom swallows the click that ends a drag
  canvas.addEventListener("click", (event) => {
    const finger = event instanceof PointerEvent && event.pointerType === "touch";
    const found = map.find(event.offsetX, event.offsetY, finger ? FINGER_REACH : MOUSE_REACH);
    if (found !== null) map.pick(found);
  });
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (map.circle(event.key) || pressed(event, map)) event.preventDefault();
  };
  canvas.addEventListener("keydown", onKey(press));
}

/** Whether the key meant something. */
function pressed({ key, shiftKey }: KeyboardEvent, map: Handled): boolean {
  const arrow = ARROWS[key];
  if (arrow && shiftKey) map.panBy(-arrow[0] * PAN_STEP, -arrow[1] * PAN_STEP);
  else if (arrow) map.step(arrow);
  else if (key === "+" || key === "=") map.zoomBy(ZOOM_STEP);
  else if (key === "-") map.zoomBy(1 / ZOOM_STEP);
  else if (key === "0") map.showAll();
  else if (key === "Enter" || key === " ") map.pickCursor();
  else return false;
  return true;
}
