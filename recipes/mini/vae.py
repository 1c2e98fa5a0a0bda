#!/usr/bin/env python3
"""The VAE's training: crops of pictures to latents and back. Also measures what a VAE keeps of straight renderings.

    python3 vae.py measure --vae FOLDER [-n 24]
    python3 vae.py train --minutes 20 [--decoder-only] [--source fake|'command ...']
    python3 vae.py export --out FOLDER"""
import argparse, json, os, random, sys, threading, time
import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from common import Average, Keeper, Optimiser, rate_at, to_pixels, to_rgb
import codes as codebook
import stream

HERE = os.path.dirname(os.path.abspath(__file__))
FIRST = os.path.join(HERE, "../../models/mini/vae")


def crops(picture, n, side, rng):
    """n squares of a picture, mostly where something is."""
    h, w = picture.shape[:2]; out = []
    rough = picture[4::16, 4::16].astype(np.int16); rough = np.abs(rough - np.median(rough.reshape(-1, 3), 0)).max(-1) > 16
    for _ in range(n):
        for _ in range(4):
            y, x = rng.randrange(0, (h - side) // 8 + 1) * 8, rng.randrange(0, (w - side) // 8 + 1) * 8
            if rough[y // 16:(y + side) // 16, x // 16:(x + side) // 16].any() or rng.random() < 0.2: break
        out.append(to_pixels(picture[y:y + side, x:x + side]))
    return out


#: Pixels at a cut edge of a painted crop that do not count: the decoder would need what lies beyond.
UNSEEN = 16


class Painted:
    """Crops of pictures as the painter leaves them, in latents, beside what they should show: a decoder that has seen the painter's small
    errors draws through them."""

    def __init__(self, source, state, codes, vae, steps, rng, pictures=64, crops=24):
        import painter
        self.painter, self.source, self.steps, self.rng, self.pictures, self.crops = painter, source, steps, rng, pictures, crops
        self.model, self.glyphs, _ = painter.from_state(state, codebook.load(codes)); painter.fast_attention()
        self.mean, self.std = (torch.tensor(vae.config[k]).view(16, 1, 1) for k in ("latents_mean", "latents_std"))
        self.all, self.owed, self.seed = [], 8.0, rng.randrange(1 << 30)

    def paint(self):
        while True:
            r = next(self.source)
            if r.rgb.shape[0] * r.rgb.shape[1] <= 768 * 768: break  # time is better spent on several pictures
        z = self.painter.paint(self.model, self.glyphs, torch.from_numpy(r.grid), r.prompt, self.steps, seed=self.seed)[0] * self.std + self.mean
        self.seed += 1
        if len(self.all) == self.pictures: self.all.pop(0)
        self.all.append((z, r.rgb))

    def batch(self, n, side):
        """Latents [n, 16, side/8, side/8], pixels, and which of them count [n, 1, side, side]."""
        self.owed += n / self.crops
        while self.owed >= 1: self.paint(); self.owed -= 1
        rng, zs, xs, counts = self.rng, [], [], []
        for _ in range(n):
            z, rgb = rng.choice(self.all); h, w = z.shape[1:]; s = side // 8
            for _ in range(4):
                # A quarter of the crops lie at each pair of borders.
                y, x = (rng.choice([0, k - s]) if rng.random() < 0.25 else rng.randrange(k - s + 1) for k in (h, w))
                part = rgb[8 * y:8 * y + side, 8 * x:8 * x + side]
                if (part[::8, ::8] != part[0, 0]).any() or rng.random() < 0.3: break
            count = torch.ones(1, side, side)
            if y > 0: count[:, :UNSEEN] = 0
            if y + s < h: count[:, -UNSEEN:] = 0
            if x > 0: count[:, :, :UNSEEN] = 0
            if x + s < w: count[:, :, -UNSEEN:] = 0
            zs.append(z[:, y:y + s, x:x + s]); xs.append(to_pixels(part)); counts.append(count)
        return torch.stack(zs), torch.stack(xs), torch.stack(counts)


def statistics(vae, source, n=24):
    """Mean and deviation of each latent channel over whole pictures."""
    s = q = c = 0
    with torch.no_grad():
        for _ in range(n):
            z = vae.encode(to_pixels(next(source).rgb)[None]).latent_dist.mean[0].flatten(1).double()
            s, q, c = s + z.sum(1), q + (z * z).sum(1), c + z.shape[1]
    mean = s / c
    return mean.tolist(), (q / c - mean * mean).sqrt().tolist()


def check(vae, pictures):
    """PSNR of whole pictures, and of their flat ground: the 99.9th percentile of its error in levels."""
    mse, ground = [], []
    with torch.no_grad():
        for p in pictures:
            x = to_pixels(p)[None]
            y = vae.decode(vae.encode(x).latent_dist.mean).sample[0]
            mse.append(float(F.mse_loss(y.clamp(-1, 1), x[0])))
            out = to_rgb(y).astype(int); flat = np.median(p.reshape(-1, 3), 0)
            is_flat = (np.abs(p - flat).max(-1) == 0); e = np.abs(out - p).max(-1)
            far = is_flat.copy()
            for _ in range(2):  # 16 px away from ink
                pad = np.pad(far, 8, constant_values=True); far = pad[16:, 8:-8] & pad[:-16, 8:-8] & pad[8:-8, 16:] & pad[8:-8, :-16] & far
            if far.any(): ground.append(np.percentile(e[far], 99.9))
    return {"psnr": 10 * np.log10(4 / np.mean(mse)), "worst_psnr": 10 * np.log10(4 / np.max(mse)), "ground_999": float(np.mean(ground)), "ground_max": float(np.max(ground))}


def ocr_words(ocr, rgb):
    r = ocr(rgb[:, :, ::-1].copy())
    return [x for t in (r.txts or []) for x in t.lower().split()]


def measure(a):
    import logging; logging.disable(logging.WARNING)
    from rapidocr import RapidOCR
    ocr = RapidOCR(); torch.manual_seed(0); book = None if a.source == "fake" else codebook.load(os.path.join(HERE, "codes.json"))
    vae = load(a.vae) if a.vae else from_state(a.state)
    source = stream.open_source(a.source, seed=977, split="check")
    total = before = after = both = 0; pictures = []; lost = []
    for _ in range(a.n):
        r = next(source); pictures.append(r.rgb)
        x = to_pixels(r.rgb)[None]
        with torch.no_grad():
            z = vae.encode(x).latent_dist.mean
            if a.noise: z = z + a.noise * z.std((0, 2, 3), keepdim=True) * torch.randn_like(z)
            y = to_rgb(vae.decode(z).sample[0])
        want = [w.strip().lower() for w in (r.words or codebook.words(r, book)) if w.strip()]; s, t = ocr_words(ocr, r.rgb), ocr_words(ocr, y)
        total += len(want); before += sum(w in s for w in want); after += sum(w in t for w in want); lost += [w for w in want if w in s and w not in t]
    print(json.dumps({"words": total, "before": before / total, "after": after / total, "lost": lost[:20], **check(vae, pictures)}, ensure_ascii=False))
    if a.sheet:
        from PIL import Image
        p = pictures[0]; with_vae = to_rgb(vae.decode(vae.encode(to_pixels(p)[None]).latent_dist.mean).sample[0].detach())
        Image.fromarray(np.concatenate([p, with_vae], 1)).save(a.sheet)


def load(folder): return AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32).eval()


def from_state(path):
    s = torch.load(path, map_location="cpu", weights_only=False)
    vae = AutoencoderKL.from_config(s["config"]); vae.load_state_dict(s["average"]); return vae.eval()


def train(a):
    torch.manual_seed(a.seed); rng = random.Random(a.seed)
    keeper = Keeper(a.state, a.minutes); state = keeper.load()
    # The encoder that a painter learns from is the average's: the decoder goes on alone beside exactly that.
    if a.decoder_only and state and not state.get("decoder_only"): a.from_average = True
    first = state["config"] if state else AutoencoderKL.load_config(a.first)
    vae = AutoencoderKL.from_config(first)
    vae.load_state_dict(state["average" if a.from_average else "weights"] if state else load(a.first).state_dict())
    vae = vae.to(a.device)
    if a.decoder_only: vae.encoder.requires_grad_(False)
    named = [(n, p) for n, p in vae.named_parameters() if p.requires_grad]
    ends = ("conv_in", "conv_out")
    matrix = lambda n, p: p.dim() > 1 and not any(e in n for e in ends)
    opt = Optimiser([(n, p, 1.0) for n, p in named if matrix(n, p)], [(n, p, 0.5) for n, p in named if not matrix(n, p)])
    average = Average(vae.named_parameters(), 0.005); step = 0
    if state:
        step = state["step"]; rng = random.Random(a.seed + step)
        if "opt" in state and state.get("decoder_only") == a.decoder_only and not a.from_average: opt.load(state["opt"])
        for k in average.value: average.value[k].copy_(state["average"][k])
        average.n = state["n"]
    fixed = state.get("fixed", []) if state else []; modules = dict(vae.named_modules())
    begin = step
    source = stream.open_source(a.source, seed=a.seed + 7919 * (step + 1), split="train")
    held = stream.open_source(a.source, seed=977, split="check"); held = [next(held).rgb for _ in range(6)]
    amp = lambda: torch.autocast(a.device.split(":")[0], dtype=torch.bfloat16, enabled=not a.f32)
    painted = Painted(stream.open_source(a.paint_source, seed=a.seed + 104729 * (step + 1), depth=4), a.painted, a.codes, AutoencoderKL.from_pretrained(a.vae), a.paint_steps, rng) if a.painted else None
    waiting = {}; losses = []; start = time.time()
    shapes = [(128, 6), (128, 6), (96, 10), (256, 1)]
    while True:
        late = step > begin and time.time() > keeper.end - 0.25 * 60 * a.minutes
        side, n = rng.choice(shapes if not late else shapes[:2] + [(256, 1), (512, 1)])
        have = waiting.setdefault(side, [])
        while len(have) < n: have += crops(next(source).rgb, 4 if side < 200 else 1, side, rng)
        count = 1
        if painted and rng.random() < 0.7:
            z, x, count = (t.to(a.device) for t in painted.batch(6, 128)); n = 6
        else:
            x = torch.stack(have[:n]); waiting[side] = have[n:]
            x = x.to(a.device)
            with amp(), torch.set_grad_enabled(not a.decoder_only): z = vae.encode(x).latent_dist.mean
        z = z.float(); size = z.detach().square().mean((0, 2, 3), keepdim=True).sqrt()
        level = (a.noise if isinstance(count, int) else 0) * torch.rand(n, 1, 1, 1, device=z.device)
        z = z + torch.randn_like(z) * level * size.clamp(min=0.3)
        with amp(): y = vae.decode(z).sample
        d = (y.float() - x) * count
        # Faint texts count as much as loud ones.
        contrast = (x - x.flatten(2).median(2).values[..., None, None]).square().mean((1, 2, 3)).sqrt(); weight = (0.3 / (contrast + 0.05)).clamp(0.6, 3)
        loss = (weight * (d.abs().mean((1, 2, 3)) + 2 * d.square().mean((1, 2, 3)))).mean() + 1e-4 * z.square().mean()
        loss.backward()
        for name, at in fixed:  # constant channels (calm.py)
            for q in (modules[name].weight, modules[name].bias):
                if q.grad is not None: q.grad[at] = 0
        share = (time.time() - start) / (60 * a.minutes) if a.minutes else 0
        norm = opt.step(rate_at(int(1000 * share) if a.minutes else step, 1000, a.rate, 20, 0.8)); average.update(); step += 1
        losses.append(float(loss.detach()))
        if step % 50 == 0: keeper.log(step=step, loss=np.mean(losses[-50:]), seconds=(time.time() - start) / (step - begin))
        if step % 400 == 0 or keeper.over():
            average.swap(); vae.eval(); keeper.log(step=step, **check(vae, held)); average.swap(); vae.train()
        if keeper.due():
            keeper.save({"config": dict(vae.config), "weights": vae.state_dict(), "average": average.value, "n": average.n, "opt": opt.state(), "step": step, "decoder_only": a.decoder_only, "fixed": fixed})
        if keeper.over(): break


def export(vae, out, source, half=True):
    """Writes the folder, with the latents' statistics of whole pictures (f16 weights unless told otherwise)."""
    old = os.path.join(out, "config.json")
    if os.path.exists(old) and json.load(open(old)).get("latents_mean"): mean, std = (json.load(open(old))[k] for k in ("latents_mean", "latents_std"))  # a painter may stand on them
    else: mean, std = statistics(vae, source)
    vae.register_to_config(latents_mean=mean, latents_std=std)
    (vae.half() if half else vae).save_pretrained(out); vae.float()


if __name__ == "__main__":
    p = argparse.ArgumentParser(); p.add_argument("what", choices=["measure", "train", "export"])
    p.add_argument("--vae"); p.add_argument("--first", default=FIRST); p.add_argument("--state", default=os.path.join(HERE, "state/vae.pt"))
    p.add_argument("--source", default="fake"); p.add_argument("-n", type=int, default=24); p.add_argument("--minutes", type=float, default=0)
    p.add_argument("--rate", type=float, default=2e-3); p.add_argument("--noise", type=float, default=0.0); p.add_argument("--seed", type=int, default=1)
    p.add_argument("--device", default="cpu"); p.add_argument("--f32", action="store_true"); p.add_argument("--decoder-only", action="store_true"); p.add_argument("--from-average", action="store_true", help="go on from the moving average, without momentum")
    p.add_argument("--painted", help="decoder only: the painter's state; most crops are of latents that it paints"); p.add_argument("--paint-source"); p.add_argument("--paint-steps", type=int, default=6)
    p.add_argument("--codes", default=os.path.join(HERE, "codes.json")); p.add_argument("--out"); p.add_argument("--sheet")
    a = p.parse_args()
    if os.environ.get("OMP_NUM_THREADS"): torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if a.what == "measure": measure(a)
    elif a.what == "train": train(a)
    else: export(load(a.vae) if a.vae else from_state(a.state), a.out, stream.open_source(a.source, seed=5, split="train"))
