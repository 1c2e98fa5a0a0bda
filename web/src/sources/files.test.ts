import { describe, expect, test } from "vitest";
import { MemoryStore } from "../testing/memory-store.js";
import { filesFromDrop, filesFromPicker, FilesSource, fromRoot } from "./files.js";

const paths = (files: ReadonlyMap<string, unknown>): string[] => [...files.keys()];
const files = (...names: string[]): Map<string, Blob> => new Map(names.map((name) => [name, new Blob([name])]));

function picked(path: string): File {
  const file = new File([path], path.slice(path.lastIndexOf("/") + 1));
  Object.defineProperty(file, "webkitRelativePath", { value: path });
  return file;
}

describe("the model's root", () => {
  test("is the folder with its manifest", () => {
    const all = files("models/mini/pack.json", "models/mini/processor/tokenizer.json", "models/readme.txt");
    expect(paths(fromRoot(all))).toEqual(["pack.json", "processor/tokenizer.json"]);
  });

  test("is the uppermost, where there are several", () => {
    const all = files("m/old/pack.json", "m/model_index.json", "m/vae/config.json");
    expect(paths(fromRoot(all))).toEqual(["old/pack.json", "model_index.json", "vae/config.json"]);
  });

  test("is the folder that all have in common, where there is no manifest", () => {
    expect(paths(fromRoot(files("a/b/c.txt", "a/bc/d.txt")))).toEqual(["b/c.txt", "bc/d.txt"]);
    expect(paths(fromRoot(files("a.txt", "b/c.txt")))).toEqual(["a.txt", "b/c.txt"]);
    expect(paths(fromRoot(files()))).toEqual([]);
  });

  test("is not a file that only ends like a manifest", () => {
    expect(paths(fromRoot(files("a/b/my-pack.json", "a/c.txt")))).toEqual(["b/my-pack.json", "c.txt"]);
  });
});

test("picked files keep their folders; single files have none", () => {
  expect(paths(filesFromPicker([picked("mini/pack.json"), picked("mini/vae/config.json")]))).toEqual([
    "pack.json",
    "vae/config.json",
  ]);
  expect(paths(filesFromPicker([new File([""], "pack.json")]))).toEqual(["pack.json"]);
});

describe("a drop", () => {
  type Entry = Partial<FileSystemDirectoryEntry & FileSystemFileEntry>;
  const file = (name: string): Entry => ({
    name,
    isFile: true,
    isDirectory: false,
    file: (done) => done(new File([name], name)),
  });
  /** Hands out its entries two at a time, as browsers do by the hundred. */
  const folder = (name: string, ...entries: Entry[]): Entry => ({
    name,
    isFile: false,
    isDirectory: true,
    createReader: () => {
      let at = 0;
      return { readEntries: (done) => done(entries.slice(at, (at += 2)) as FileSystemEntry[]) };
    },
  });
  const drop = (...entries: (Entry | File)[]): DataTransfer =>
    ({
      items: entries.map((entry) => ({
        kind: "file",
        webkitGetAsEntry: () => (entry instanceof File ? null : entry),
        getAsFile: () => (entry instanceof File ? entry : null),
      })),
    }) as unknown as DataTransfer;

  test("of a folder is walked to its end", async () => {
    const dropped = drop(
      folder("mini", file("pack.json"), folder("processor", file("tokenizer.json")), file("1"), file("2"), file("3")),
    );
    expect(paths(await filesFromDrop(dropped))).toEqual(["pack.json", "processor/tokenizer.json", "1", "2", "3"]);
  });

  test("of files and folders side by side", async () => {
    const dropped = drop(new File([""], "pack.json"), folder("processor", file("tokenizer.json")));
    expect(paths(await filesFromDrop(dropped))).toEqual(["pack.json", "processor/tokenizer.json"]);
  });

  test("that cannot be read rejects", async () => {
    const broken: Entry = {
      ...file("a"),
      file: (_done, failed) => failed?.(new DOMException("no", "NotReadableError")),
    };
    await expect(filesFromDrop(drop(broken))).rejects.toThrow("no");
  });
});

describe("picked files", () => {
  test("are read by ranges", async () => {
    const source = new FilesSource(new Map([["a/b", new Blob(["0123456789"])]]));
    expect(await source.size("a/b")).toBe(10);
    expect(await source.size("a")).toBeUndefined();
    expect(new TextDecoder().decode(await source.read("a/b", 2, 5))).toBe("234");
    await expect(source.read("c", 0, 1)).rejects.toMatchObject({ code: "bad-file", file: "c" });
  });

  test("that went away are named", async () => {
    const gone = {
      size: 3,
      slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException("gone", "NotFoundError")) }),
    };
    const source = new FilesSource(new Map([["a", gone as unknown as Blob]]));
    await expect(source.read("a", 0, 1)).rejects.toMatchObject({
      code: "bad-file",
      file: "a",
      message: expect.stringContaining("gone"),
    });
  });
});

test("picked files are hashed once, and again when they are others by name, size or time", async () => {
  const notes = new MemoryStore();
  const sha256 = "a".repeat(64);
  const source = (bytes: string, lastModified: number, kept: MemoryStore | undefined = notes): FilesSource =>
    new FilesSource(new Map([["a.safetensors", new File([bytes], "a.safetensors", { lastModified })]]), kept);
  expect(await source("abc", 1).hasHash("a.safetensors", sha256)).toBe(false);
  await source("abc", 1).noteHash("a.safetensors", sha256);
  expect(await source("abc", 1).hasHash("a.safetensors", sha256)).toBe(true);
  expect(await source("abcd", 1).hasHash("a.safetensors", sha256)).toBe(false);
  expect(await source("abc", 2).hasHash("a.safetensors", sha256)).toBe(false);
  expect(await source("abc", 1).hasHash("a.safetensors", "b".repeat(64))).toBe(false);
  const other = new FilesSource(new Map([["b", new File(["abc"], "a.safetensors", { lastModified: 1 })]]), notes);
  expect(await other.hasHash("b", sha256)).toBe(false);
});

test("where nothing is to be noted, picked files are hashed at every visit", async () => {
  const source = new FilesSource(new Map([["a", new File(["abc"], "a", { lastModified: 1 })]]));
  await source.noteHash("a", "a".repeat(64));
  expect(await source.hasHash("a", "a".repeat(64))).toBe(false);
});
