// The names of families, set over the map like the names of countries.

import type { Data, MapKind } from "../data";
import { labelText, picture, type Occupied } from "./labels";
import type { Places } from "./places";
import type { Scene } from "./scene";

export const FEWEST_RECIPES = 60;
const SMALLEST_SHARE = 0.02;
const SERIF = "Fraunces, Georgia, serif";
/** Two lines of one name stand closer than two names, in pixels. */
const LEADING = 7;

export interface Region {
  /** What its drinks are made of, and one that stands for them. */
  texts: [string, string];
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
    .map((members, family) => ({ members, family }))
    .filter(({ members }) => members.length >= data.count * SMALLEST_SHARE)
    .map(({ members, family }) => ({
      texts: [data.familyKind(family), data.name(data.families[family][0])],
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
  const style = { ink: inks.accent, halo: inks.ground, scale: camera.scale };
  for (const { texts, at } of regions) {
    const px = camera.x(at[kind][0]);
    const py = camera.y(at[kind][1]);
    const lines = [
      picture(labelText(texts[1]), { ...style, font: `italic 500 ${size}px ${SERIF}` }),
      picture(labelText(texts[0], 40), { ...style, font: `italic 500 ${size - 4}px ${SERIF}` }),
    ];
    const width = Math.max(...lines.map((line) => line.width));
    const height = lines.reduce((sum, line) => sum + line.height - LEADING, 0);
    for (const shift of [0, -26, 26, -52, 52]) {
      const left = Math.min(pushed(px, width), camera.width - 4 - width);
      let top = py - height / 2 + shift;
      if (left < 4 || !taken.claim(left, top, width, height)) continue;
      for (const line of lines) {
        const inside = left + (width - line.width) / 2;
        context.drawImage(line.canvas, inside, top, line.width, line.height);
        top += line.height - LEADING;
      }
      break;
    }
  }
  context.globalAlpha = 1;
}
