/** PNGs of all kinds, made by hand, and what everyone should see in them. */

import { crc32, deflateSync } from "node:zlib";

export type Colour = readonly [number, number, number];

/** A colour profile: what its numbers mean. */
export interface Profile {
  /** XYZ of red, green and blue, for a white of D50. */
  readonly primaries: readonly [Colour, Colour, Colour];
  /** The curve's tag, and the curve itself. */
  readonly curve: { readonly tag: Buffer; readonly toLinear: (value: number) => number };
}

const fixed = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(Math.round(value * 65_536));
  return bytes;
};
const word = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

const srgbToLinear = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const srgbFromLinear = (value: number) => (value <= 0.0031308 ? value * 12.92 : 1.055 * value ** (1 / 2.4) - 0.055);
const SRGB_CURVE = {
  tag: Buffer.concat([
    Buffer.from("para\0\0\0\0\0\x03\0\0", "latin1"),
    ...[2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045].map(fixed),
  ]),
  toLinear: srgbToLinear,
};
/** 2.2, as the profile of that name rounds it. */
const GAMMA = 0x0233 / 256;
const GAMMA_CURVE = {
  tag: Buffer.from([...Buffer.from("curv\0\0\0\0\0\0\0\x01", "latin1"), 0x02, 0x33, 0, 0]),
  toLinear: (value: number) => value ** GAMMA,
};

const SRGB: readonly [Colour, Colour, Colour] = [
  [0.43607, 0.22249, 0.01392],
  [0.38515, 0.71687, 0.09708],
  [0.14307, 0.06061, 0.7141],
];

export const PROFILES: Readonly<Record<string, Profile>> = {
  "Display P3": {
    primaries: [
      [0.51512, 0.2412, -0.00105],
      [0.29198, 0.69225, 0.04189],
      [0.1571, 0.06657, 0.78407],
    ],
    curve: SRGB_CURVE,
  },
  "Adobe RGB": {
    primaries: [
      [0.60974, 0.31111, 0.01947],
      [0.20528, 0.62567, 0.06087],
      [0.14919, 0.06322, 0.74457],
    ],
    curve: GAMMA_CURVE,
  },
};

/** The sRGB of a colour of the profile's. */
export function fromProfile(colour: Colour, { primaries, curve }: Profile): Colour {
  const linear = colour.map((value) => curve.toLinear(value / 255));
  const xyz = [0, 1, 2].map((row) => primaries.reduce((sum, column, at) => sum + column[row]! * linear[at]!, 0));
  const level = (value: number) => Math.round(255 * srgbFromLinear(Math.min(1, Math.max(0, value))));
  return solve(SRGB, xyz as unknown as Colour).map(level) as unknown as Colour;
}

/** What of three columns gives `sum`: Cramer's rule. */
function solve(columns: readonly [Colour, Colour, Colour], sum: Colour): Colour {
  const determinant = ([a, b, c]: readonly [Colour, Colour, Colour]) =>
    a[0] * (b[1] * c[2] - b[2] * c[1]) - b[0] * (a[1] * c[2] - a[2] * c[1]) + c[0] * (a[1] * b[2] - a[2] * b[1]);
  const [a, b, c] = columns;
  const whole = determinant(columns);
  return [determinant([sum, b, c]) / whole, determinant([a, sum, c]) / whole, determinant([a, b, sum]) / whole];
}

/** The profile as a file: a display's, of a matrix and a curve. */
function icc({ primaries, curve }: Profile): Buffer {
  const xyz = (colour: readonly number[]) =>
    Buffer.concat([Buffer.from("XYZ \0\0\0\0", "latin1"), ...colour.map(fixed)]);
  const text = (type: string, words: string) =>
    Buffer.concat([
      Buffer.from(`${type}\0\0\0\0\0\0\0\x01\0\0\0\x0cenUS`, "latin1"),
      word(2 * words.length),
      word(28),
      utf16(words),
    ]);
  const tags: [string, Buffer][] = [
    ["desc", text("mluc", "test")],
    ["cprt", text("mluc", "none")],
    ["wtpt", xyz([0.9642, 1, 0.8249])],
    ["rXYZ", xyz(primaries[0])],
    ["gXYZ", xyz(primaries[1])],
    ["bXYZ", xyz(primaries[2])],
    ["rTRC", curve.tag],
    ["gTRC", curve.tag],
    ["bTRC", curve.tag],
  ];
  let at = 128 + 4 + 12 * tags.length;
  const table = tags.map(([name, data]) => {
    const entry = Buffer.concat([Buffer.from(name, "latin1"), word(at), word(data.length)]);
    at += data.length;
    return entry;
  });
  const header = Buffer.alloc(128);
  header.writeUInt32BE(at, 0);
  header.writeUInt32BE(0x04300000, 8);
  header.write("mntrRGB XYZ ", 12, "latin1");
  for (const [index, value] of [2026, 1, 1].entries()) header.writeUInt16BE(value, 24 + 2 * index);
  header.write("acsp", 36, "latin1");
  Buffer.concat([0.9642, 1, 0.8249].map(fixed)).copy(header, 68);
  return Buffer.concat([header, word(tags.length), ...table, ...tags.map(([, data]) => data)]);
}

function utf16(words: string): Buffer {
  return Buffer.from(words, "utf16le").swap16();
}

interface Kind {
  readonly color: "rgb" | "rgba" | "palette" | "grey-alpha";
  readonly depth: 8 | 16;
  /** All of it of one colour. */
  readonly only?: Colour;
  readonly alpha?: number;
  /** Of EXIF: how the picture must be turned to stand upright. */
  readonly orientation?: 3 | 5 | 6;
  readonly profile?: Profile;
  readonly side?: number;
}

/** A PNG, and what is seen of it. */
export interface Made {
  readonly bytes: Buffer;
  readonly width: number;
  readonly height: number;
  /** RGB, row by row. */
  readonly pixels: Uint8Array;
}

const TYPES = { rgb: 2, rgba: 6, palette: 3, "grey-alpha": 4 };

export function png({ color, depth, only, alpha, orientation, profile, side = 64 }: Kind): Made {
  // Not square, so that a picture that lies is known.
  const [width, height] = only ? [side, side] : [side, side - 16];
  const palette: Colour[] = Array.from({ length: 200 }, (_, at) => [at, 255 - at, (at * 7) % 256]);
  /** What is stored of a pixel, and what is seen of it. */
  const pixel = (x: number, y: number): { stored: number[]; seen: Colour } => {
    const hole = alpha === undefined && x % 8 === 3;
    const colour: Colour = only ?? [(x * 4) % 256, (y * 5) % 256, (x * y) % 256];
    const white: Colour = [255, 255, 255];
    switch (color) {
      case "rgb":
        return { stored: [...colour], seen: colour };
      case "rgba":
        return { stored: [...colour, alpha ?? (hole ? 0 : 255)], seen: hole ? white : colour };
      case "palette": {
        const index = hole ? 0 : 1 + ((x + y) % 199);
        return { stored: [index], seen: hole ? white : palette[index]! };
      }
      case "grey-alpha": {
        const [level] = colour;
        return { stored: [level, hole ? 0 : 255], seen: hole ? white : [level, level, level] };
      }
    }
  };
  const rows: number[] = [];
  const seen: Colour[][] = [];
  for (let y = 0; y < height; y += 1) {
    rows.push(0);
    const row: Colour[] = [];
    for (let x = 0; x < width; x += 1) {
      const made = pixel(x, y);
      // The same byte twice is 257 times the level.
      for (const value of made.stored) rows.push(...(depth === 16 ? [value, value] : [value]));
      row.push(made.seen);
    }
    seen.push(row);
  }
  const head = Buffer.concat([word(width), word(height), Buffer.from([depth, TYPES[color], 0, 0, 0])]);
  const chunks = [chunk("IHDR", head)];
  if (profile) chunks.push(chunk("iCCP", Buffer.concat([Buffer.from("icc\0\0", "latin1"), deflateSync(icc(profile))])));
  if (color === "palette") {
    chunks.push(chunk("PLTE", Buffer.from(palette.flat())));
    chunks.push(chunk("tRNS", Buffer.from([0])));
  }
  if (orientation) {
    const tiff = `MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0${String.fromCharCode(orientation)}\0\0\0\0\0\0`;
    chunks.push(chunk("eXIf", Buffer.from(tiff, "latin1")));
  }
  chunks.push(chunk("IDAT", deflateSync(Buffer.from(rows))), chunk("IEND", Buffer.alloc(0)));
  const upright = turned(seen, orientation);
  return {
    bytes: Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...chunks]),
    width: upright[0]?.length ?? 0,
    height: upright.length,
    pixels: Uint8Array.from(upright.flat(2)),
  };
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  return Buffer.concat([word(data.length), body, word(crc32(body))]);
}

/** How a picture stands that is to be turned: 3 by half, 6 by a quarter clockwise, 5 with rows and columns exchanged. */
function turned(rows: Colour[][], orientation: Kind["orientation"]): Colour[][] {
  if (orientation === undefined) return rows;
  if (orientation === 3) return [...rows].reverse().map((row) => [...row].reverse());
  const transposed = (rows[0] ?? []).map((_, x) => rows.map((row) => row[x]!));
  return orientation === 5 ? transposed : transposed.map((row) => [...row].reverse());
}
