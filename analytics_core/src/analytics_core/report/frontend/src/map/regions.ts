// The names of families, set over the map like the names of countries.

import type { Data, MapKind } from "../data";
import { labelText, picture, type Occupied } from "./labels";
import type { Places } from "./places";
import type { Scene } from "./scene";

const FEWEST_RECIPES = 60;
const SMALLEST_SHARE = 0.02;

export interface Region {
  text: string;
  at: Record<MapKind, [number, number]>;
}

export function findRegions(data: Data, places: Record<MapKind, Places>): Region[] {
  if (data.count < FEWEST_RECIPES) return [];
  const groups = data.families.map(() => [] as number[]);
  data.recipes.family.forEach((family, recipe) => groups[family]?.push(recipe));
  const median = (members: number[], values: Float32Array) =>
    members.map((i) => values[i]).sort((a, b) => a - b)[members.length >> 1];
  const middle = (members: number[], { x, y }: Places): [number, number] => [
    median(members, x),
    median(members, y),
  ];
  return groups
    .map((members, family) => ({ members, marks: data.families[family].slice(0, 2) }))
    .filter(({ members, marks }) => members.length >= data.count * SMALLEST_SHARE && marks.length)
    .map(({ members, marks }) => ({
      text: marks.map((i) => data.ingredient(i)).join(" & "),
      at: { plain: middle(members, places.plain), learned: middle(members, places.learned) },
    }));
}

/** Seen from afar only; close up the drinks' own names take over. */
export function drawRegions(scene: Scene, regions: Region[], taken: Occupied): void {
  const { context, camera, inks, kind } = scene;
  const fade = Math.max(0, Math.min(1, (2.6 - camera.k) / 0.8));
  if (scene.gliding || fade <= 0) return;
  const size = camera.width < 600 ? 13 : 17;
  // a name at the edge moves in rather than under the legend
  const edge = camera.free().left - 10;
  const pushed = (px: number, width: number) =>
    px > edge ? Math.max(edge, px - width / 2) : px - width / 2;
  context.globalAlpha = fade;
  for (const { text, at } of regions) {
    const px = camera.x(at[kind][0]);
    const py = camera.y(at[kind][1]);
    const label = picture(labelText(text), {
      font: `italic 500 ${size}px Fraunces, Georgia, serif`,
      ink: inks.accent,
      halo: inks.ground,
      scale: camera.scale,
    });
    for (const shift of [0, -26, 26, -52, 52]) {
      const [left, top] = [pushed(px, label.width), py - label.height / 2 + shift];
      if (left < 4 || left + label.width > camera.width - 4) continue;
      if (!taken.claim(left, top, label.width, label.height)) continue;
      context.drawImage(label.canvas, left, top, label.width, label.height);
      break;
    }
  }
  context.globalAlpha = 1;
}
