/** Files that nobody should have to meet: each by its name, with what they hold. */

export interface Hostile {
  readonly name: string;
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What the page should call it: `image` where only the picture in it is of use. */
  readonly verdict: "damaged" | "other-version" | "unknown" | "image";
}

/** A blueprint that is as it should be. */
export const BLUEPRINT = {
  format: "atelier-blueprint/1",
  model: "m",
  prompt: "A sign with 'OK'",
  width: 64,
  height: 64,
  seed: 1,
  sampling: { temperature: 0.5, top_p: 0.75, top_k: null },
  rng: 1,
  large: { rows: 2, columns: 2, ids: [10, 11, 12, 13] },
};

/** What a PNG of such a blueprint notes. */
export const RECORD = {
  format: "atelier-run/1",
  version: "0.1.0",
  model: "mini",
  device: "none",
  blueprint: BLUEPRINT,
  paint: { steps: 2, guidance: 1.5, seed: 1 },
  image: 0,
  images: 1,
};

const utf8 = (text: string) => new TextEncoder().encode(text);
const json = (name: string, value: unknown, verdict: Hostile["verdict"] = "damaged"): Hostile => ({
  name: `${name}.json`,
  type: "application/json",
  bytes: utf8(typeof value === "string" ? value : JSON.stringify(value)),
  verdict,
});
const changed = (name: string, change: object) => json(name, { ...BLUEPRINT, ...change });
const grid = (name: string, change: object) => changed(name, { large: { ...BLUEPRINT.large, ...change } });

function blueprints(): Hostile[] {
  const many = new Array<number>(2_000_000).fill(1);
  return [
    json("empty", ""),
    json("half", JSON.stringify(BLUEPRINT).slice(0, 90)),
    json("nul", "\u0000\u0000\u0000"),
    json("deep", "[".repeat(200_000)),
    json("nothing", "null", "unknown"),
    json("list", [BLUEPRINT], "unknown"),
    json("other", { format: "something-else/1" }, "unknown"),
    json("proto", '{"__proto__":{"format":"atelier-blueprint/1"}}', "unknown"),
    json("format alone", { format: "atelier-blueprint/1" }),
    json("newer", { ...BLUEPRINT, format: "atelier-blueprint/2" }, "other-version"),
    changed("empty draft", { draft: {} }),
    changed("draft of another size", { draft: { rows: 3, columns: 3, ids: [1] } }),
    changed("prompt of numbers", { prompt: 7 }),
    changed("prompt without end", { prompt: "a".repeat(200_000) }),
    changed("no width", { width: undefined }),
    changed("width of 0", { width: 0 }),
    changed("width of a billion", { width: 1e9, height: 1e9 }),
    changed("width of 63", { width: 63 }),
    changed("seed below 0", { seed: -1 }),
    json("seed beyond all", JSON.stringify(BLUEPRINT).replace('"seed":1', '"seed":1e400')),
    changed("no sampling", { sampling: null }),
    changed("unknown field", { surprise: true }),
    grid("too few ids", { ids: [1] }),
    grid("no ids", { ids: [] }),
    grid("two million ids", { ids: many }),
    grid("ids of words", { ids: ["a", "b", "c", "d"] }),
    grid("half an id", { ids: [0.5, 1, 2, 3] }),
    grid("id below 0", { ids: [-1, 1, 2, 3] }),
    grid("rows of a billion", { rows: 1e9, columns: 1e9 }),
    grid("grid of another size", { rows: 1, columns: 4 }),
    changed("sources of words", { sources: "none" }),
    changed("a thousand sources", {
      sources: new Array<object>(1000).fill({ width: 1, height: 1, sha256: "0".repeat(64) }),
    }),
  ];
}

function chunk(kind: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(12 + data.length);
  new DataView(bytes.buffer).setUint32(0, data.length);
  bytes.set(utf8(kind), 4);
  bytes.set(data, 8);
  new DataView(bytes.buffer).setUint32(8 + data.length, crc(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

function crc(bytes: Uint8Array): number {
  let value = ~0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ~value >>> 0;
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A picture of one pixel with these chunks before its end. */
async function png(...chunks: Uint8Array<ArrayBuffer>[]): Promise<Uint8Array<ArrayBuffer>> {
  const head = new Uint8Array([0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]);
  const signature = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const pixels = await deflate(new Uint8Array([0, 255, 0, 0]));
  const parts = [signature, chunk("IHDR", head), ...chunks, chunk("IDAT", pixels), chunk("IEND", new Uint8Array())];
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function pictures(): Promise<Hostile[]> {
  const note = (value: unknown) =>
    chunk("iTXt", utf8(`atelier\0\0\0\0\0${typeof value === "string" ? value : JSON.stringify(value)}`));
  const picture = async (name: string, verdict: Hostile["verdict"], ...chunks: Uint8Array<ArrayBuffer>[]) => ({
    name: `${name}.png`,
    type: "image/png",
    bytes: await png(...chunks),
    verdict,
  });
  const bomb = await deflate(new Uint8Array(64 << 20));
  const packed = new Uint8Array(await new Blob([utf8("atelier\0\0"), bomb]).arrayBuffer());
  const whole = await png();
  return [
    await picture("note of a format alone", "damaged", note({ format: "atelier-run/1" })),
    await picture("note of nothing", "damaged", note("null")),
    await picture("note of no JSON", "damaged", note("{")),
    await picture("note of sources of words", "damaged", note({ ...RECORD, sources: "none" })),
    await picture("note of no blueprint", "damaged", note({ ...RECORD, blueprint: null })),
    await picture("note without steps", "damaged", note({ ...RECORD, paint: {} })),
    await picture("newer note", "other-version", note({ ...RECORD, format: "atelier-run/2" })),
    await picture(
      "note of a newer blueprint",
      "other-version",
      note({ ...RECORD, blueprint: { ...BLUEPRINT, format: "atelier-blueprint/9" } }),
    ),
    await picture("note that grows when unpacked", "damaged", chunk("zTXt", packed)),
    await picture("note that cannot be unpacked", "damaged", chunk("zTXt", utf8("atelier\0\0no"))),
    await picture("ten thousand chunks", "image", ...new Array(10_000).fill(chunk("teXt", new Uint8Array()))),
    { name: "text.png", type: "image/png", bytes: utf8("no picture"), verdict: "damaged" },
    { name: "half a picture.png", type: "image/png", bytes: whole.slice(0, 20), verdict: "image" },
    { name: "photo.heic", type: "", bytes: utf8("\0\0\0\u0018ftypheic\0\0\0\0"), verdict: "image" },
    { name: "notes.txt", type: "text/plain", bytes: utf8("no"), verdict: "unknown" },
  ];
}

export async function hostileFiles(): Promise<readonly Hostile[]> {
  return [...blueprints(), ...(await pictures())];
}
