// Circling drinks by hand.

type Point = [number, number];

export class Lasso {
  active = false;
  points: Point[] = [];

  /** `done` gets the outline in CSS pixels; `changed` is called whenever there is something to draw. */
  constructor(canvas: HTMLCanvasElement, changed: () => void, done: (outline: Point[]) => void) {
    const finish = () => {
      if (!this.active || !this.points.length) return;
      const { points } = this;
      this.set(false, canvas);
      changed();
      if (points.length > 2) done(points);
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (!this.active) return;
      canvas.setPointerCapture(event.pointerId);
      this.points = [[event.offsetX, event.offsetY]];
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.active || !this.points.length) return;
      this.points.push([event.offsetX, event.offsetY]);
      changed();
    });
    canvas.addEventListener("pointerup", finish);
    canvas.addEventListener("pointercancel", finish);
  }

  set(active: boolean, canvas: HTMLCanvasElement): void {
    this.active = active;
    this.points = [];
    canvas.classList.toggle("lasso", active);
  }

  draw(context: CanvasRenderingContext2D, color: string): void {
    if (this.points.length < 2) return;
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = 2;
    context.beginPath();
    for (const point of this.points) context.lineTo(...point);
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
