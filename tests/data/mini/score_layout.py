#!/usr/bin/env python3
"""What score.py does not judge: whether the background has the colour the prompt names, and whether each text stands in the row it names.

    python3 score_layout.py prompts.json pictures/ [--json out.json]      # needs what score.py needs

Background: the mean of a border of 1/32 of the side lies within 30 levels of the named colour in every channel. Row: a region is right
when one of its words is read in a box whose centre is nearest to the row's own height (0.14, 0.32, 0.5, 0.68 and 0.86 of the picture);
a region of which no word is read is wrong."""
import json, pathlib, re, sys
import numpy as np
from PIL import Image
from rapidocr_onnxruntime import RapidOCR

COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0), "navy": (0, 0, 128), "cream": (255, 253, 208), "red": (255, 0, 0), "green": (0, 128, 0),
           "yellow": (255, 255, 0), "gray": (128, 128, 128), "sky blue": (135, 206, 235), "pink": (255, 192, 203)}
ROWS = {"top": 0.14, "upper middle": 0.32, "center": 0.5, "lower middle": 0.68, "bottom": 0.86}


def words(text):
    return [w for w in re.split(r"\s+", re.sub(r"[^\w\s&:.\-]", " ", text.lower())) if w]


def background(im, name):
    a = np.asarray(im, dtype=float); n = max(1, min(im.size) // 32)
    border = np.concatenate([a[:n].reshape(-1, 3), a[-n:].reshape(-1, 3), a[:, :n].reshape(-1, 3), a[:, -n:].reshape(-1, 3)])
    return bool((abs(border.mean(0) - COLOURS[name]) <= 30).all())


def read(ocr, im):
    """Words with the height of their box's centre, 0 at the top and 1 at the bottom."""
    k = max(1, -(-640 // min(im.size))); pad = 32 * k
    big = im.resize((im.width * k, im.height * k), Image.BICUBIC)
    canvas = Image.new("RGB", (big.width + 2 * pad, big.height + 2 * pad), im.getpixel((1, 1))); canvas.paste(big, (pad, pad))
    found, _ = ocr(np.array(canvas)[:, :, ::-1])
    return [(w, (np.mean([p[1] for p in r[0]]) - pad) / big.height) for r in (found or []) for w in words(r[1])]


def main():
    data = json.load(open(sys.argv[1]))["data_list"]; folder = pathlib.Path(sys.argv[2]); ocr = RapidOCR()
    rows = {}; detail = []
    for d in data:
        p = folder / f"{d['index']:03d}.png"; im = Image.open(p).convert("RGB") if p.exists() else None
        ground = im is not None and background(im, d["background"]); seen = read(ocr, im) if im is not None else []
        right = []
        for r in d["regions"]:
            at = [y for w, y in seen if w in words(r["text"])]
            right.append(any(min(ROWS, key=lambda row: abs(ROWS[row] - y)) == r["row"] for y in at))
        for key in (d["region_count"], "all"):
            row = rows.setdefault(key, [0, 0, 0, 0]); row[0] += ground; row[1] += 1; row[2] += sum(right); row[3] += len(right)
        detail.append({"index": d["index"], "background": ground, "rows": right})
    print("regions  background  row")
    for k, (b, n, r, m) in rows.items():
        print(f"{k!s:>7}  {b / n:10.4f}  {r / m:.4f}")
    if "--json" in sys.argv:
        json.dump({"rows": {str(k): {"background": b / n, "row": r / m} for k, (b, n, r, m) in rows.items()}, "detail": detail}, open(sys.argv[sys.argv.index("--json") + 1], "w"), indent=1)


main()
