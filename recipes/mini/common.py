"""What both trainings share: Muon beside AdamW, moving average, schedule, state files, curves."""
import csv, math, os, signal, time
import numpy as np
import torch


@torch.no_grad()
def orthogonal(g, steps=5):
    """Newton-Schulz: the nearest (semi-)orthogonal matrix, roughly. g: [..., m, n]"""
    x = (g / (g.norm(dim=(-2, -1), keepdim=True) + 1e-7)).bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall: x = x.transpose(-2, -1)
    for _ in range(steps):
        a = x @ x.transpose(-2, -1)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return (x.transpose(-2, -1) if tall else x).float()


class Optimiser:
    """Muon for `matrices` (scaled to AdamW's usual step, rms 0.2), AdamW for the rest. Both are lists of (name, parameter, rate factor)."""

    def __init__(self, matrices, others, momentum=0.95, betas=(0.9, 0.99), decay=0.01):
        self.matrices, self.others, self.momentum, self.betas, self.decay = matrices, others, momentum, betas, decay
        self.m = {n: torch.zeros_like(p, dtype=torch.float32) for n, p, _ in matrices + others}
        self.v = {n: torch.zeros_like(p, dtype=torch.float32) for n, p, _ in others}
        self.t = 0

    @torch.no_grad()
    def step(self, rate, clip=1.0):
        every = [p for _, p, _ in self.matrices + self.others if p.grad is not None]
        norm = torch.nn.utils.clip_grad_norm_(every, clip)
        if not torch.isfinite(norm):
            for p in every: p.grad = None
            return float("nan")
        self.t += 1
        groups = {}
        for n, p, f in self.matrices:
            if p.grad is None: continue
            g = p.grad.float(); m = self.m[n]; m.lerp_(g, 1 - self.momentum)
            u = g.lerp(m, self.momentum).flatten(1)
            groups.setdefault(u.shape, []).append((p, f, u))
        for shape, members in groups.items():
            o = orthogonal(torch.stack([u for _, _, u in members]))
            for (p, f, _), u in zip(members, o):
                p.mul_(1 - rate * f * self.decay).add_(u.view_as(p), alpha=-rate * f * 0.2 * math.sqrt(max(shape)))
        b1, b2 = self.betas
        for n, p, f in self.others:
            if p.grad is None: continue
            g = p.grad.float(); m, v = self.m[n], self.v[n]
            m.lerp_(g, 1 - b1); v.lerp_(g * g, 1 - b2)
            p.addcdiv_(m / (1 - b1 ** self.t), (v / (1 - b2 ** self.t)).sqrt_().add_(1e-8), value=-rate * f)
        for p in every: p.grad = None
        return float(norm)

    def state(self): return {"m": self.m, "v": self.v, "t": self.t}

    def load(self, s):
        for mine, theirs in ((self.m, s["m"]), (self.v, s["v"])):
            for n in mine:
                if n in theirs and theirs[n].shape == mine[n].shape: mine[n].copy_(theirs[n])
        self.t = s["t"]


class Average:
    """Moving average of the weights; the first steps are soon forgotten."""

    def __init__(self, named, rate=0.002):
        self.rate, self.n = rate, 0
        self.named = list(named); self.value = {k: p.detach().float().clone() for k, p in self.named}

    @torch.no_grad()
    def update(self):
        self.n += 1; r = max(self.rate, 1 / (self.n / 5 + 2))
        for k, p in self.named: self.value[k].lerp_(p.detach().float(), r)

    def swap(self):
        """Puts the average in the model's place and the model's weights here; twice: as before."""
        with torch.no_grad():
            for k, p in self.named:
                old = p.detach().clone(); p.copy_(self.value[k]); self.value[k] = old


def rate_at(step, steps, peak, warm=100, fall=0.3):
    """Rises over `warm` steps, stays, falls to nothing (half a cosine) over the last share `fall`."""
    share = step / max(steps, 1)
    down = 1 if share < 1 - fall else 0.5 + 0.5 * math.cos(math.pi * min(1, (share - 1 + fall) / fall))
    return peak * min(1, (step + 1) / warm) * max(down, 0.02)


class Keeper:
    """Saves a state every three minutes, on SIGINT/SIGTERM and at the end; logs a curve."""

    def __init__(self, path, minutes, every=180):
        self.path, self.every, self.begin, self.saved = path, every, time.time(), time.time()
        self.end = self.begin + 60 * minutes if minutes else float("inf"); self.stopped = False
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        for s in (signal.SIGINT, signal.SIGTERM): signal.signal(s, lambda *_: setattr(self, "stopped", True))

    def load(self): return torch.load(self.path, map_location="cpu", weights_only=False) if os.path.exists(self.path) else None

    def due(self): return self.stopped or time.time() > self.end or time.time() - self.saved > self.every

    def over(self): return self.stopped or time.time() > self.end

    def save(self, state):
        torch.save(state, self.path + ".partial"); os.replace(self.path + ".partial", self.path); self.saved = time.time()

    def log(self, **row):
        path = os.path.splitext(self.path)[0] + ".csv"; new = not os.path.exists(path)
        with open(path, "a", newline="") as f:
            w = csv.writer(f)
            if new: w.writerow(["time", "step", "name", "value"])
            for k, v in row.items():
                if k != "step": w.writerow([int(time.time()), row["step"], k, f"{v:.6g}"])
        print(time.strftime("%H:%M:%S"), " ".join(f"{k}={v:.5g}" for k, v in row.items()), flush=True)


def to_pixels(rgb):
    """[h, w, 3] u8 -> [3, h, w] in -1..1"""
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1).float() / 127.5 - 1


def to_rgb(x):
    """[3, h, w] in -1..1 -> [h, w, 3] u8"""
    return ((x.float() / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
