// The map: every drink a point on a canvas.

import { easeCubicInOut } from "d3-ease";
import { interpolateZoom } from "d3-interpolate";
import { quadtree, type Quadtree } from "d3-quadtree";
import { select } from "d3-selection";
import { zoom, zoomIdentity, type ZoomTransform } from "d3-zoom";
import type { Data, MapKind } from "../data";
import type { Scheme } from "../schemes";
import { sprite } from "../shapes";
import { calm, inks, type Inks } from "../theme";
import { labelText, Occupied, picture, type LabelStyle } from "./labels";
import { terrain, TERRAIN_PAD } from "./terrain";

const GRID = 10_000;
const MARGIN = 36;
const ZOOM_LIMIT = 60;
const GLIDE_MS = 950;
const SANS = 'system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif';

export interface MapEvents {
  onHover(recipe: number | null, x: number, y: number): void;
  onPick(recipe: number): void;
  onAnnounce(recipe: number): void;
}

interface Places {
  x: Float32Array;
  y: Float32Array;
}

export class MapView {
  private readonly context: CanvasRenderingContext2D;
  private readonly places: Record<MapKind, Places>;
  private readonly current: Places;
  private readonly trees: Partial<Record<MapKind, Quadtree<number>>> = {};
  private readonly grounds = new Map<string, HTMLCanvasElement>();
  private readonly behavior = zoom<HTMLCanvasElement, unknown>();
  private transform: ZoomTransform = zoomIdentity;
  private width = 1;
  private height = 1;
  private scale = 1;
  private side = 1;
  private left = 0;
  private top = 0;
  private inks: Inks = inks();
  private queued = false;
  private motion = 0;
  private gliding = false;
  private surveying = false;
  private kind: MapKind;
  private selected: number | null = null;
  private neighbors: { recipe: number; distance: number }[] = [];
  private highlighted: Set<number> | null = null;
  private hovered: number | null = null;
  private cursor: number | null = null;
  private order: Uint32Array | null = null;
  private regions: { text: string; at: Record<MapKind, [number, number]> }[] = [];
  /** Milliseconds the last frame took; tests read it. */
  frameMs = 0;

  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly data: Data,
    private scheme: Scheme,
    kind: MapKind,
    private readonly events: MapEvents,
  ) {
    this.context = canvas.getContext("2d", { alpha: false })!;
    this.kind = kind;
    const { plain, learned } = data.recipes;
    const unit = (values: number[]) => Float32Array.from(values, (value) => value / GRID);
    this.places = {
      plain: { x: unit(plain.x), y: unit(plain.y) },
      learned: { x: unit(learned.x), y: unit(learned.y) },
    };
    this.current = { x: this.places[kind].x.slice(), y: this.places[kind].y.slice() };
    this.regions = this.findRegions();
    this.behavior
      .scaleExtent([0.6, ZOOM_LIMIT])
      .on("start", (event: { sourceEvent: Event | null }) => {
        if (event.sourceEvent) this.motion++; // the reader's hand stops every glide
      })
      .on("zoom", (event: { transform: ZoomTransform }) => {
        this.transform = event.transform;
        this.invalidate();
      });
    select(canvas).call(this.behavior).on("dblclick.zoom", null);
    this.listen();
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
  }

  private findRegions(): typeof this.regions {
    const { data } = this;
    if (data.count < 60) return [];
    const groups = data.families.map(() => [] as number[]);
    data.recipes.family.forEach((family, recipe) => groups[family]?.push(recipe));
    const middle = (members: number[], values: Float32Array) =>
      members.map((i) => values[i]).sort((a, b) => a - b)[members.length >> 1];
    const center = (members: number[], { x, y }: Places): [number, number] => [
      middle(members, x),
      middle(members, y),
    ];
    return groups
      .map((members, family) => ({ members, marks: data.families[family].slice(0, 2) }))
      .filter(({ members, marks }) => members.length >= data.count * 0.02 && marks.length)
      .map(({ members, marks }) => ({
        text: marks.map((i) => data.ingredient(i)).join(" & "),
        at: {
          plain: center(members, this.places.plain),
          learned: center(members, this.places.learned),
        },
      }));
  }

  // ---- what it shows

  setScheme(scheme: Scheme): void {
    this.scheme = scheme;
    this.invalidate();
  }

  setTheme(): void {
    this.inks = inks();
    this.grounds.clear();
    this.invalidate();
  }

  setHighlight(recipes: Iterable<number> | null): void {
    this.highlighted = recipes && new Set(recipes);
    this.invalidate();
  }

  setSelected(recipe: number | null, neighbors: { recipe: number; distance: number }[]): void {
    this.selected = recipe;
    this.neighbors = neighbors;
    if (recipe !== null) this.cursor = recipe;
    this.invalidate();
  }

  setHovered(recipe: number | null): void {
    if (this.hovered === recipe) return;
    this.hovered = recipe;
    this.invalidate();
  }

  /** Let the points glide from one map to the other. */
  setKind(kind: MapKind): void {
    if (kind === this.kind) return;
    this.kind = kind;
    const from = { x: this.current.x.slice(), y: this.current.y.slice() };
    const goal = this.places[kind];
    this.gliding = true;
    this.animate(calm() ? 0 : GLIDE_MS, (t) => {
      const e = easeCubicInOut(t);
      for (let i = 0; i < goal.x.length; i++) {
        this.current.x[i] = from.x[i] + (goal.x[i] - from.x[i]) * e;
        this.current.y[i] = from.y[i] + (goal.y[i] - from.y[i]) * e;
      }
      if (t === 1) {
        this.gliding = false;
        this.current.x.set(goal.x);
        this.current.y.set(goal.y);
        if (this.selected !== null) this.show([this.selected, ...this.neighbors.map((n) => n.recipe)]);
      }
    }, false);
  }

  // ---- where it looks

  /** Move until these recipes fill the view; without any, until all do. */
  show(recipes: number[] | null): void {
    const { x, y } = this.places[this.kind];
    if (!recipes || !recipes.length) {
      this.fly(zoomIdentity);
      return;
    }
    let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const recipe of recipes) {
      x0 = Math.min(x0, x[recipe]);
      x1 = Math.max(x1, x[recipe]);
      y0 = Math.min(y0, y[recipe]);
      y1 = Math.max(y1, y[recipe]);
    }
    const room = Math.max(80, Math.min(this.width, this.height) - 130);
    const span = Math.max(x1 - x0, (y1 - y0) * (this.width / this.height), 1e-4) * this.side;
    const k = Math.max(1, Math.min(14, Math.max(room, this.width - 260) / span));
    const cx = this.left + ((x0 + x1) / 2) * this.side;
    const cy = this.top + ((y0 + y1) / 2) * this.side;
    this.fly(zoomIdentity.translate(this.width / 2, this.height / 2).scale(k).translate(-cx, -cy));
  }

  zoomBy(factor: number): void {
    const { k } = this.transform;
    const next = Math.min(ZOOM_LIMIT, Math.max(0.6, k * factor));
    const [cx, cy] = [this.width / 2, this.height / 2];
    const [px, py] = this.transform.invert([cx, cy]);
    this.fly(zoomIdentity.translate(cx, cy).scale(next).translate(-px, -py), 220);
  }

  private fly(goal: ZoomTransform, limit = 750): void {
    const view = (t: ZoomTransform): [number, number, number] => {
      const [cx, cy] = t.invert([this.width / 2, this.height / 2]);
      return [cx, cy, this.width / t.k];
    };
    const path = interpolateZoom(view(this.transform), view(goal));
    const duration = calm() ? 0 : Math.min(limit, Math.max(200, path.duration * 0.7));
    this.animate(duration, (t) => {
      const [cx, cy, w] = path(easeCubicInOut(t));
      const k = this.width / w;
      const step =
        t === 1
          ? goal
          : zoomIdentity.translate(this.width / 2, this.height / 2).scale(k).translate(-cx, -cy);
      this.behavior.transform(select(this.canvas), step);
    });
  }

  /** Run a motion; a new movement of the view ends the one before. */
  private animate(duration: number, step: (t: number) => void, exclusive = true): void {
    const mine = exclusive ? ++this.motion : this.motion;
    if (duration === 0) {
      step(1);
      this.invalidate();
      return;
    }
    const begin = performance.now();
    const tick = (now: number) => {
      if (exclusive && mine !== this.motion) return;
      const t = Math.min(1, Math.max(0, (now - begin) / duration));
      step(t);
      this.invalidate();
      if (t < 1) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  /** Where a recipe stands on the canvas, in CSS pixels. */
  locate(recipe: number): [number, number] {
    return [
      this.transform.applyX(this.left + this.current.x[recipe] * this.side),
      this.transform.applyY(this.top + this.current.y[recipe] * this.side),
    ];
  }

  get zoomed(): number {
    return this.transform.k;
  }

  get idle(): boolean {
    return !this.queued && !this.gliding;
  }

  // ---- hands and keys

  private listen(): void {
    const at = (event: PointerEvent | MouseEvent, reach: number) =>
      this.find(event.offsetX, event.offsetY, reach);
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse" || event.buttons) return;
      const found = at(event, 16);
      this.canvas.classList.toggle("pointing", found !== null);
      this.setHovered(found);
      this.events.onHover(found, event.offsetX, event.offsetY);
    });
    this.canvas.addEventListener("pointerleave", () => {
      this.setHovered(null);
      this.events.onHover(null, 0, 0);
    });
    // d3-zoom swallows the click that ends a drag
    this.canvas.addEventListener("click", (event) => {
      const coarse = event instanceof PointerEvent && event.pointerType === "touch";
      const found = at(event, coarse ? 28 : 16);
      if (found !== null) this.events.onPick(found);
    });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("blur", () => {
      this.setHovered(null);
      this.events.onHover(null, 0, 0);
    });
  }

  private key(event: KeyboardEvent): void {
    const arrows: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const arrow = arrows[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow && event.shiftKey) {
      const [dx, dy] = arrow;
      this.behavior.translateBy(
        select(this.canvas),
        (-dx * 80) / this.transform.k,
        (-dy * 80) / this.transform.k,
      );
    } else if (arrow) this.step(arrow);
    else if (event.key === "+" || event.key === "=") this.zoomBy(1.6);
    else if (event.key === "-") this.zoomBy(1 / 1.6);
    else if (event.key === "0") this.show(null);
    else if ((event.key === "Enter" || event.key === " ") && this.cursor !== null) {
      this.events.onPick(this.cursor);
    } else return;
    event.preventDefault();
  }

  /** Go to the nearest drink in a direction. */
  private step([dx, dy]: [number, number]): void {
    if (!this.data.count) return;
    const { x, y } = this.places[this.kind];
    const here = this.cursor;
    let best = -1;
    let cost = Infinity;
    const [cx, cy] = this.transform.invert([this.width / 2, this.height / 2]);
    const ox = here === null ? (cx - this.left) / this.side : x[here];
    const oy = here === null ? (cy - this.top) / this.side : y[here];
    for (let i = 0; i < x.length; i++) {
      if (i === here) continue;
      const ahead = (x[i] - ox) * dx + (y[i] - oy) * dy;
      const aside = Math.abs((x[i] - ox) * dy) + Math.abs((y[i] - oy) * dx);
      if (here !== null && (ahead <= 1e-6 || aside > 2 * ahead)) continue;
      const price = here === null ? Math.hypot(x[i] - ox, y[i] - oy) : ahead + 2 * aside;
      if (price < cost) [best, cost] = [i, price];
    }
    if (best < 0) return;
    this.cursor = best;
    this.setHovered(best);
    let [px, py] = this.locate(best);
    const edge = 60;
    if (px < edge || py < edge || px > this.width - edge || py > this.height - edge) {
      const k = 1 / this.transform.k;
      this.behavior.translateBy(
        select(this.canvas),
        (this.width / 2 - px) * k,
        (this.height / 2 - py) * k,
      );
      [px, py] = this.locate(best);
    }
    this.events.onHover(best, px, py);
    this.events.onAnnounce(best);
  }

  private find(px: number, py: number, reach: number): number | null {
    if (this.gliding || !this.data.count) return null;
    const { x, y } = this.places[this.kind];
    const tree = (this.trees[this.kind] ??= quadtree<number>()
      .x((i) => x[i])
      .y((i) => y[i])
      .addAll(Array.from(x.keys())));
    const [wx, wy] = this.transform.invert([px, py]);
    const unit = this.side * this.transform.k;
    const found = tree.find((wx - this.left) / this.side, (wy - this.top) / this.side, reach / unit);
    return found ?? null;
  }

  // ---- drawing

  private resize(): void {
    const box = this.canvas.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const before = this.width;
    const center = this.transform.invert([this.width / 2, this.height / 2]);
    const rel = [(center[0] - this.left) / this.side, (center[1] - this.top) / this.side];
    this.width = box.width;
    this.height = box.height;
    this.scale = Math.min(2, window.devicePixelRatio || 1);
    this.canvas.width = Math.round(box.width * this.scale);
    this.canvas.height = Math.round(box.height * this.scale);
    this.side = Math.max(40, Math.min(box.width, box.height) - 2 * MARGIN);
    this.left = (box.width - this.side) / 2;
    this.top = (box.height - this.side) / 2;
    if (before > 1 && this.transform !== zoomIdentity) {
      const { k } = this.transform;
      const t = zoomIdentity
        .translate(this.width / 2, this.height / 2)
        .scale(k)
        .translate(-(this.left + rel[0] * this.side), -(this.top + rel[1] * this.side));
      this.behavior.transform(select(this.canvas), t);
    }
    this.draw();
  }

  invalidate(): void {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      this.draw();
    });
  }

  private radius(): number {
    const crowd = Math.min(1, 24 / Math.sqrt(Math.max(1, this.data.count)));
    // a small screen holds smaller points
    const base = (2.2 + 3.6 * crowd) * Math.min(1, 0.4 + this.side / 1000);
    return Math.min(9, Math.round(base * Math.pow(Math.max(0.7, this.transform.k), 0.34) * 2) / 2);
  }

  private draw(): void {
    const begin = performance.now();
    const { context, inks: colors } = this;
    context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    context.fillStyle = colors.ground;
    context.fillRect(0, 0, this.width, this.height);
    this.drawTerrain();
    const radius = this.radius();
    const taken = new Occupied();
    const focus = new Set<number>();
    if (this.selected !== null) focus.add(this.selected);
    for (const neighbor of this.neighbors) focus.add(neighbor.recipe);
    this.drawPoints(radius, focus);
    this.drawLines();
    for (const recipe of focus) this.drawPoint(recipe, radius * 1.25, 1);
    this.drawRings(radius);
    this.drawRegions(taken, focus.size > 0 || this.highlighted !== null);
    this.drawLabels(taken, radius, focus);
    this.frameMs = performance.now() - begin;
  }

  private drawTerrain(): void {
    const fade = Math.max(0, Math.min(1, (9 - this.transform.k) / 6)) * (this.gliding ? 0.35 : 1);
    if (fade <= 0) return;
    const { kind } = this;
    const ground = this.grounds.get(kind);
    if (!ground) {
      // the points come first; the ground under them takes longer and can wait
      if (!this.surveying) {
        this.surveying = true;
        setTimeout(() => {
          this.surveying = false;
          const { x, y } = this.places[kind];
          this.grounds.set(kind, terrain(x, y, this.inks.terrain));
          this.invalidate();
        }, 60);
      }
      return;
    }
    const from = -TERRAIN_PAD;
    const { k } = this.transform;
    const size = (1 + 2 * TERRAIN_PAD) * this.side * k;
    this.context.globalAlpha = fade;
    this.context.drawImage(
      ground,
      this.transform.applyX(this.left + from * this.side),
      this.transform.applyY(this.top + from * this.side),
      size,
      size,
    );
    this.context.globalAlpha = 1;
  }

  private drawPoints(radius: number, focus: Set<number>): void {
    const { context, scheme, current } = this;
    const pictures = scheme.categories.map((category) =>
      sprite(category.shape, category.color, this.inks.ground, radius, this.scale),
    );
    if (!pictures.length) return;
    const half = pictures[0].width / this.scale / 2;
    const dim = focus.size > 0 ? 0.24 : this.highlighted ? 0.16 : 0.92;
    const { k, x: tx, y: ty } = this.transform;
    const [ax, bx] = [this.side * k, this.left * k + tx - half];
    const [ay, by] = [this.side * k, this.top * k + ty - half];
    const size = half * 2;
    for (let pass = 0; pass < (this.highlighted ? 2 : 1); pass++) {
      context.globalAlpha = pass ? 1 : dim;
      for (let i = 0; i < current.x.length; i++) {
        if (this.highlighted && this.highlighted.has(i) !== (pass === 1)) continue;
        const px = current.x[i] * ax + bx;
        const py = current.y[i] * ay + by;
        if (px < -size || py < -size || px > this.width || py > this.height) continue;
        context.drawImage(pictures[scheme.of[i]], px, py, size, size);
      }
    }
    context.globalAlpha = 1;
  }

  private drawPoint(recipe: number, radius: number, alpha: number): void {
    const category = this.scheme.categories[this.scheme.of[recipe]];
    const rounded = Math.round(radius * 2) / 2;
    const drawn = sprite(category.shape, category.color, this.inks.ground, rounded, this.scale);
    const half = drawn.width / this.scale / 2;
    const [px, py] = this.locate(recipe);
    this.context.globalAlpha = alpha;
    this.context.drawImage(drawn, px - half, py - half, half * 2, half * 2);
    this.context.globalAlpha = 1;
  }

  private drawLines(): void {
    if (this.selected === null) return;
    const { context } = this;
    const [sx, sy] = this.locate(this.selected);
    const far = Math.max(...this.neighbors.map((n) => n.distance), 1e-9);
    context.strokeStyle = this.inks.accent;
    context.lineCap = "round";
    for (const { recipe, distance } of this.neighbors) {
      const [px, py] = this.locate(recipe);
      const closeness = 1 - distance / far;
      const strong = recipe === this.hovered;
      context.globalAlpha = strong ? 1 : 0.35 + 0.5 * closeness;
      context.lineWidth = strong ? 3 : 1 + 2 * closeness;
      context.beginPath();
      context.moveTo(sx, sy);
      // a slight bow keeps lines apart that would lie on each other
      const [mx, my] = [(sx + px) / 2 - (py - sy) * 0.08, (sy + py) / 2 + (px - sx) * 0.08];
      context.quadraticCurveTo(mx, my, px, py);
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  private drawRings(radius: number): void {
    const ring = (recipe: number, size: number, width: number, color: string) => {
      const [px, py] = this.locate(recipe);
      this.context.strokeStyle = color;
      this.context.lineWidth = width;
      this.context.beginPath();
      this.context.arc(px, py, size, 0, 2 * Math.PI);
      this.context.stroke();
    };
    if (this.selected !== null) {
      ring(this.selected, radius * 1.25 + 5, 2.5, this.inks.accent);
    }
    if (this.hovered !== null && this.hovered !== this.selected) {
      this.drawPoint(this.hovered, radius * 1.3, 1);
      ring(this.hovered, radius * 1.3 + 4, 2, this.inks.ink);
    }
  }

  private *candidates(focus: Set<number>): Generator<number> {
    yield* focus;
    if (this.highlighted) {
      yield* this.highlighted;
      return;
    }
    if (focus.size) return;
    if (!this.order) {
      const { hubs } = this.data;
      this.order = Uint32Array.from({ length: this.data.count }, (_, i) => i);
      this.order.sort((a, b) => hubs[b] - hubs[a] || a - b);
    }
    yield* this.order;
  }

  private drawLabels(taken: Occupied, radius: number, focus: Set<number>): void {
    if (this.gliding) return;
    const style: LabelStyle = {
      font: `500 12px ${SANS}`,
      ink: this.inks.ink,
      halo: this.inks.ground,
      scale: this.scale,
    };
    const strong: LabelStyle = { ...style, font: `650 14px ${SANS}` };
    // about one name for each patch of the screen, more of them the closer one looks
    const area = (this.width * this.height) / 1000;
    const budget = focus.size
      ? focus.size
      : Math.round(Math.min(90, (area / 26) * Math.min(2.6, 0.45 + 0.35 * this.transform.k)));
    let drawn = 0;
    let tried = 0;
    for (const recipe of this.candidates(focus)) {
      if (drawn >= budget || tried > 600 + budget) break;
      const [px, py] = this.locate(recipe);
      if (px < 0 || py < 0 || px > this.width || py > this.height) continue;
      tried++;
      const chosen = recipe === this.selected;
      const label = picture(labelText(this.data.name(recipe)), chosen ? strong : style);
      const gap = radius + (chosen ? 6 : 1);
      const spots: [number, number][] = [
        [px + gap, py - label.height / 2],
        [px - gap - label.width, py - label.height / 2],
        [px - label.width / 2, py - gap - label.height],
        [px - label.width / 2, py + gap],
      ];
      for (const [left, top] of focus.size ? spots : spots.slice(0, 2)) {
        if (left < 2 || left + label.width > this.width - 2) continue;
        if (!taken.claim(left + 2, top + 3, label.width - 4, label.height - 6)) continue;
        this.context.drawImage(label.canvas, left, top, label.width, label.height);
        drawn++;
        break;
      }
    }
  }

  /** The names of families, set like the names of countries. */
  private drawRegions(taken: Occupied, quiet: boolean): void {
    const fade = Math.max(0, Math.min(1, (2.6 - this.transform.k) / 0.8));
    if (quiet || this.gliding || fade <= 0) return;
    const size = this.width < 600 ? 13 : 17;
    for (const { text, at } of this.regions) {
      const px = this.transform.applyX(this.left + at[this.kind][0] * this.side);
      const py = this.transform.applyY(this.top + at[this.kind][1] * this.side);
      const label = picture(labelText(text), {
        font: `italic 500 ${size}px Fraunces, Georgia, serif`,
        ink: this.inks.accent,
        halo: this.inks.ground,
        scale: this.scale,
      });
      for (const shift of [0, -26, 26, -52, 52]) {
        const [left, top] = [px - label.width / 2, py - label.height / 2 + shift];
        if (left < 4 || left + label.width > this.width - 4) continue;
        if (!taken.claim(left, top, label.width, label.height)) continue;
        this.context.globalAlpha = fade;
        this.context.drawImage(label.canvas, left, top, label.width, label.height);
        break;
      }
    }
    this.context.globalAlpha = 1;
  }
}
