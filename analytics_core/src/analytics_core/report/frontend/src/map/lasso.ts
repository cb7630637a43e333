// Circling drinks: by hand, or by keyboard with a ring that is moved and sized.

type Point = [number, number];

const CORNERS = 48;
const FIRST_RADIUS = 90;
const SMALLEST = 12;
const LARGEST = 2_000;
const STEP = 24;
const GROWTH = 1.2;
const MOVES: Record<string, Point> = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};

export class Lasso {
  active = false;
  points: Point[] = [];
  private readonly canvas: HTMLCanvasElement;
  private readonly changed: () => void;
  private readonly done: (outline: Point[]) => void;
  private ring: { x: number; y: number; radius: number } | null = null;
  /** Whether the last press of the pointer drew a circle. */
  private circled = false;

  /** `done` gets the outline in CSS pixels; `changed` is called whenever there is something to draw. */
  constructor(canvas: HTMLCanvasElement, changed: () => void, done: (outline: Point[]) => void) {
    this.canvas = canvas;
    this.changed = changed;
    this.done = done;
    const finish = () => {
      if (!this.active || !this.points.length) return;
      this.circled = this.points.length > 2;
      this.finish();
    };
    canvas.addEventListener("pointerdown", (event) => {
      this.circled = false;
      if (!this.active) return;
      canvas.setPointerCapture(event.pointerId);
      this.ring = null;
      this.points = [[event.offsetX, event.offsetY]];
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.active || !this.points.length || this.ring) return;
      this.points.push([event.offsetX, event.offsetY]);
      changed();
    });
    canvas.addEventListener("pointerup", finish);
    canvas.addEventListener("pointercancel", finish);
    // the click that ends a circle chooses no drink
    canvas.addEventListener("click", (event) => {
      if (this.circled) event.stopImmediatePropagation();
      this.circled = false;
    });
  }

  private finish(): void {
    const { points } = this;
    this.set(false);
    if (points.length > 2) this.done(points);
  }

  set(active: boolean): void {
    this.active = active;
    this.points = [];
    this.ring = null;
    this.canvas.classList.toggle("lasso", active);
    this.changed();
  }

  /** Put a ring around a point, for the keys to move. */
  putRing([x, y]: Point, radius = FIRST_RADIUS): void {
    this.ring = { x, y, radius };
    this.points = Array.from({ length: CORNERS }, (_, i) => {
      const angle = (2 * Math.PI * i) / CORNERS;
      return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
    });
    this.changed();
  }

  /** Whether a key means something while drinks are being circled. */
  press(key: string, middle: Point): boolean {
    if (!this.active) return false;
    const { x, y, radius } = this.ring ?? { x: middle[0], y: middle[1], radius: FIRST_RADIUS };
    const move = MOVES[key];
    const grown = key === "+" || key === "=" ? radius * GROWTH : radius / GROWTH;
    const held = (to: number, half: number) => Math.min(2 * half, Math.max(0, to));
    if (move) this.putRing([held(x + move[0], middle[0]), held(y + move[1], middle[1])], radius);
    else if (["+", "=", "-"].includes(key))
      this.putRing([x, y], Math.min(LARGEST, Math.max(SMALLEST, grown)));
    else if (key === "Escape") this.set(false);
    else if ((key === "Enter" || key === " ") && this.ring) this.finish();
    else return false;
    return true;
  }

  draw(context: CanvasRenderingContext2D, color: string): void {
    if (this.points.length < 2) return;
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = 2;
    context.beginPath();
    for (const point of this.points) context.lineTo(...point);
    if (this.ring) context.closePath();
    context.stroke();
    context.globalAlpha = 0.1;
    context.fill();
    context.globalAlpha = 1;
  }
}

/** Whether a point lies in an outline, by how often a ray from it crosses the sides. */
export function inside(outline: Point[], [x, y]: Point): boolean {
  let odd = false;
  for (let i = 0, j = outline.length - 1; i < outline.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [outline[i], outline[j]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}
