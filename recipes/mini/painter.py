#!/usr/bin/env python3
"""The painter's training: codes and glyphs to latents, by flow matching on strips of pictures.

    python3 painter.py train --vae FOLDER --codes fake|codes.json --source fake-plain|PROGRAM [--minutes M] [--steps N]
    python3 painter.py export --out FOLDER"""
import argparse, math, os, random, re, time
import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, GlmImageTransformer2DModel
from transformers import T5Config, T5EncoderModel
from common import Average, Keeper, Optimiser, rate_at, to_pixels, to_rgb
import codes as codebook
import stream

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = dict(width=192, heads=3, layers=5, text=64, time=64, condition=16)
SHAPE = 96  # leading channels of the code table: what letters look like
T5 = dict(d_model=64, d_kv=16, num_heads=4, d_ff=128, num_layers=2, vocab_size=384, feed_forward_proj="gated-gelu", dropout_rate=0.1, is_encoder_decoder=False, use_cache=False,
          tie_word_embeddings=True, num_decoder_layers=1, eos_token_id=1, pad_token_id=0)


class Table(torch.nn.Module):
    """Stands for `prior_token_embedding`: rows are sums of shared factors."""

    def __init__(self, rows, count, width):
        super().__init__(); self.register_buffer("rows", rows, persistent=False); self.weight = torch.nn.Parameter(torch.randn(count, width) * 0.3)

    def forward(self, ids):
        unique, back = ids.flatten().unique(return_inverse=True); rows = self.rows[unique]
        return ((self.weight[rows] * (rows > 0).unsqueeze(-1)).sum(1))[back].view(*ids.shape, -1)

    def whole(self): return self(torch.arange(len(self.rows), device=self.rows.device))


def plain_attention(query, key, value, **_):
    """Faster than torch's own on CPUs at our lengths. [samples, tokens, heads, channels]"""
    q, k, v = (x.transpose(1, 2).bfloat16() for x in (query, key, value))
    return ((q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)).softmax(-1).matmul(v).transpose(1, 2)


def fast_attention():
    from diffusers.models.transformers import transformer_glm_image as module
    usual = module.dispatch_attention_fn
    module.dispatch_attention_fn = lambda q, k, v, **rest: plain_attention(q, k, v) if torch.is_autocast_cpu_enabled() and q.shape[1] < 700 else usual(q, k, v, **rest)


def build(book, sizes=SIZES):
    s = sizes
    painter = GlmImageTransformer2DModel(patch_size=2, in_channels=16, out_channels=16, num_layers=s["layers"], attention_head_dim=s["width"] // s["heads"], num_attention_heads=s["heads"],
                                         text_embed_dim=s["text"], time_embed_dim=s["time"], condition_dim=s["condition"], prior_vq_quantizer_codebook_size=len(book))
    names, rows = book.factors()
    painter.prior_token_embedding = Table(rows, len(names), s["width"])
    glyphs = T5EncoderModel(T5Config(**T5)).eval()
    return painter, glyphs


@torch.no_grad()
def first_values(painter, glyphs, sizes):
    """Matrices of unit gain; blocks that act at once; heads of the first blocks that begin by looking at a neighbour."""
    c, heads = sizes["width"], sizes["heads"]; d = c // heads
    for n, p in list(painter.named_parameters()) + [("glyph " + n, p) for n, p in glyphs.named_parameters()]:
        if "prior_token_embedding" in n or "layer_norm" in n: continue
        if "shared" in n: p.normal_(0, 1)
        elif "relative_attention_bias" in n: p.normal_(0, 0.1)
        elif p.dim() == 1: p.zero_()
        elif "norm1.linear" in n or "norm_out.linear" in n: p.normal_(0, 0.02)
        elif n.startswith("proj_out"): p.zero_()
        else: p.normal_(0, 1 / math.sqrt(p.shape[1]))
    for i, b in enumerate(painter.transformer_blocks):
        gates = b.norm1.linear.bias.view(12, c); gates[[4, 5, 10, 11]] = 0.5
    freqs = 10000 ** (-torch.arange(0, d // 2, 2) / (d // 2))  # d/4 for rows, d/4 for columns
    f = torch.cat([freqs, freqs]); half = d // 2
    weight = torch.zeros(half); weight[[0, 1]] = torch.tensor([0.8, 0.6]); weight[[half // 2, half // 2 + 1]] = torch.tensor([0.8, 0.6])
    looks = {0: [(0, -1), (0, 1), (-1, 0)], 1: [(0, -2), (1, 0), None]}
    for block, offsets in looks.items():
        at = painter.transformer_blocks[block].attn1
        for h, offset in enumerate(offsets[:heads]):
            if offset is None: continue
            angle = torch.cat([torch.full((half // 2,), float(offset[0])), torch.full((half // 2,), float(offset[1]))]) * f
            # A key at p + offset, turned by its place, meets the query at p: the query is turned ahead.
            q = torch.cat([weight * torch.cos(angle), weight * torch.sin(angle)]); k = torch.cat([weight, torch.zeros(half)])
            s = slice(h * d, (h + 1) * d); at.to_q.bias[s] = 1.2 * math.sqrt(d) * q / q.norm(); at.to_k.bias[s] = 1.2 * math.sqrt(d) * k / k.norm()


@torch.no_grad()
def letter_shapes(vae, mean, std, book):
    """What single letters are in latents: {factor name: [values]} of letters alone on a page, in both faces and polarities."""
    import fake
    chars = sorted({m[1] for m in book.meanings if m[0] in ("pair", "medium") and m[1] not in ("", " ") and len(m[1]) == 1})
    out = {}

    def pages(size, places, wide, high, name):
        """places: columns of pixels in the cell; name(c, row, column) -> factor"""
        across, down = 16 // (wide + 1), 16 // (high + 1)
        for face in ("sans", "serif"):
            for ground, ink in ((255, 0), (0, 255)):
                for at in range(0, len(chars), across * down):
                    page = np.full((512, 512, 3), ground, np.float32); spots = []
                    for k, c in enumerate(chars[at:at + across * down]):
                        y, x = k // across * (high + 1) * 32 + 32 * (high == 1), k % across * (wide + 1) * 32; g = fake.glyph(face, size, c)[..., None]
                        s = page[y:y + g.shape[0], x + places:x + places + g.shape[1]]; s += g * (ink - s); spots.append((c, y // 8, x // 8))
                    with torch.autocast("cpu", dtype=torch.bfloat16): z = vae.encode(to_pixels(page.astype(np.uint8))[None]).latent_dist.mean[0].float()
                    z = (z - mean) / std
                    flat = z.flatten(1).median(1).values[:, None, None]
                    for c, y, x in spots:
                        for r in range(high):
                            for q in range(wide):
                                out.setdefault(name(c, r, q), []).append((z[:, y + 4 * r:y + 4 * r + 4, x + 4 * q:x + 4 * q + 4] - flat).flatten())
    pages("small", 0, 1, 1, lambda c, r, q: ("left", c)); pages("small", 16, 1, 1, lambda c, r, q: ("right", c))
    pages("medium", 0, 1, 2, lambda c, r, q: ("medium", c, r)); pages("large", 0, 2, 4, lambda c, r, q: ("large", c, 2 * r + q))
    return {k: torch.cat(v) for k, v in out.items()}


@torch.no_grad()
def begin_with_shapes(table, book, shapes):
    names, _ = book.factors(); keys = [n for n in names if n in shapes]
    x = torch.stack([shapes[k] for k in keys]); mean = x.mean(0); u, s, v = torch.linalg.svd(x - mean, full_matrices=False)
    print(f"{len(keys)} letter shapes; {SHAPE} components hold {float((s[:SHAPE] ** 2).sum() / (s ** 2).sum()):.3f} of them", flush=True)
    y = u[:, :SHAPE] * s[:SHAPE] ** 0.5; y = y / y.square().mean().sqrt()
    w = table.weight; w[:, :SHAPE] *= 0.1
    for n, r in zip(keys, y): i = names.index(n); w[i, :SHAPE] = r; w[i, SHAPE:] *= 0.1
    for i, n in enumerate(names):
        if n[0] in ("char", "part"): w[i] *= 0.3
        if n[0] in ("ground", "ink", "kind", "face", "piece"): w[i, SHAPE:] *= 3


def glyph_texts(prompt):
    found = re.findall(r"'([^']*)'", prompt) + re.findall(r"“([^“”]*)”", prompt) + re.findall(r'"([^"]*)"', prompt) + re.findall(r"「([^「」]*)」", prompt)
    return found or [""]


def glyph_ids(texts):
    ids = [[b + 3 for b in t.encode()][:2047] + [1] for t in texts]
    return [[0] + i for i in ids] if len(ids) % 2 == 0 else ids


def encode_glyphs(glyphs, samples, device):
    """samples: for each the id lists of its texts -> [samples, longest, 64], padded left with zeros as the reference does."""
    rows = [r for s in samples for r in s]; n = max(map(len, rows))
    ids = torch.zeros(len(rows), n, dtype=torch.long); mask = torch.zeros(len(rows), n, dtype=torch.long)
    for k, r in enumerate(rows): ids[k, :len(r)] = torch.tensor(r); mask[k, :len(r)] = 1
    h = glyphs(input_ids=ids.to(device), attention_mask=mask.to(device)).last_hidden_state
    out, k = [], 0
    for s in samples:
        out.append(torch.cat([h[k + i, :len(r)] for i, r in enumerate(s)])); k += len(s)
    longest = max(len(o) for o in out)
    return torch.stack([F.pad(o, (0, 0, longest - len(o), 0)) for o in out])


def shift_of(h, w): return 0.75 * math.sqrt(h * w / 4 / 256) + 0.25  # of latents


def sigma_of(t, mu): return mu / (mu + 1 / t - 1)


def rope(painter, h, w, first_row=0):
    """Angles of h x w patches that begin at a row of the picture."""
    d = painter.rope.dim // 2; f = 1 / 10000 ** (torch.arange(0, d, 2).float() / d)
    y = torch.outer(torch.arange(first_row, first_row + h).float(), f)[:, None].expand(h, w, -1); x = torch.outer(torch.arange(w).float(), f)[None].expand(h, w, -1)
    a = torch.cat([y, x], -1); a = torch.cat([a, a], -1).reshape(h * w, -1)
    return a.cos(), a.sin()


def upsample(grid): return grid.repeat_interleave(2, -2).repeat_interleave(2, -1).flatten(-2)


@torch.no_grad()
def paint(painter, glyphs, grid, prompt, steps, guidance=1.0, seed=0, device="cpu", amp=True):
    """Latents (normalised) of a picture from its codes, as the pipeline does it."""
    h, w = 4 * grid.shape[0], 4 * grid.shape[1]; mu = shift_of(h, w)
    x = torch.randn(1, 16, h, w, generator=torch.Generator().manual_seed(seed)).to(device)
    times = [int(1000 + i * (-999 / steps)) for i in range(steps)]; sigmas = [sigma_of(t / 1000, mu) for t in times] + [0.0]
    size = torch.tensor([[8.0 * h, 8.0 * w]], device=device); crop = torch.zeros(1, 2, device=device); ids = upsample(torch.as_tensor(grid))[None].to(device)
    with torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=amp):
        conditions = [(encode_glyphs(glyphs, [glyph_ids(glyph_texts(prompt))], device), False)]
        if guidance > 1: conditions.append((encode_glyphs(glyphs, [glyph_ids([""])], device), True))
        for i, t in enumerate(times):
            v = [painter(x, c, ids, torch.tensor([drop], device=device), torch.tensor([t - 1.0], device=device), size, crop, return_dict=False)[0].float() for c, drop in conditions]
            v = v[0] if len(v) == 1 else v[1] + guidance * (v[0] - v[1])
            x = x + (sigmas[i + 1] - sigmas[i]) * v
    return x


class Pool:
    """Latents of recent pictures; every picture serves for several strips."""

    def __init__(self, source, vae, mean, std, book, size, rng, device, amp):
        self.source, self.vae, self.mean, self.std, self.size, self.rng, self.device, self.amp = source, vae, mean, std, size, rng, device, amp
        self.book, self.text, self.flat, self.icon, self.all = book, book.is_text(), book.is_flat(), book.is_icon(), []

    @torch.no_grad()
    def latents(self, rgb):
        with torch.autocast(self.device.split(":")[0], dtype=torch.bfloat16, enabled=self.amp):
            z = self.vae.encode(to_pixels(rgb)[None].to(self.device, memory_format=torch.channels_last)).latent_dist.mean[0].float()
        return (z - self.mean) / self.std

    def fresh(self):
        while True:
            r = next(self.source); grid = torch.from_numpy(r.grid); ground = self.book.meanings[int(grid.flatten().mode().values)]
            # Most prompts name no ground and get cream; hardly anything is learned of an empty picture.
            skip = 0.9 if not self.text[grid].any() and grid.unique().numel() == 1 else 0.6 if ground[-1] == "cream" else 0
            if self.rng.random() >= skip: break
        # An icon is two cells wide, and there are many of them: each cell counts as two of text.
        rows = (self.text[grid] + 0.3 * (~self.flat[grid] & ~self.text[grid]) + 1.7 * self.icon[grid]).sum(1).tolist()
        e = (self.latents(r.rgb).half(), grid, glyph_ids(glyph_texts(r.prompt)), rows)
        if len(self.all) < self.size: self.all.append(e)
        else: self.all[self.rng.randrange(self.size)] = e

    def strips(self, tokens, whole=False, high=None):
        """A batch of strips of one size: latents, codes, glyph ids, height and width of their pictures, first row for the rotary embedding,
        and whether each is cut above and below (where it is not, the picture ends)."""
        rng = self.rng; first = rng.choice(self.all); tw = first[1].shape[1]
        high = first[1].shape[0] if whole else high or rng.choice([2, 2, 3, 3, 4, 6]); n = max(1, round(tokens / (4 * high * tw)))
        same = [e for e in self.all if e[1].shape[1] == tw and (e[1].shape[0] == high if whole else e[1].shape[0] >= high)]
        z, g, t, s, cut, first_row = [], [], [], [], [], 0 if whole else 2 * rng.randrange(first[1].shape[0] - high + 1)
        for _ in range(n):
            lat, grid, texts, rows = rng.choice(same); th = grid.shape[0]
            if sum(rows) and rng.random() < 0.9: r = rng.choices(range(th), rows)[0] - rng.randrange(high)
            else: r = rng.randrange(th)
            r = min(max(r, 0), th - high)
            z.append(lat[:, 4 * r:4 * (r + high)]); g.append(grid[r:r + high]); t.append(texts); s.append((32.0 * th, 32.0 * tw)); cut.append((r > 0, r + high < th))
        return torch.stack(z).float(), torch.stack(g), t, torch.tensor(s), first_row, torch.tensor(cut)


def velocity_errors(painter, glyphs, batch, times, drop, device, amp, generator=None, no_glyphs=None):
    """Squared error of the velocity, averaged over channels and the patch: [strips, patches]; and the sigmas."""
    z, grid, texts, size, first_row, _ = batch; n = len(z)
    sigma = torch.tensor([sigma_of(float(t), shift_of(float(s[0]) / 8, float(s[1]) / 8)) for t, s in zip(times, size)])
    noise = torch.randn(z.shape, generator=generator); x = z + (noise - z) * sigma.view(-1, 1, 1, 1)
    silent = drop if no_glyphs is None else drop | no_glyphs
    texts = [[[1]] if k else t for t, k in zip(texts, silent.tolist())]
    h, w = z.shape[2] // 2, z.shape[3] // 2
    move = lambda v: v.to(device)
    with torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=amp):
        v = painter(move(x), encode_glyphs(glyphs, texts, device), move(upsample(grid)), move(drop), move(1000 * times - 1), move(size), torch.zeros(n, 2, device=device),
                    image_rotary_emb=tuple(map(move, rope(painter, h, w, first_row))), return_dict=False)[0]
    e = (v.float() - move(noise - z)).square().mean(1)
    return F.avg_pool2d(e[:, None], 2).flatten(1), sigma


def counted(batch):
    """Which patches teach something: [strips, patches]. Latents differ at the border of a picture, and what lies beyond the
    edge of a strip cannot be seen: with the patches at a cut edge counted, the model would learn that borders are nothing special."""
    z, cut = batch[0], batch[5]
    rows = torch.ones(len(z), z.shape[2] // 2, z.shape[3] // 2, dtype=torch.bool)
    rows[cut[:, 0], 0] = False; rows[cut[:, 1], -1] = False
    return rows.flatten(1)


def matrix(n, p):
    ends = ("image_projector", "proj_out", "embedder", "prior_token_embedding", "shared", "relative_attention_bias")
    return p.dim() == 2 and not any(e in n for e in ends)


def adopt(state, names):
    """Brings a state whose codebook had other factors into this codebook's order; what is new begins small."""
    old = [tuple(n) for n in state["factors"]]  # a list where it came through JSON
    if old == names: return
    print(f"codebook changed: {len(set(names) - set(old))} new factors, {len(set(old) - set(names))} gone", flush=True)
    at = {n: i for i, n in enumerate(old)}; take = torch.tensor([at.get(n, -1) for n in names]); key = "prior_token_embedding.weight"
    for store, fresh in ((state["painter"], 0.1), (state["average"], 0.1), *((state["opt"][k], 0) for k in ("m", "v") if "opt" in state)):
        if key in store: x = store[key][take.clamp(min=0)].clone(); x[take < 0] = torch.randn(int((take < 0).sum()), x.shape[1]) * fresh; store[key] = x


def save_state(path_or_keeper, painter, glyphs, average, opt, step, seconds, extra):
    path_or_keeper.save({"painter": painter.state_dict(), "glyphs": glyphs.state_dict(), "average": average.value, "n": average.n, "opt": opt.state(), "step": step, "seconds": seconds, **extra})


def train(a):
    torch.manual_seed(a.seed); rng = random.Random(a.seed)
    keeper = Keeper(a.state, a.minutes); state = keeper.load()
    book = codebook.load(a.codes)
    vae = AutoencoderKL.from_pretrained(a.vae, torch_dtype=torch.float32).eval().requires_grad_(False).to(a.device, memory_format=torch.channels_last)
    mean, std = (torch.tensor(vae.config[k], device=a.device).view(16, 1, 1) for k in ("latents_mean", "latents_std"))
    sizes = state["sizes"] if state else SIZES
    painter, glyphs = build(book, sizes); fast_attention(); names = book.factors()[0]
    if state: adopt(state, names); painter.load_state_dict(state["painter"]); glyphs.load_state_dict(state["glyphs"])
    else:
        first_values(painter, glyphs, sizes)
        begin_with_shapes(painter.prior_token_embedding, book, letter_shapes(vae, mean, std, book))
    painter.to(a.device); glyphs.to(a.device)
    named = [(n, p) for n, p in painter.named_parameters()] + [("glyphs." + n, p) for n, p in glyphs.named_parameters()]
    own = sum(p.numel() for n, p in named if "prior_token_embedding" not in n)
    print(f"{own} weights outside the table, {painter.prior_token_embedding.weight.numel()} in factors, table {len(book)}x{sizes['width']}", flush=True)
    opt = Optimiser([(n, p, 1.0) for n, p in named if matrix(n, p)], [(n, p, 1.0) for n, p in named if not matrix(n, p)])
    average = Average(named, 0.002); step, before = 0, 0.0
    if state:
        if "opt" in state: opt.load(state["opt"])
        step, before = state["step"], state.get("seconds", 0.0); average.n = state["n"]
        for k in average.value: average.value[k].copy_(state["average"][k])
    rng = random.Random(a.seed + step); torch.manual_seed(a.seed + step)
    amp = not a.f32
    pool = Pool(stream.open_source(a.source, a.seed + 7919 * step, "train"), vae, mean, std, book, a.pool, rng, a.device, amp)
    held = Pool(stream.open_source(a.source, 977, "check", depth=4), vae, mean, std, book, 16, random.Random(5), a.device, amp)
    for _ in range(16): held.fresh()
    held_batches = [held.strips(1600, high=3) for _ in range(3)]
    for _ in range(min(a.pool, 32)): pool.fresh()
    losses, start, begin, owed, seen = [], time.time(), step, 0.0, 0
    text = book.is_text()
    while True:
        share = step / a.steps
        owed += 1 / a.reuse
        batch = pool.strips(a.tokens, whole=rng.random() < (0.05 if share < 0.6 else 0.25)); n = len(batch[0])
        owed = owed - 1 / a.reuse + n / a.reuse
        while owed >= 1: pool.fresh(); owed -= 1
        times = torch.rand(n) * 0.96 + 0.04
        times[torch.rand(n) < 0.1] = 1.0
        drop = torch.rand(n) < a.drop; quiet = torch.rand(n) < 0.5
        errors, _ = velocity_errors(painter, glyphs, batch, times, drop, a.device, amp, no_glyphs=quiet)
        counts = counted(batch).to(errors.device); errors = (errors * counts).sum(1) / counts.sum(1)
        loss = errors.mean(); loss.backward()
        norm = opt.step(rate_at(step, a.steps, a.rate, 100, 0.3)); average.update(); step += 1; seen += n
        losses.append(float(errors.detach()[~drop.to(errors.device)].mean()) if not drop.all() else losses[-1] if losses else 0.0)
        if step % 50 == 0: keeper.log(step=step, loss=np.mean(losses[-50:]), seconds=(time.time() - start) / (step - begin), strips=seen / (time.time() - start), norm=norm)
        if step % a.check == 0 or keeper.over() or step == a.steps:
            average.swap(); row = {}
            with torch.no_grad():
                for t in (0.1, 0.5, 1.0):
                    both = [[], []]
                    for b in held_batches:
                        m = len(b[0]); times = torch.full((m,), t)
                        e, s = velocity_errors(painter, glyphs, b, times, torch.zeros(m, dtype=torch.bool), a.device, amp, torch.Generator().manual_seed(3))
                        e = e.cpu(); letters = text[b[1]].repeat_interleave(2, -2).repeat_interleave(2, -1).flatten(1)
                        both[0].append(e[letters]); both[1].append(e[~letters])
                    row[f"text_{t}"], row[f"ground_{t}"] = (float(torch.cat(x).mean()) for x in both)
            average.swap(); keeper.log(step=step, **row)
        if keeper.due() or step == a.steps:
            save_state(keeper, painter, glyphs, average, opt, step, before + time.time() - start, {"sizes": sizes, "factors": names})
        if keeper.over() or step >= a.steps: break


def from_state(path, book, average=True):
    s = torch.load(path, map_location="cpu", weights_only=False); painter, glyphs = build(book, s["sizes"]); adopt(s, book.factors()[0])
    painter.load_state_dict(s["painter"]); glyphs.load_state_dict(s["glyphs"])
    if average:
        with torch.no_grad():
            for n, p in list(painter.named_parameters()) + [("glyphs." + n, p) for n, p in glyphs.named_parameters()]: p.copy_(s["average"][n])
    return painter.eval(), glyphs.eval(), s["step"]


def export(a):
    book = codebook.load(a.codes); painter, glyphs, step = from_state(a.state, book)
    table = torch.nn.Embedding(len(book), painter.prior_token_embedding.weight.shape[1])
    with torch.no_grad(): table.weight.copy_(painter.prior_token_embedding.whole())
    painter.prior_token_embedding = table
    painter.half(); glyphs.half()
    if a.dtype == "float8":  # vectors (biases, norms) stay in 16 bits
        for p in painter.parameters():
            if p.dim() > 1: p.data = p.data.to(torch.float8_e4m3fn)
    painter.save_pretrained(os.path.join(a.out, "transformer")); glyphs.save_pretrained(os.path.join(a.out, "text_encoder"))
    print(f"step {step}: {a.out}/transformer, {a.out}/text_encoder")


if __name__ == "__main__":
    p = argparse.ArgumentParser(); p.add_argument("what", choices=["train", "export"])
    p.add_argument("--vae", default=os.path.join(HERE, "state/vae")); p.add_argument("--codes", default="fake"); p.add_argument("--source", default="fake-plain")
    p.add_argument("--state", default=os.path.join(HERE, "state/painter.pt")); p.add_argument("--minutes", type=float, default=0); p.add_argument("--steps", type=int, default=20000)
    p.add_argument("--rate", type=float, default=3e-3); p.add_argument("--tokens", type=int, default=2304); p.add_argument("--pool", type=int, default=384)
    p.add_argument("--reuse", type=float, default=10, help="strips a picture serves for"); p.add_argument("--drop", type=float, default=0.1); p.add_argument("--check", type=int, default=250)
    p.add_argument("--device", default="cpu"); p.add_argument("--f32", action="store_true"); p.add_argument("--seed", type=int, default=1); p.add_argument("--out"); p.add_argument("--dtype", choices=["float16", "float8"], default="float16")
    a = p.parse_args()
    if os.environ.get("OMP_NUM_THREADS"): torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    train(a) if a.what == "train" else export(a)
