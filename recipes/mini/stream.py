"""Reads records of `atelier-train stream` from a subprocess, in the background."""
import queue, random, shlex, struct, subprocess, threading
from dataclasses import dataclass
import numpy as np


@dataclass
class Record:
    th: int
    tw: int
    ph: int
    pw: int
    ids: np.ndarray
    draft: np.ndarray
    grid: np.ndarray
    word_cells: list
    prompt: str
    rgb: np.ndarray = None
    words: list = None  # texts' words where they are known


def parse(b, picture):
    th, tw, ph, pw, n_ids, n_words, n_prompt = struct.unpack_from("<4B2HI", b, 0); at = 12
    take = lambda n, t: np.frombuffer(b, t, n, at)
    ids = take(n_ids, "<u4"); at += 4 * n_ids
    draft = take(ph * pw, "<u2"); at += 2 * ph * pw
    grid = take(th * tw, "<u2"); at += 2 * th * tw
    cells = []
    for _ in range(n_words):
        _, n = struct.unpack_from("<2H", b, at); at += 4
        cells.append(take(n, "<u2").astype(np.int64)); at += 2 * n
    prompt = bytes(b[at:at + n_prompt]).decode(); at += n_prompt
    rgb = take(32 * th * 32 * tw * 3, np.uint8).reshape(32 * th, 32 * tw, 3) if picture else None
    return Record(th, tw, ph, pw, ids.astype(np.int64), draft.astype(np.int64).reshape(ph, pw), grid.astype(np.int64).reshape(th, tw), cells, prompt, rgb)


def read_exactly(f, n):
    parts = []
    while n:
        p = f.read(n)
        if not p: raise EOFError("the stream ended")
        parts.append(p); n -= len(p)
    return b"".join(parts)


def from_command(command, picture=True):
    process = subprocess.Popen(shlex.split(command), stdout=subprocess.PIPE, bufsize=1 << 20)
    try:
        while True:
            head = process.stdout.read(4)
            if len(head) < 4: return
            yield parse(memoryview(read_exactly(process.stdout, struct.unpack("<I", head)[0])), picture)
    finally:
        process.kill(); process.wait()


def fake_records(seed, plain=False):
    import fake, codes
    rng = random.Random(seed); book = codes.standard() if plain else None
    while True: yield fake.record(rng, plain, book)


def prefetch(records, depth=32):
    """Runs the iterator in a thread of its own."""
    q = queue.Queue(depth); end = object()

    def work():
        try:
            for r in records: q.put(r)
        except Exception as e: q.put(e)
        q.put(end)
    threading.Thread(target=work, daemon=True).start()
    while True:
        r = q.get()
        if r is end: return
        if isinstance(r, Exception): raise r
        yield r


def in_turn(sources):
    while True:
        for s in sources: yield next(s)


def open_source(source, seed, split="train", picture=True, start=0, count=1 << 40, depth=32):
    """`fake`, `fake-plain` (with codes), the path of the data program, or several with commas between, in turn."""
    if "," in source: return in_turn([open_source(s, seed, split, picture, start, count, depth) for s in source.split(",")])
    if source.startswith("fake"): return prefetch(fake_records(seed, source == "fake-plain"), depth)
    what = "picture" if picture else "blueprint"
    return prefetch(from_command(f"{source} stream --seed {seed} --start {start} --count {count} --what {what} --split {split}", picture), depth)
