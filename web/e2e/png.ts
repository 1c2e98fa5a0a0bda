/** Reads PNGs as our programs write them: eight bits a channel, RGB, not interlaced. */

import { inflateSync } from "node:zlib";

export interface Png {
  readonly width: number;
  readonly height: number;
  /** RGB, row by row. */
  readonly pixels: Uint8Array;
  /** The text chunks, by keyword. */
  readonly texts: ReadonlyMap<string, string>;
}

export function decodePng(bytes: Buffer): Png {
  if (bytes.toString("latin1", 1, 4) !== "PNG") throw new Error("not a PNG");
  const texts = new Map<string, string>();
  const data: Buffer[] = [];
  let [width, height] = [0, 0];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    const body = bytes.subarray(at + 8, at + 8 + length);
    at += 12 + length;
    if (type === "IHDR") {
      [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)];
      if (body[8] !== 8 || body[9] !== 2 || body[12] !== 0) throw new Error("not RGB of eight bits");
    } else if (type === "IDAT") data.push(body);
    else if (type === "tEXt" || type === "iTXt") {
      const end = body.indexOf(0);
      // Keyword, NUL, and for iTXt: two flags, language, NUL, translated keyword, NUL, text.
      const start = type === "tEXt" ? end + 1 : body.indexOf(0, body.indexOf(0, end + 3) + 1) + 1;
      texts.set(body.toString("latin1", 0, end), body.toString(type === "tEXt" ? "latin1" : "utf8", start));
    }
  }
  return { width, height, pixels: unfilter(inflateSync(Buffer.concat(data)), width, height), texts };
}

/** Undoes the filter that each row names in its first byte. */
function unfilter(raw: Buffer, width: number, height: number): Uint8Array {
  const stride = width * 3;
  const pixels = new Uint8Array(stride * height);
  for (let row = 0; row < height; row++) {
    const filter = raw[row * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const at = row * stride + x;
      const left = x >= 3 ? pixels[at - 3]! : 0;
      const up = row > 0 ? pixels[at - stride]! : 0;
      const corner = x >= 3 && row > 0 ? pixels[at - stride - 3]! : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter ?? 0];
      if (guess === undefined) throw new Error(`no PNG filter ${filter}`);
      pixels[at] = raw[row * (stride + 1) + 1 + x]! + guess;
    }
  }
  return pixels;
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [left, up, corner].map((side) => Math.abs(left + up - corner - side)) as [number, number, number];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
