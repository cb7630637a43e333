// A drink as a picture to share: drawn here, so that nothing leaves the page.

import { written } from "./amounts";
import type { Context } from "./context";
import { shorten } from "./dom";
import { save } from "./parts";
import { outline } from "./shapes";
import { inks } from "./theme";

const WIDTH = 1200;
const HEIGHT = 630;
const SERIF = "Fraunces, Georgia, serif";
const SANS = 'system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif';

export function drawPicture(context: Context, recipe: number): HTMLCanvasElement {
  const { data } = context;
  const { categories, of } = context.scheme();
  const category = categories[of[recipe]];
  const colors = inks();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const draw = canvas.getContext("2d")!;
  draw.fillStyle = colors.ground;
  draw.fillRect(0, 0, WIDTH, HEIGHT);
  draw.fillStyle = category.color;
  draw.save();
  draw.translate(1010, 315);
  draw.scale(150, 150);
  draw.globalAlpha = 0.18;
  draw.fill(new Path2D(outline(category.shape)), "evenodd");
  draw.restore();
  draw.fillRect(0, 0, 14, HEIGHT);
  draw.fillStyle = colors.ink;
  draw.textBaseline = "top";
  let size = 76;
  const name = shorten(data.name(recipe), 60);
  do draw.font = `600 ${size}px ${SERIF}`;
  while (draw.measureText(name).width > 1060 && (size -= 4) > 28);
  draw.fillText(name, 80, 70);
  const lines = data.lines(recipe);
  const step = Math.min(52, 350 / Math.max(1, Math.min(9, lines.length)));
  lines.slice(0, 9).forEach((line, i) => {
    const y = 190 + i * step;
    draw.font = `400 ${Math.min(32, step * 0.64)}px ${SANS}`;
    draw.fillStyle = colors.soft;
    draw.textAlign = "right";
    draw.fillText(written(line), 250, y);
    draw.textAlign = "left";
    draw.fillStyle = colors.ink;
    draw.fillText(shorten(data.ingredient(line.ingredient), 44), 280, y);
  });
  draw.font = `italic 500 28px ${SERIF}`;
  draw.fillStyle = colors.accent;
  draw.fillText(shorten(context.title, 60), 80, 562);
  return canvas;
}

/** Hand the picture to whatever shares things here, else save it. */
export async function sharePicture(context: Context, recipe: number): Promise<void> {
  const canvas = drawPicture(context, recipe);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (!blob) return;
  const name = `${
    context.data
      .title(recipe)
      .replace(/[^\p{L}\p{N}]+/gu, "-")
      .slice(0, 60) || "drink"
  }.png`;
  const file = new File([blob], name, { type: "image/png" });
  if (navigator.canShare?.({ files: [file] })) {
    try {
      await navigator.share({ files: [file], title: context.data.name(recipe) });
      return;
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
    }
  }
  save(name, blob);
  context.announce(`Saved as ${name}`);
}
