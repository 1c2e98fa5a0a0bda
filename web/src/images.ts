/** Images as pixels. */

import { AtelierError, messageOf } from "./errors.js";
import type { Pixels } from "./types.js";

/** The pixels of an image of any format that the browser knows, upright and not premultiplied. `name` is for messages. */
export async function decodeImage(image: Blob | ImageData, name: string): Promise<Pixels> {
  // A canvas multiplies colours with their opacity and loses some of them: pixels that can be taken as they are, are.
  if (image instanceof ImageData && image.colorSpace === "srgb") {
    const { width, height, data } = image;
    return { width, height, data };
  }
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(image, {
      imageOrientation: "from-image",
      premultiplyAlpha: "none",
      // Numbers as they stand in the file, like the program reads them.
      colorSpaceConversion: image instanceof ImageData ? "default" : "none",
    });
  } catch (error) {
    throw new AtelierError(
      "bad-image",
      `${name}: expected an image that the browser can show, found: ${messageOf(error)}`,
    );
  }
  try {
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (!context) throw new AtelierError("bad-image", `${name}: ${width} x ${height} pixels cannot be drawn`);
    context.drawImage(bitmap, 0, 0);
    return { width, height, data: context.getImageData(0, 0, width, height).data };
  } finally {
    bitmap.close();
  }
}
