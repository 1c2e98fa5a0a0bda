import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { readPicture } from "./picture.js";
import { record } from "./testing/records.js";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function chunk(kind: string, data: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([length, Buffer.from(kind), data, Buffer.alloc(4)]);
}

function png(...chunks: Buffer[]): Blob {
  const pixels = chunk("IDAT", Buffer.alloc(100_000));
  return new Blob([
    Buffer.concat([
      Buffer.from(SIGNATURE),
      chunk("IHDR", Buffer.alloc(13)),
      pixels,
      ...chunks,
      chunk("IEND", Buffer.alloc(0)),
    ]),
  ]);
}

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
const note = (text = JSON.stringify(record)): string => `atelier\0${text}`;

test("plain Latin-1, as the engine writes it", async () => {
  const other = chunk("tEXt", latin1("parameters\0A poster\nSteps: 4"));
  expect(await readPicture(png(other, chunk("tEXt", latin1(note()))))).toEqual(record);
});

test("every Latin-1 character, not Windows-1252", async () => {
  const prompt = "\u0080\u0093é";
  const text = JSON.stringify({ ...record, blueprint: { ...record.blueprint, prompt } });
  expect((await readPicture(png(chunk("tEXt", latin1(note(text))))))?.blueprint.prompt).toBe(prompt);
});

test("UTF-8, as the engine writes what Latin-1 has not", async () => {
  const text = JSON.stringify({ ...record, blueprint: { ...record.blueprint, prompt: "标题" } });
  const data = Buffer.concat([latin1("atelier\0\0\0\0\0"), Buffer.from(text)]);
  expect((await readPicture(png(chunk("iTXt", data))))?.blueprint.prompt).toBe("标题");
});

test("packed by another program", async () => {
  const text = Buffer.from(JSON.stringify(record));
  const utf8 = Buffer.concat([latin1("atelier\0\x01\0en\0Atelier\0"), deflateSync(text)]);
  expect(await readPicture(png(chunk("iTXt", utf8)))).toEqual(record);
  const packed = Buffer.concat([latin1("atelier\0\0"), deflateSync(latin1(JSON.stringify(record)))]);
  expect(await readPicture(png(chunk("zTXt", packed)))).toEqual(record);
});

test("what unpacks to more than any note is refused", async () => {
  const packed = Buffer.concat([latin1("atelier\0\0"), deflateSync(Buffer.alloc(20 << 20))]);
  await expect(readPicture(png(chunk("zTXt", packed)))).rejects.toMatchObject({
    message: expect.stringContaining("at most"),
  });
});

test.each([
  ["no PNG", new Blob(["GIF89a and more"]), "expected a PNG image"],
  ["nothing", new Blob([]), "expected a PNG image"],
  ["no JSON", png(chunk("tEXt", latin1(note("{")))), "expected JSON"],
  ["only a format", png(chunk("tEXt", latin1(note('{"format":"atelier-run/1"}')))), "version: expected a text"],
  ["no object", png(chunk("tEXt", latin1(note("null")))), "expected an object"],
  ["damaged", png(chunk("zTXt", latin1("atelier\0\0rubbish"))), "cannot be unpacked"],
])("refused: %s", async (_what, blob, problem) => {
  await expect(readPicture(blob)).rejects.toMatchObject({
    code: "bad-image",
    message: expect.stringContaining(problem),
  });
});

test("another version's is named so", async () => {
  const newer = png(chunk("tEXt", latin1(note('{"format":"atelier-run/2"}'))));
  await expect(readPicture(newer)).rejects.toMatchObject({
    code: "other-version",
    message: expect.stringMatching(/run\/2$/),
  });
});

test.each([
  ["no note", png()],
  ["no note of ours", png(chunk("tEXt", latin1("parameters\0A poster")))],
  [
    "a length beyond the end",
    new Blob([Buffer.concat([Buffer.from(SIGNATURE), Buffer.from([255, 255, 255, 255]), latin1("tEXtatelier\0{}")])]),
  ],
])("no run: %s", async (_what, blob) => {
  expect(await readPicture(blob)).toBeUndefined();
});
