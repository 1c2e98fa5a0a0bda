"""Trains the architect: prompt -> galley (draft grid) -> large grid of visual codes."""
import argparse, csv, json, math, os, pathlib, queue, signal, struct, subprocess, sys, threading, time
import numpy as np
import torch
import torch.nn.functional as F

HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD_DIM, MLP = 192, 6, 6, 2, 48, 512
ROTARY = 24          # rotated channels of a head: 12 frequencies, t, y and x in turn
THETA = 100.0
EPS = 1e-5
#: The data program, built by `cargo build --release -p atelier-train`.
PROGRAM = os.environ.get("PROGRAM", "../../target/release/atelier-train")


class Codes:
    def __init__(self, path):
        data = json.load(open(path))
        self.visual, self.vocabulary = data["visual"], data["vocabulary"]
        names = {}
        rows = [[names.setdefault(f, len(names)) for f in code["factors"]] for code in data["codes"]]
        assert [code["id"] for code in data["codes"]] == list(range(len(rows))), "ids in order expected"
        self.width = max(map(len, rows))
        self.nothing = len(names)
        self.factors = torch.tensor([row + [self.nothing] * (self.width - len(row)) for row in rows])
        self.names, self.count = names, len(names) + 1
        self.code_names = [code["name"] for code in data["codes"]]
        self.visual_vocabulary = data.get("visual_vocabulary", self.visual + 16)
        # The codes of a kind are (nearly) all combinations of its factors, so the sum over all codes is a product of short sums.
        kinds = {}
        for code in data["codes"][:self.visual]:
            kind, *rest = code["factors"]
            sets = kinds.setdefault((kind, len(rest)), [dict() for _ in rest])
            for s, f in zip(sets, rest): s[names[f]] = 1
        self.kinds = [(names[k], [torch.tensor(list(s)) for s in sets]) for (k, _), sets in kinds.items()]
        self.ground = np.array([name.startswith("ground") for name in self.code_names])


class Record:
    __slots__ = "th tw ph pw ids draft grid words prompt".split()

    def __init__(self, data):
        self.th, self.tw, self.ph, self.pw, n, words, bytes_ = struct.unpack_from("<4B2HI", data, 0)
        at = 12
        self.ids = np.frombuffer(data, "<u4", n, at).astype(np.int64); at += 4 * n
        self.draft = np.frombuffer(data, "<u2", self.ph * self.pw, at).astype(np.int64).reshape(self.ph, self.pw); at += 2 * self.ph * self.pw
        self.grid = np.frombuffer(data, "<u2", self.th * self.tw, at).astype(np.int64).reshape(self.th, self.tw); at += 2 * self.th * self.tw
        self.words = []
        for _ in range(words):
            _, cells = struct.unpack_from("<2H", data, at); at += 4
            self.words.append(np.frombuffer(data, "<u2", cells, at).astype(np.int64)); at += 2 * cells
        self.prompt = data[at:at + bytes_].decode("utf-8", "replace")


def records(program, seed, start, count=0, split="train"):
    command = [program, "stream", "--what", "blueprint", "--seed", str(seed), "--start", str(start), "--split", split]
    if count: command += ["--count", str(count)]
    else: command += ["--count", str(1 << 40)]
    pipe = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        while True:
            head = pipe.stdout.read(4)
            if len(head) < 4: return
            yield Record(pipe.stdout.read(struct.unpack("<I", head)[0]))
    finally:
        pipe.kill(); pipe.wait()


class Sequence:
    """Token ids, positions [3, n], target per token (-1: none), and the galley's number of lines at its first tokens (-1: elsewhere)."""
    __slots__ = "ids positions targets lines".split()


def sequence(record, ground, random, gaps):
    """`gaps`: "none" shows everything, "rows" a part of the large grid, "large" nothing of it (it follows from the galley, which is harder)."""
    n = len(record.ids)
    def cells(grid, cur):
        h, w = grid.shape
        y, x = np.divmod(np.arange(h * w), w)
        return grid.reshape(-1), np.stack([np.full(h * w, cur), cur + y, cur + x])
    draft, draft_at = cells(record.draft, n)
    large, large_at = cells(record.grid, n + max(record.ph, record.pw))
    codes = np.concatenate([draft, large]); at = np.concatenate([draft_at, large_at], 1)
    if gaps == "none":
        shown = np.ones(len(codes), bool)
    else:
        shown = np.zeros(len(codes), bool)
        h, w = record.draft.shape
        inked = ~ground[record.draft]
        lines = int(inked.any(1).sum())
        d = shown[:h * w].reshape(h, w)
        for i in range(min(lines + 1, h)):
            used = int(inked[i].sum())
            d[i, :min(used + 1, w)] = True
            if random.random() < .3: d[i] = True
        if random.random() < .3: d[random.integers(h)] = True
    if gaps == "rows":
        h, w = record.grid.shape
        inked = ~ground[record.grid]
        g = shown[len(draft):].reshape(h, w)
        rows = np.flatnonzero(inked.any(1))
        # With many rows of text a part of them is shown.
        keep = min(1.0, max(0.35, 8 / max(len(rows), 1)))
        for r in rows:
            if random.random() < keep:
                c = np.flatnonzero(inked[r])
                lo, hi = (0, w) if random.random() < .3 else (max(0, c[0] - random.integers(0, 3)), min(w, c[-1] + 2 + random.integers(0, 3)))
                g[r, lo:hi] = True
                if random.random() < .5: g[r, 0] = True
        for r in range(h):
            if random.random() < (.15 if r in rows else .25):
                a = random.integers(w); g[r, a:a + random.integers(1, 6)] = True
        if random.random() < .5: g[0, :2] = True
    # The token before a shown one is fed too.
    fed = shown.copy(); fed[:-1] |= shown[1:]; fed[-1] = False
    places = np.flatnonzero(fed)
    out = Sequence()
    prompt_at = np.broadcast_to(np.arange(n), (3, n))
    out.ids = np.concatenate([record.ids, codes[places]])
    out.positions = np.concatenate([prompt_at, at[:, places]], 1)
    out.targets = np.full(len(out.ids), -1)
    follows = np.concatenate([[0], places + 1])          # the cell that each token from the image start on predicts
    known = shown[follows]
    out.targets[n - 1:][known] = codes[follows[known]]
    out.lines = np.full(len(out.ids), -1)
    galley = follows < record.draft.size
    out.lines[n - 1:][galley] = min(int((~ground[record.draft]).any(1).sum()), LINES - 1)
    return out


#: Kinds of galleys that the helping head tells apart: by number of lines, at most this less one.
LINES, HELPED = 25, 3


class Architect(torch.nn.Module):
    def __init__(self, codes):
        super().__init__()
        self.codes = codes
        self.register_buffer("slots", codes.factors, persistent=False)
        P, g = torch.nn.Parameter, torch.Generator().manual_seed(7)
        randn = lambda *shape: torch.randn(*shape, generator=g)
        shared = randn(codes.count, HIDDEN)
        self.embedding_factors = P(shared * .6); self.head_factors = P(shared * .06)
        weights = {}
        for l in range(LAYERS):
            n = f"layers.{l}."
            q_bias, k_bias = torch.zeros(HEADS * HEAD_DIM), torch.zeros(KV_HEADS * HEAD_DIM)
            small = 1.0
            if l == 0:
                q_bias, k_bias = neighbour_biases(); small = .2
            weights |= {
                n + "self_attn.q_proj.weight": randn(HEADS * HEAD_DIM, HIDDEN) * small / HIDDEN ** .5, n + "self_attn.q_proj.bias": q_bias,
                n + "self_attn.k_proj.weight": randn(KV_HEADS * HEAD_DIM, HIDDEN) * small / HIDDEN ** .5, n + "self_attn.k_proj.bias": k_bias,
                n + "self_attn.v_proj.weight": randn(KV_HEADS * HEAD_DIM, HIDDEN) / HIDDEN ** .5, n + "self_attn.v_proj.bias": torch.zeros(KV_HEADS * HEAD_DIM),
                n + "self_attn.o_proj.weight": randn(HIDDEN, HEADS * HEAD_DIM) / (HEADS * HEAD_DIM) ** .5,
                n + "mlp.gate_up_proj.weight": randn(2 * MLP, HIDDEN) / HIDDEN ** .5, n + "mlp.down_proj.weight": randn(HIDDEN, MLP) / MLP ** .5,
                n + "input_layernorm.weight": torch.ones(HIDDEN), n + "post_attention_layernorm.weight": torch.ones(HIDDEN),
                n + "post_self_attn_layernorm.weight": torch.full((HIDDEN,), .4), n + "post_mlp_layernorm.weight": torch.full((HIDDEN,), .4),
            }
        weights["norm.weight"] = torch.ones(HIDDEN)
        self.w = torch.nn.ParameterDict({k.replace(".", "|"): P(v) for k, v in weights.items()})
        #: Learns to count lines from the states of a middle layer, while training only: where lines go depends on how many there are.
        self.counter = P(torch.zeros(LINES, HIDDEN))
        inverse = THETA ** (-torch.arange(ROTARY // 2) / (ROTARY // 2))
        self.register_buffer("inverse", inverse, persistent=False)

    def table(self, factors, ids=None):
        f = torch.cat([factors[:-1], torch.zeros_like(factors[-1:])])
        slots = self.slots if ids is None else self.slots[ids]
        return f[slots].sum(-2)

    def rotary(self, positions):                    # [3, B, L] -> cos, sin [B, 1, L, ROTARY]
        angle = positions.float().unsqueeze(-1) * self.inverse
        axis = torch.arange(ROTARY // 2) % 3
        angle = torch.stack([angle[a, ..., k] for k, a in enumerate(axis.tolist())], -1)
        angle = torch.cat([angle, angle], -1).unsqueeze(1)
        return angle.cos(), angle.sin()

    def states(self, ids, positions, cache=None):
        w = lambda l, n: self.w[f"layers|{l}|{n.replace('.', '|')}"]
        x = self.table(self.embedding_factors, ids)
        cos, sin = self.rotary(positions)
        B, L = ids.shape
        half = torch.bfloat16 if HALF else torch.float32
        lin = lambda x, weight, bias=None: F.linear(x.to(half), weight.to(half), None if bias is None else bias.to(half))
        def turn(v):
            r, rest = v[..., :ROTARY].float(), v[..., ROTARY:]
            a, b = r.chunk(2, -1)
            return torch.cat([(r * cos + torch.cat([-b, a], -1) * sin).to(v.dtype), rest], -1)
        for l in range(LAYERS):
            h = F.rms_norm(x, (HIDDEN,), w(l, "input_layernorm.weight"), EPS)
            q = lin(h, w(l, "self_attn.q_proj.weight"), w(l, "self_attn.q_proj.bias")).view(B, L, HEADS, HEAD_DIM).transpose(1, 2)
            k = lin(h, w(l, "self_attn.k_proj.weight"), w(l, "self_attn.k_proj.bias")).view(B, L, KV_HEADS, HEAD_DIM).transpose(1, 2)
            v = lin(h, w(l, "self_attn.v_proj.weight"), w(l, "self_attn.v_proj.bias")).view(B, L, KV_HEADS, HEAD_DIM).transpose(1, 2)
            q, k = turn(q), turn(k)
            if cache is None:
                k, v = (t.repeat_interleave(HEADS // KV_HEADS, 1) for t in (k, v))
                o = causal(q, k, v)
            else:
                keys, values, valid = cache[l]
                at = cache["at"]
                keys[:, :, at:at + L] = k; values[:, :, at:at + L] = v
                k, v = (t[:, :, :at + L].repeat_interleave(HEADS // KV_HEADS, 1) for t in (keys, values))
                o = F.scaled_dot_product_attention(q, k, v, attn_mask=cache["mask"][:, :, :L, :at + L])
            o = lin(o.transpose(1, 2).reshape(B, L, -1), w(l, "self_attn.o_proj.weight"))
            x = x + F.rms_norm(o.float(), (HIDDEN,), w(l, "post_self_attn_layernorm.weight"), EPS)
            h = F.rms_norm(x, (HIDDEN,), w(l, "post_attention_layernorm.weight"), EPS)
            gate, up = lin(h, w(l, "mlp.gate_up_proj.weight")).chunk(2, -1)
            o = lin(F.silu(gate) * up, w(l, "mlp.down_proj.weight"))
            x = x + F.rms_norm(o.float(), (HIDDEN,), w(l, "post_mlp_layernorm.weight"), EPS)
            if l == HELPED: self.middle = x
        return F.rms_norm(x, (HIDDEN,), self.w["norm|weight"], EPS)

    def loss(self, states, targets):
        """Mean cross-entropy over all combinations of factors, and which targets are the most likely."""
        half = torch.bfloat16 if HALF else torch.float32
        scores = F.linear(states.to(half), self.head_factors[:-1].to(half)).float()
        totals = []; right = None
        for kind, sets in self.codes.kinds:
            total = scores[:, kind]
            for s in sets: total = total + torch.logsumexp(scores[:, s], -1)
            totals.append(total)
        total = torch.logsumexp(torch.stack(totals, -1), -1)
        padded = torch.cat([scores, torch.zeros_like(scores[:, :1])], -1)
        own = padded.gather(1, self.slots[targets]).sum(-1)
        return (total - own).mean()

    def logits(self, states):
        half = torch.bfloat16 if HALF else torch.float32
        table = self.table(self.head_factors)[:self.codes.visual]
        return F.linear(states.to(half), table.to(half)).float()


HALF = True


def causal(q, k, v, parts=4):
    """Causal attention in blocks of queries: what they cannot see is left out. Twice as fast as torch's own here."""
    length, out, scale = q.shape[2], [], q.shape[-1] ** -.5
    step = -(-length // parts)
    for a in range(0, length, step):
        b = min(a + step, length)
        w = (q[:, :, a:b] * scale) @ k[:, :, :b].transpose(-1, -2)
        hidden = torch.full((b - a, b), float("-inf"), dtype=w.dtype, device=w.device).triu(a + 1)
        out.append(torch.softmax(w + hidden, -1) @ v[:, :, :b])
    return torch.cat(out, 2)
NEIGHBOURS = [[1, 1, 1], [0, 0, 1], [0, 1, -1], [2, 2, 2], [0, 0, 2], [3, 3, 3]]


def neighbour_biases(key=4.0, query=16.0):
    n = ROTARY // 2
    q = []
    for offset in NEIGHBOURS:
        angle = torch.tensor([-offset[k % 3] * THETA ** (-k / n) for k in range(n)])
        q += [query * angle.cos(), query * angle.sin(), torch.zeros(HEAD_DIM - ROTARY)]
    k = torch.cat([torch.full((n,), key), torch.zeros(HEAD_DIM - n)]).repeat(KV_HEADS)
    return torch.cat(q), k


class Optimiser:
    """Muon for the matrices between embedding and head, Adam for the rest."""
    def __init__(self, model):
        self.state = {}
        self.matrices = {n: p for n, p in model.named_parameters() if p.ndim == 2 and "factors" not in n and n != "counter"}
        self.rest = {n: p for n, p in model.named_parameters() if n not in self.matrices}
        self.steps = 0

    @torch.no_grad()
    def step(self, rate, clip=1.0):
        params = [p for p in [*self.matrices.values(), *self.rest.values()] if p.grad is not None]
        norm = torch.nn.utils.clip_grad_norm_(params, clip)
        self.steps += 1
        groups = {}
        for name, p in self.matrices.items():
            m = self.state.setdefault(name, torch.zeros_like(p))
            m.lerp_(p.grad, .05)
            u = p.grad.lerp(m, .95)
            groups.setdefault(tuple(p.shape), []).append((p, u))
        for shape, items in groups.items():
            u = orthogonal(torch.stack([u for _, u in items]))
            scale = .2 * max(shape) ** .5
            for (p, _), d in zip(items, u):
                p.mul_(1 - rate * .02).add_(d, alpha=-rate * scale)
        for name, p in self.rest.items():
            if p.grad is None: continue
            m, v = self.state.setdefault(name, (torch.zeros_like(p), torch.zeros_like(p)))
            m.lerp_(p.grad, .1); v.lerp_(p.grad.square(), .01)
            c1, c2 = 1 - .9 ** self.steps, 1 - .99 ** self.steps
            p.addcdiv_(m / c1, (v / c2).sqrt() + 1e-8, value=-rate * (1.0 if "factors" in name else .5))
        return float(norm)


def orthogonal(g):
    x = g.bfloat16(); wide = g.shape[-2] > g.shape[-1]
    if wide: x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        b = -4.7750 * a + 2.0315 * a @ a
        x = 3.4445 * x + b @ x
    return (x.mT if wide else x).float()


class Feed:
    """Batches made in a thread."""
    def __init__(self, args, codes, start, whole):
        self.seen, self.whole, self.args, self.codes = start, whole, args, codes
        self.queue = queue.Queue(6)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        random = np.random.default_rng(self.seen + 1)
        source = records(self.args.program, self.args.seed, self.seen)
        left = []
        while True:
            pool, left = left, []
            for _ in range(384):
                r = next(source)
                gaps = "none" if random.random() < self.whole() else "large" if random.random() < self.args.galley else "rows"
                pool.append(sequence(r, self.codes.ground, random, gaps))
            pool.sort(key=lambda s: len(s.ids))
            batches, batch = [], []
            # Few different shapes: the library makes code for each.
            for s in pool:
                if batch and (len(batch) >= max(1, self.args.tokens // bucket(len(batch[0].ids))) or bucket(len(s.ids)) != bucket(len(batch[0].ids))):
                    if len(batch) >= .6 * self.args.tokens / bucket(len(batch[0].ids)): batches.append(batch)
                    else: left += batch
                    batch = []
                batch.append(s)
            left += batch
            for i in random.permutation(len(batches)):
                self.queue.put(pack(batches[i]))


def bucket(length): return -(-length // 48) * 48


def pack(batch):
    L = bucket(max(len(s.ids) for s in batch))
    ids = torch.zeros(len(batch), L, dtype=torch.long); at = torch.zeros(3, len(batch), L, dtype=torch.long); targets = torch.full((len(batch), L), -1); lines = targets.clone()
    for b, s in enumerate(batch):
        n = len(s.ids)
        lines[b, :n] = torch.from_numpy(s.lines); ids[b, :n] = torch.from_numpy(s.ids); at[:, b, :n] = torch.from_numpy(s.positions.copy()); targets[b, :n] = torch.from_numpy(s.targets)
    return ids, at, targets, lines


@torch.no_grad()
def write(model, batch):
    """Greedy blueprints of records of one size; returns drafts and grids."""
    B = len(batch); r = batch[0]; lengths = [len(b.ids) for b in batch]; n = max(lengths)
    total = n + r.ph * r.pw + r.th * r.tw
    half = torch.bfloat16 if HALF else torch.float32
    cache = {l: (torch.zeros(B, KV_HEADS, total, HEAD_DIM, dtype=half), torch.zeros(B, KV_HEADS, total, HEAD_DIM, dtype=half), None) for l in range(LAYERS)}
    ids = torch.zeros(B, n, dtype=torch.long); at = torch.zeros(3, B, n, dtype=torch.long)
    valid = torch.zeros(B, total, dtype=torch.bool); valid[:, n:] = True
    for b, rec in enumerate(batch):                 # left padding
        ids[b, n - lengths[b]:] = torch.from_numpy(rec.ids); at[:, b, n - lengths[b]:] = torch.arange(lengths[b]); valid[b, n - lengths[b]:n] = True
    mask = valid[:, None, None, :] & torch.tril(torch.ones(total, total, dtype=torch.bool))[None, None]
    mask |= torch.eye(total, dtype=torch.bool)[None, None]
    cache["at"] = 0; cache["mask"] = mask[:, :, :n]
    x = model.states(ids, at, cache)[:, -1]
    table = model.table(model.head_factors)[:model.codes.visual].to(half)
    out = []
    starts = torch.tensor(lengths)
    cells = [(0, i, j) for i in range(r.ph) for j in range(r.pw)] + [(max(r.ph, r.pw), i, j) for i in range(r.th) for j in range(r.tw)]
    for step, (more, i, j) in enumerate(cells):
        code = F.linear(x.to(half), table).argmax(-1)
        out.append(code)
        if step + 1 == len(cells): break
        cur = starts + more
        cache["at"] = n + step; cache["mask"] = mask[:, :, n + step:n + step + 1]
        x = model.states(code[:, None], torch.stack([cur, cur + i, cur + j])[:, :, None], cache)[:, -1]
    out = torch.stack(out, 1).numpy(); d = r.ph * r.pw
    return out[:, :d].reshape(B, r.ph, r.pw), out[:, d:].reshape(B, r.th, r.tw)


def check(model, codes, args, count=64, free=32):
    """Teacher-forced figures on whole sequences, and words of greedily written blueprints."""
    model.eval()
    recs = list(records(args.program, 99, 0, count, "check"))
    figures = {}
    loss = total = right = draft_right = draft_total = lines_ok = 0
    ink_right = ink_total = 0
    with torch.no_grad():
        for i in range(0, count, 8):
            chunk = recs[i:i + 8]
            ids, at, targets, _ = pack([sequence(r, codes.ground, None, "none") for r in chunk])
            known = targets >= 0
            logits = model.logits(model.states(ids, at)[known]); t = targets[known]
            loss += F.cross_entropy(logits, t, reduction="sum").item(); total += len(t)
            best = logits.argmax(-1) == t; right += best.sum().item()
            rows = known.nonzero()[:, 0]
            for b, r in enumerate(chunk):
                ok = best[rows == b]; tt = t[rows == b]; d = r.ph * r.pw
                ink = ~torch.from_numpy(codes.ground)[tt]
                draft_total += ink[:d].sum().item(); draft_right += (ok[:d] & ink[:d]).sum().item()
                ink_total += ink[d:].sum().item(); ink_right += (ok[d:] & ink[d:]).sum().item()
    figures |= dict(loss=loss / total, cells=right / total, galley=draft_right / max(1, draft_total), large=ink_right / max(1, ink_total))
    groups = {}
    for r in recs[:free]: groups.setdefault((r.th, r.tw), []).append(r)
    words = good = exact = stray = words_placed = 0; by = {}
    for group in groups.values():
        for i in range(0, len(group), 16):
            part = group[i:i + 16]
            drafts, grids = write(model, part)
            for r, d, g in zip(part, drafts, grids):
                hit = [bool((g.reshape(-1)[w] == r.grid.reshape(-1)[w]).all()) for w in r.words]
                words += len(hit); good += sum(hit)
                exact += bool((g == r.grid).all()); stray += bool(((~codes.ground[g]) & codes.ground[r.grid]).any())
    figures |= dict(words=good / max(1, words), exact=exact / free, clean=1 - stray / free)
    return figures


def adopt(state, codes):
    """Brings a state whose codes had their factors in another order into this one's; what is new begins small."""
    names = list(codes.names); old = state.get("names", names)
    if old == names: return
    place = {n: i for i, n in enumerate(old)}
    take = torch.tensor([place.get(n, -1) for n in names] + [len(old)])
    print(f"{sum(n not in place for n in names)} new factors", flush=True)
    def moved(t, fresh=.05):
        x = t[take.clamp(min=0)].clone(); x[take < 0] = torch.randn(int((take < 0).sum()), t.shape[1]) * fresh
        return x
    for key in ("embedding_factors", "head_factors"):
        for store in ("model", "average"): state[store][key] = moved(state[store][key])
        if key in state.get("optimiser", {}): state["optimiser"][key] = tuple(moved(t, 0) for t in state["optimiser"][key])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", default=PROGRAM); p.add_argument("--codes", default="codes.json")
    p.add_argument("--state", default="state/architect.pt"); p.add_argument("--seed", type=int, default=1)
    p.add_argument("--tokens", type=int, default=6144); p.add_argument("--rate", type=float, default=5e-3)
    p.add_argument("--steps", type=int, default=12000); p.add_argument("--minutes", type=float, default=1e9)
    p.add_argument("--decay-from", type=float, default=.7); p.add_argument("--check-every", type=int, default=800)
    p.add_argument("--whole-from", type=float, default=.1)
    p.add_argument("--counting", type=float, default=.1, help="weight of the helping head's loss")
    p.add_argument("--galley", type=float, default=.6, help="share of the other samples that end with the galley")
    args = p.parse_args()
    codes = Codes(args.codes); model = Architect(codes); optimiser = Optimiser(model)
    average = {n: t.detach().clone() for n, t in model.named_parameters()}
    seen = step = 0
    state = pathlib.Path(args.state); state.parent.mkdir(parents=True, exist_ok=True)
    if state.exists():
        s = torch.load(state, weights_only=False)
        adopt(s, codes); model.load_state_dict(s["model"], strict=False); average.update(s["average"]); seen, step = s["seen"], s["step"]
        if "optimiser" in s: optimiser.state, optimiser.steps = s["optimiser"], s["steps"]
    print(f"{sum(p.numel() for p in model.parameters()):,} learned values, {codes.visual} codes, from step {step}", flush=True)
    stop = []
    for s in (signal.SIGINT, signal.SIGTERM): signal.signal(s, lambda *_: stop.append(1))
    progress = lambda: step / args.steps
    feed = Feed(args, codes, seen, lambda: .12 if progress() > args.whole_from else 0.0)
    curve = open(state.with_suffix(".csv"), "a")
    def save():
        part = state.with_suffix(".partial")
        torch.save(dict(names=list(codes.names), model=model.state_dict(), average=average, seen=seen, step=step, optimiser=optimiser.state, steps=optimiser.steps), part)
        part.replace(state)
    begun = last = time.time(); sums = [0.0, 0, 0, 0.0]; handed = 0
    while step < args.steps and not stop and time.time() - begun < 60 * args.minutes:
        ids, at, targets, lines = feed.queue.get()
        model.train()
        known = targets >= 0
        loss = model.loss(model.states(ids, at)[known], targets[known])
        helped = lines >= 0
        counted = F.cross_entropy(F.linear(F.rms_norm(model.middle[helped], (HIDDEN,)), model.counter), lines[helped])
        (loss + args.counting * counted).backward()
        share = progress()
        rate = args.rate * min(1, (step + 1) / 100) * (1 if share < args.decay_from else max(0.02, (1 - share) / (1 - args.decay_from)))
        norm = optimiser.step(rate)
        model.zero_grad(set_to_none=True)
        step += 1; seen += len(ids)
        a = max(.004, 10 / (step + 10))
        with torch.no_grad():
            for n, q in model.named_parameters(): average[n].lerp_(q, a)
        sums[0] += loss.item(); sums[1] += 1; sums[2] += len(ids); sums[3] += counted.item()
        if step % 50 == 0:
            d = time.time() - last; last = time.time()
            print(f"step {step} seen {seen} loss {sums[0] / sums[1]:.4f} lines {sums[3] / sums[1]:.3f} norm {norm:.2f} {sums[2] / d:.1f} samples/s", flush=True)
            curve.write(f"{step},{seen},train_loss,{sums[0] / sums[1]:.5f}\n"); curve.flush(); sums = [0.0, 0, 0, 0.0]
        if step % args.check_every == 0:
            now = {n: q.detach().clone() for n, q in model.named_parameters()}
            for which, weights in (("now", None), ("average", average)):
                if weights:
                    with torch.no_grad():
                        for n, q in model.named_parameters(): q.copy_(weights[n])
                figures = check(model, codes, args)
                print(f"check {which}", {k: round(v, 4) for k, v in figures.items()}, flush=True)
                for k, v in figures.items(): curve.write(f"{step},{seen},{which}_{k},{v:.5f}\n")
            with torch.no_grad():
                for n, q in model.named_parameters(): q.copy_(now[n])
            save(); last = time.time()
        elif step % 200 == 0: save()
    save()


if __name__ == "__main__": main()
