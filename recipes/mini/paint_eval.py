#!/usr/bin/env python3
"""Paints blueprints with their true codes and reads the pictures: how many of the words that can be read on straight renderings survive the painter and the VAE.

    python3 paint_eval.py --codes codes.json --source PROGRAM [-n 16] [--steps 4,8,12,20] [--guidance 1.0] [--sheet sheet.png]"""
import argparse, json, logging, os, time
import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
import codes as codebook
import painter as P
import stream
from common import to_rgb

logging.disable(logging.WARNING)


def read(ocr, rgb):
    """Words, and dirt as in score.py: the share of the pixels outside all lines that differ from the ground."""
    r = ocr(rgb[:, :, ::-1].copy()); ground = np.median(rgb.reshape(-1, 3), 0); off = np.abs(rgb.astype(int) - ground).max(-1) > 24
    for b in (r.boxes if r.boxes is not None else []):
        b = np.asarray(b); x0, y0 = np.maximum(b.min(0) - 10, 0).astype(int); x1, y1 = (b.max(0) + 10).astype(int); off[y0:y1, x0:x1] = False
    return [w for t in (r.txts or []) for w in t.lower().split()], float(off.mean())


def main():
    p = argparse.ArgumentParser(); here = P.HERE
    p.add_argument("--vae", default=os.path.join(here, "state/vae")); p.add_argument("--state", default=os.path.join(here, "state/painter.pt")); p.add_argument("--codes", default="fake")
    p.add_argument("--source", default="fake-plain"); p.add_argument("-n", type=int, default=16); p.add_argument("--steps", default="4,8,12,20"); p.add_argument("--guidance", type=float, default=1.0)
    p.add_argument("--sheet"); p.add_argument("--no-average", action="store_true"); p.add_argument("--no-ocr", action="store_true"); p.add_argument("--seed", type=int, default=977); p.add_argument("--device", default="cpu")
    a = p.parse_args()
    if os.environ.get("OMP_NUM_THREADS"): torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    book = codebook.load(a.codes); painter, glyphs, step = P.from_state(a.state, book, not a.no_average)
    vae = AutoencoderKL.from_pretrained(a.vae, torch_dtype=torch.float32).eval(); mean, std = (torch.tensor(vae.config[k]).view(16, 1, 1) for k in ("latents_mean", "latents_std"))
    painter.to(a.device); glyphs.to(a.device)
    source = stream.open_source(a.source, a.seed, "check", depth=2); records = [next(source) for _ in range(a.n)]
    ocr = None
    if not a.no_ocr:
        from rapidocr import RapidOCR
        ocr = RapidOCR()
    wants = [[w.strip().lower() for w in (r.words or codebook.words(r, book)) if w.strip()] for r in records]; total = max(1, sum(map(len, wants)))

    def report(name, pictures, seconds, latents=None):
        hit = dirt = 0; lost = []
        if ocr:
            for im, want in zip(pictures, wants):
                seen, d = read(ocr, im); hit += sum(w in seen for w in want); dirt += d / len(pictures); lost += [w for w in want if w not in seen]
        mse = np.mean([((x.astype(float) - r.rgb) ** 2).mean() for x, r in zip(pictures, records)])
        row = {"what": name, "step": step, "words": total, "right": round(hit / total, 4), "dirt": round(dirt, 5), "psnr": round(10 * np.log10(255 ** 2 / max(mse, 1e-9)), 2), "seconds": round(seconds / len(pictures), 2)}
        if latents is not None: row["latent_error"] = round(float(np.mean([(z - c).square().mean() for z, c in zip(latents, clean)])), 4)
        print(json.dumps(row), " ".join(lost[:8]), flush=True)

    with torch.no_grad():
        clean = [(vae.encode(P.to_pixels(r.rgb)[None]).latent_dist.mean - mean) / std for r in records]
        decode = lambda z: to_rgb(vae.decode(z.float().cpu() * std + mean).sample[0])
        report("straight", [r.rgb for r in records], 0); report("vae", [decode(z) for z in clean], 0, clean)
        shown = [[r.rgb for r in records[:8]]]
        for n in map(int, a.steps.split(",")):
            begin = time.time(); z = [P.paint(painter, glyphs, torch.from_numpy(r.grid), r.prompt, n, a.guidance, seed=k, device=a.device).cpu() for k, r in enumerate(records)]
            took = time.time() - begin; pictures = [decode(x) for x in z]; report(f"{n} steps", pictures, took, z); shown.append(pictures[:8])
    if a.sheet:
        fit = lambda im: np.asarray(Image.fromarray(im).resize((512, 512)) if im.shape[:2] != (512, 512) else im)
        Image.fromarray(np.concatenate([np.concatenate([fit(x) for x in row[:4]], 1) for row in shown], 0)).save(a.sheet)


if __name__ == "__main__": main()
