/** Images as pixels. */

import { AtelierError, messageOf } from "./errors.js";
import type { Pixels } from "./types.js";

/** More than any camera has; the model sees 4 million at most. */
const MAX_PIXELS = 100_000_000;

/** Formats of cameras, told from their first box, that most browsers do not know. */
export async function brandOf(image: Blob): Promise<"HEIC" | "AVIF" | undefined> {
  const head = new Uint8Array(await image.slice(4, 12).arrayBuffer());
  const [box, brand] = [head.subarray(0, 4), head.subarray(4)].map((bytes) => String.fromCharCode(...bytes));
  if (box !== "ftyp" || brand === undefined) return undefined;
  if (/^(hei[cxms]|hevc|mif1|msf1)$/.test(brand)) return "HEIC";
  return /^avi[fs]$/.test(brand) ? "AVIF" : undefined;
}

/** The pixels of an image of any format that the browser knows, upright and not premultiplied. `name` is for messages. */
export async function decodeImage(image: Blob | ImageData, name: string): Promise<Pixels> {
  // A canvas multiplies colours with their opacity and loses some of them: pixels that can be taken as they are, are.
  if (image instanceof ImageData && image.colorSpace === "srgb") {
    const { width, height, data } = image;
    return { width, height, data };
  }
  const camera = image instanceof Blob ? await brandOf(image) : undefined;
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(image, {
      imageOrientation: "from-image",
      premultiplyAlpha: "none",
      // To sRGB by the file's colour profile, as the program does it.
      colorSpaceConversion: "default",
    });
  } catch (error) {
    const found = camera ? `${camera}: save it as a JPEG or PNG first` : messageOf(error);
    throw new AtelierError("bad-image", `${name}: expected an image that the browser can show, found ${found}`);
  }
  try {
    const { width, height } = bitmap;
    if (width * height > MAX_PIXELS) {
      const problem = `expected at most ${MAX_PIXELS / 1_000_000} million pixels, found ${width}x${height}`;
      throw new AtelierError("bad-image", `${name}: ${problem}`);
    }
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (!context) throw new AtelierError("bad-image", `${name}: ${width} x ${height} pixels cannot be drawn`);
    context.drawImage(bitmap, 0, 0);
    return { width, height, data: context.getImageData(0, 0, width, height).data };
  } finally {
    bitmap.close();
  }
}
