// Many thousand points at once: stamped pixel by pixel, then laid on the map as one picture.
// Copying each with the canvas's own means takes five times as long where it paints without a graphics card.

interface Stamp {
  size: number;
  /** Red, green, blue and alpha in one number each, as the machine orders them. */
  pixels: Uint32Array;
}

const OPAQUE = new Uint32Array(new Uint8ClampedArray([0, 0, 0, 255]).buffer)[0];
const stamps = new WeakMap<HTMLCanvasElement, Stamp>();

function stampOf(picture: HTMLCanvasElement): Stamp {
  let known = stamps.get(picture);
  if (!known) {
    const { width, height } = picture;
    const { data } = picture.getContext("2d")!.getImageData(0, 0, width, height);
    known = { size: width, pixels: new Uint32Array(data.buffer) };
    stamps.set(picture, known);
  }
  return known;
}

export class Crowd {
  private readonly canvas = document.createElement("canvas");
  private readonly context = this.canvas.getContext("2d", { willReadFrequently: true })!;
  private image = new ImageData(1, 1);
  private pixels = new Uint32Array(this.image.data.buffer);

  /** An empty layer of a size in device pixels. */
  clear(width: number, height: number): void {
    if (this.image.width === width && this.image.height === height) {
      this.pixels.fill(0);
      return;
    }
    this.canvas.width = width;
    this.canvas.height = height;
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  /** Put a picture's upper left corner at a device pixel. */
  stamp(picture: HTMLCanvasElement, px: number, py: number): void {
    const { size, pixels: source } = stampOf(picture);
    const { pixels: target, image } = this;
    const { width, height, data } = image;
    const [left, top] = [Math.round(px), Math.round(py)];
    const [x0, x1] = [Math.max(0, -left), Math.min(size, width - left)];
    const [y0, y1] = [Math.max(0, -top), Math.min(size, height - top)];
    for (let y = y0; y < y1; y++) {
      let to = (top + y) * width + left + x0;
      for (let from = y * size + x0; from < y * size + x1; from++, to++) {
        const pixel = source[from];
        if (!pixel) continue;
        if ((pixel & OPAQUE) === (OPAQUE | 0) || !target[to]) target[to] = pixel;
        else blend(pixel, data, to * 4);
      }
    }
  }

  layOn(target: CanvasRenderingContext2D): void {
    this.context.putImageData(this.image, 0, 0);
    target.save();
    target.resetTransform();
    target.drawImage(this.canvas, 0, 0);
    target.restore();
  }
}

const one = new Uint32Array(1);
const parts = new Uint8Array(one.buffer);

/** The soft edge of a point over what lies there. */
function blend(pixel: number, under: Uint8ClampedArray, at: number): void {
  one[0] = pixel;
  const over = parts[3] / 255;
  const below = (1 - over) * (under[at + 3] / 255);
  const alpha = over + below;
  for (let channel = 0; channel < 3; channel++) {
    under[at + channel] = (parts[channel] * over + under[at + channel] * below) / alpha;
  }
  under[at + 3] = alpha * 255;
}
