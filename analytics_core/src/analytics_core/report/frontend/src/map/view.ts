// The map: every drink a point on a canvas. Here is its state and what moves it; drawing, hits and hands have their own files.

import { easeCubicInOut } from "d3-ease";
import { interpolateZoom } from "d3-interpolate";
import { select } from "d3-selection";
import { zoom, zoomIdentity, type ZoomTransform } from "d3-zoom";
import type { Data, MapKind } from "../data";
import type { Scheme } from "../schemes";
import { calm, inks } from "../theme";
import { Camera, ZOOM_IN, ZOOM_OUT, type Insets } from "./camera";
import { listen, type Direction } from "./hands";
import { ahead, nearest } from "./hits";
import { inside, Lasso } from "./lasso";
import { drawLabels, forgetPictures, Occupied } from "./labels";
import { copied, places, type Places } from "./places";
import { drawLines, drawPoint, drawPoints, drawRings, pointRadius } from "./points";
import { drawRegions, findRegions, type Region } from "./regions";
import { focus, locate, type Neighbor, type Scene } from "./scene";
import { Ground } from "./terrain";

const GLIDE_MS = 950;
const EDGE = 60;

export interface MapEvents {
  onHover(recipe: number | null, x: number, y: number): void;
  onPick(recipe: number): void;
  onAnnounce(recipe: number): void;
  onLasso(recipes: number[]): void;
  /** How many drinks the ring of the keyboard holds; null where it was put away. */
  onRing(drinks: number | null): void;
  /** What lies over the map at its present size. */
  insets(width: number): Insets;
}

export class MapView {
  private readonly places: Record<MapKind, Places>;
  private readonly scene: Scene;
  private readonly camera = new Camera();
  private readonly regions: Region[];
  private readonly ground = new Ground(() => this.invalidate());
  private readonly behavior = zoom<HTMLCanvasElement, unknown>();
  private readonly lasso: Lasso;
  private queued = false;
  private motion = 0;
  private cursor: number | null = null;
  /** What the view is to show, worked out anew at every size; null once the reader moved it. */
  private goal: { recipes: number[] | null } | null = { recipes: null };

  constructor(
    readonly canvas: HTMLCanvasElement,
    data: Data,
    scheme: Scheme,
    kind: MapKind,
    private readonly events: MapEvents,
  ) {
    this.places = { plain: places(data, "plain"), learned: places(data, "learned") };
    this.scene = {
      context: canvas.getContext("2d", { alpha: false })!,
      camera: this.camera,
      data,
      current: copied(this.places[kind]),
      kind,
      gliding: false,
      scheme,
      inks: inks(),
      selected: null,
      neighbors: [],
      path: [],
      highlighted: null,
      hovered: null,
    };
    this.regions = findRegions(data, this.places);
    this.lasso = new Lasso(
      canvas,
      () => this.invalidate(),
      (outline) => this.events.onLasso(this.within(outline)),
    );
    this.behavior
      .filter((event: MouseEvent) => {
        const isPinch = event.type === "wheel"; // of a trackpad, which browsers tell with Ctrl
        return !this.lasso.active && (isPinch || !event.ctrlKey) && !event.button;
      })
      .scaleExtent([ZOOM_OUT, ZOOM_IN])
      .on("start", (event: { sourceEvent: Event | null }) => {
        if (!event.sourceEvent) return;
        this.motion++; // the reader's hand stops every flight
        this.goal = null;
      })
      .on("zoom", (event: { transform: ZoomTransform }) => {
        this.camera.transform = event.transform;
        this.invalidate();
      });
    select(canvas).call(this.behavior).on("dblclick.zoom", null);
    listen(canvas, {
      find: (px, py, reach) => this.find(px, py, reach),
      hover: (recipe, px, py) => {
        this.setHovered(recipe);
        this.events.onHover(recipe, px, py);
      },
      pick: (recipe) => this.events.onPick(recipe),
      pickCursor: () => this.cursor !== null && this.events.onPick(this.cursor),
      circle: (key) => this.circle(key),
      step: (direction) => this.step(direction),
      panBy: (dx, dy) => this.panBy(dx, dy),
      zoomBy: (factor) => this.zoomBy(factor),
      showAll: () => this.show(null),
    });
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
    // the typeface of the regions is only fetched once something asks for it
    void document.fonts.load("italic 500 17px Fraunces").then(() => {
      forgetPictures();
      this.invalidate();
    });
  }

  // ---- what it shows

  setScheme(scheme: Scheme): void {
    this.scene.scheme = scheme;
    this.invalidate();
  }

  setTheme(): void {
    this.scene.inks = inks();
    this.ground.forget();
    this.invalidate();
  }

  setHighlight(recipes: Iterable<number> | null): void {
    const { heads } = this.scene.data;
    const all = recipes && new Set(recipes);
    // what shares a point with something that is lit as well is lit with it
    this.scene.highlighted =
      all && new Set([...all].filter((i) => heads[i] === i || !all.has(heads[i])));
    this.invalidate();
  }

  setSelected(recipe: number | null, neighbors: Neighbor[]): void {
    this.scene.selected = recipe;
    this.scene.neighbors = neighbors;
    this.scene.path = [];
    if (recipe !== null) this.cursor = recipe;
    this.invalidate();
  }

  /** Light a way from drink to drink. */
  setPath(recipes: number[]): void {
    this.setSelected(null, []);
    this.scene.path = recipes;
  }

  setHovered(recipe: number | null): void {
    if (this.scene.hovered === recipe) return;
    this.scene.hovered = recipe;
    this.invalidate();
  }

  /** Let the points glide from one map to the other. */
  setKind(kind: MapKind): void {
    const { scene } = this;
    if (kind === scene.kind) return;
    scene.kind = kind;
    scene.gliding = true;
    const { current } = scene;
    const from = copied(current);
    const goal = this.places[kind];
    this.animate(
      calm() ? 0 : GLIDE_MS,
      (t) => {
        const e = easeCubicInOut(t);
        for (let i = 0; i < goal.x.length; i++) {
          current.x[i] = from.x[i] + (goal.x[i] - from.x[i]) * e;
          current.y[i] = from.y[i] + (goal.y[i] - from.y[i]) * e;
        }
        if (t < 1) return;
        current.x.set(goal.x);
        current.y.set(goal.y);
        scene.gliding = false;
        if (this.goal) this.show(this.goal.recipes); // which have other places now
      },
      () => kind === scene.kind, // a glide back takes over from where the points are
    );
  }

  // ---- where it looks

  /** Move until these recipes fill the view; without any, until all do. */
  show(recipes: number[] | null): void {
    this.goal = { recipes: recipes?.length ? recipes : null };
    this.measure(); // the panel beside the map may have grown just now
    this.fly(this.aim());
  }

  /** The transform that shows what is to be shown, at the present size. */
  private aim(): ZoomTransform {
    const recipes = this.goal?.recipes;
    if (!recipes) return zoomIdentity;
    const { camera } = this;
    const places = this.places[this.scene.kind];
    const first = camera.fitting(recipes, places);
    if (camera.isClear(recipes, places, first)) return first;
    camera.lift();
    return camera.fitting(recipes, places);
  }

  /** Keep what is shown in view when something over the map opened or closed. */
  refit(): void {
    this.measure();
    if (!this.goal) return;
    this.motion++;
    this.behavior.transform(select(this.canvas), this.aim());
    this.invalidate();
  }

  /** Where the reader is looking, to come back to; null where a goal says it. */
  get look(): [number, number, number] | null {
    const { camera } = this;
    return this.goal ? null : [...camera.place(camera.width / 2, camera.height / 2), camera.k];
  }

  lookAt([u, v, k]: [number, number, number]): void {
    this.measure();
    this.goal = null;
    this.motion++;
    this.behavior.transform(select(this.canvas), this.camera.looking(k, this.camera.world(u, v)));
  }

  /** The next drag circles drinks; a second call thinks better of it. By keyboard there is a ring. */
  setLasso(byKeyboard: boolean): void {
    const { lasso, cursor } = this;
    lasso.set(!lasso.active);
    if (!lasso.active) return;
    this.canvas.focus({ preventScroll: true });
    if (!byKeyboard) return;
    lasso.putRing(cursor === null ? this.middle : this.locate(cursor));
    this.events.onRing(this.within(lasso.points).length);
  }

  private get middle(): [number, number] {
    return [this.camera.width / 2, this.camera.height / 2];
  }

  private within(outline: [number, number][]): number[] {
    const all = [...this.places[this.scene.kind].x.keys()];
    return all.filter((recipe) => inside(outline, this.locate(recipe)));
  }

  private circle(key: string): boolean {
    const { lasso } = this;
    if (!lasso.press(key, this.middle)) return false;
    if (lasso.active) this.events.onRing(this.within(lasso.points).length);
    else if (key === "Escape") this.events.onRing(null);
    return true;
  }

  zoomBy(factor: number): void {
    const { camera } = this;
    const [cx, cy] = camera.view();
    const k = Math.min(ZOOM_IN, Math.max(ZOOM_OUT, camera.k * factor));
    this.goal = null;
    this.fly(camera.looking(k, [cx, cy]), 220);
  }

  private panBy(dx: number, dy: number): void {
    this.goal = null;
    this.behavior.translateBy(select(this.canvas), dx / this.camera.k, dy / this.camera.k);
  }

  private fly(goal: ZoomTransform, limit = 750): void {
    const { camera } = this;
    const path = interpolateZoom(camera.view(), camera.view(goal));
    const duration = calm() ? 0 : Math.min(limit, Math.max(200, path.duration * 0.7));
    const mine = ++this.motion;
    this.animate(
      duration,
      (t) => {
        const [cx, cy, w] = path(easeCubicInOut(t));
        const step = t === 1 ? goal : camera.looking(camera.width / w, [cx, cy]);
        this.behavior.transform(select(this.canvas), step);
      },
      () => mine === this.motion, // a new movement of the view ends the one before
    );
  }

  private animate(duration: number, step: (t: number) => void, wanted: () => boolean): void {
    if (duration === 0) {
      step(1);
      this.invalidate();
      return;
    }
    const begin = performance.now();
    const tick = (now: number) => {
      if (!wanted()) return;
      const t = Math.min(1, Math.max(0, (now - begin) / duration));
      step(t);
      this.invalidate();
      if (t < 1) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  /** Where a recipe stands on the canvas, in CSS pixels. */
  locate(recipe: number): [number, number] {
    return locate(this.scene, recipe);
  }

  get zoomed(): number {
    return this.camera.k;
  }

  // ---- hands and keys

  private find(px: number, py: number, reach: number): number | null {
    const { camera, scene } = this;
    if (scene.gliding) return null;
    const reached = reach / (camera.side * camera.k);
    const found = nearest(this.places[scene.kind], camera.place(px, py), reached);
    return found === null || scene.highlighted?.has(found) ? found : scene.data.heads[found];
  }

  /** Go to the next drink in a direction, or first of all to the one in the middle. */
  private step(direction: Direction): void {
    const { camera } = this;
    const [middleX, middleY] = this.middle;
    const target =
      this.cursor === null
        ? this.find(middleX, middleY, Infinity)
        : ahead(this.places[this.scene.kind], this.cursor, direction);
    if (target === null) return;
    this.cursor = target;
    this.setHovered(target);
    let [px, py] = this.locate(target);
    if (px < EDGE || py < EDGE || px > camera.width - EDGE || py > camera.height - EDGE) {
      this.panBy(middleX - px, middleY - py);
      [px, py] = this.locate(target);
    }
    this.events.onHover(target, px, py);
    this.events.onAnnounce(target);
  }

  // ---- drawing

  /** Take the canvas's size as it is laid out now, and what lies over it. */
  private measure(): boolean {
    const { canvas, camera } = this;
    const box = canvas.getBoundingClientRect();
    if (!box.width || !box.height) return false;
    camera.insets = this.events.insets(box.width);
    let transform = camera.resize(box.width, box.height);
    const places = this.places[this.scene.kind];
    if (!camera.isClear(places.x.keys(), places, zoomIdentity)) {
      camera.lift();
      transform = camera.resize(box.width, box.height);
    }
    const [width, height] = [box.width, box.height].map((side) => Math.round(side * camera.scale));
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    if (transform !== camera.transform) this.behavior.transform(select(canvas), transform);
    return true;
  }

  private resize(): void {
    const { width, height } = this.camera;
    if (!this.measure()) return;
    if (this.goal && (width !== this.camera.width || height !== this.camera.height)) this.refit();
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

  private draw(): void {
    const { scene, camera } = this;
    const { context } = scene;
    context.setTransform(camera.scale, 0, 0, camera.scale, 0, 0);
    context.fillStyle = scene.inks.ground;
    context.fillRect(0, 0, camera.width, camera.height);
    this.ground.draw(scene, this.places[scene.kind]);
    const radius = pointRadius(scene);
    const inFocus = focus(scene);
    drawPoints(scene, radius, inFocus.size > 0);
    drawLines(scene);
    for (const recipe of inFocus) drawPoint(scene, recipe, radius * 1.25);
    drawRings(scene, radius);
    const taken = new Occupied();
    for (const box of camera.insets.covered) taken.block(...box);
    if (!inFocus.size && !scene.highlighted) drawRegions(scene, this.regions, taken);
    this.lasso.draw(context, scene.inks.accent);
    if (drawLabels(scene, taken, radius * 1.25)) this.invalidate();
  }
}
