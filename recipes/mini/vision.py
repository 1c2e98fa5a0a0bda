#!/usr/bin/env python3
"""Trains the vision tower and the codebook: pixels to the code of every cell.

    python3 vision.py --minutes 15"""
import argparse, os, time
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from transformers.models.glm_image.configuration_glm_image import GlmImageVisionConfig
from transformers.models.glm_image.modeling_glm_image import GlmImageVisionModel
from common import Average, Keeper, Optimiser, rate_at
import codes as codebook
import stream

VISION = dict(depth=3, hidden_size=128, num_heads=4, intermediate_size=256, patch_size=16, image_size=512, in_channels=3, spatial_merge_size=1, attention_bias=True, hidden_act="gelu", layer_norm_eps=1e-6)
EMBED = 32
SHARP = 24.0          # logits are cosines times this


class Tower(torch.nn.Module):
    def __init__(self, book):
        super().__init__()
        names, rows = book.factors()
        self.register_buffer("rows", rows, persistent=False)
        self.visual = GlmImageVisionModel(GlmImageVisionConfig(**VISION))
        self.quant = torch.nn.Linear(VISION["hidden_size"], EMBED)
        self.factors = torch.nn.Parameter(torch.randn(len(names), EMBED))
        with torch.no_grad():
            for n, p in self.visual.named_parameters():
                if p.dim() >= 2: p.normal_(0, p[0].numel() ** -0.5)

    def table(self): return (self.factors[self.rows] * (self.rows > 0).unsqueeze(-1)).sum(1)

    def forward(self, patches, grids):
        x = self.visual(patches, grid_thw=grids).last_hidden_state
        return F.normalize(self.quant(x.reshape(-1, x.shape[-1])), dim=-1)


def patches(rgb):
    """As the processor: half the size, bicubic, 16x16 patches as channel, row, column."""
    h, w = rgb.shape[0] // 2, rgb.shape[1] // 2
    x = np.asarray(Image.fromarray(rgb).resize((w, h), Image.BICUBIC), np.float32) / 127.5 - 1
    x = x.reshape(h // 16, 16, w // 16, 16, 3).transpose(0, 2, 4, 1, 3)
    return torch.from_numpy(np.ascontiguousarray(x)).reshape(-1, 768), (1, h // 16, w // 16)


def batch(source, count):
    x, g, t = [], [], []
    for _ in range(count):
        r = next(source); p, size = patches(np.asarray(r.rgb)); x.append(p); g.append(size); t.append(torch.from_numpy(np.asarray(r.grid).astype(np.int64)).flatten())
    return torch.cat(x), torch.tensor(g), torch.cat(t)


def main():
    p = argparse.ArgumentParser(); p.add_argument("--codes", default="codes.json"); p.add_argument("--source", default=os.environ.get("PROGRAM", "../../target/release/atelier-train")); p.add_argument("--state", default="state/vision.pt")
    p.add_argument("--minutes", type=float, default=15); p.add_argument("--steps", type=int, default=3000); p.add_argument("--rate", type=float, default=3e-3); p.add_argument("--batch", type=int, default=6)
    a = p.parse_args(); torch.manual_seed(1)
    if os.environ.get("OMP_NUM_THREADS"): torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    book = codebook.load(a.codes); tower = Tower(book); keeper = Keeper(a.state, a.minutes); state = keeper.load()
    flat, text = book.is_flat(), book.is_text()
    named = list(tower.named_parameters()); matrix = lambda n, q: q.dim() == 2 and "blocks" in n
    opt = Optimiser([(n, q, 1.0) for n, q in named if matrix(n, q)], [(n, q, 1.0) for n, q in named if not matrix(n, q)]); average = Average(named, 0.004); step = 0
    if state:
        tower.load_state_dict(state["model"]); opt.load(state["opt"]); step = state["step"]; average.n = state["n"]
        for k in average.value: average.value[k].copy_(state["avg"][k])
    source = stream.open_source(a.source, 40 + step, "train"); held = batch(stream.open_source(a.source, 977, "check", depth=4), 24)
    losses, begin = [], time.time()
    while True:
        x, g, t = batch(source, a.batch)
        # Most cells are ground: a part of them is enough.
        keep = text[t] | (torch.rand(len(t)) < .25)
        z = tower(x, g)[keep]; logits = SHARP * z @ F.normalize(tower.table(), dim=-1).T
        loss = F.cross_entropy(logits, t[keep]); loss.backward()
        opt.step(rate_at(step, a.steps, a.rate, 100, 0.3)); average.update(); step += 1; losses.append(float(loss))
        if step % 50 == 0: keeper.log(step=step, loss=np.mean(losses[-50:]), pictures=a.batch * len(losses) / (time.time() - begin))
        if step % 250 == 0 or keeper.over() or step == a.steps:
            average.swap()
            with torch.no_grad():
                best = (tower(*held[:2]) @ F.normalize(tower.table(), dim=-1).T).argmax(-1); ok = best == held[2]; ink = text[held[2]]
            keeper.log(step=step, right=ok.float().mean().item(), text=ok[ink].float().mean().item())
            export = {"model.visual." + n[7:]: q.detach().clone() for n, q in tower.named_parameters() if n.startswith("visual.")}
            export |= {"model.vqmodel.quant_conv.weight": tower.quant.weight.detach().clone()[..., None, None], "model.vqmodel.quant_conv.bias": tower.quant.bias.detach().clone(),
                       "model.vqmodel.quantize.embedding.weight": tower.table().detach().clone(),
                       "model.vqmodel.post_quant_conv.weight": torch.zeros(VISION["hidden_size"], EMBED, 1, 1), "model.vqmodel.post_quant_conv.bias": torch.zeros(VISION["hidden_size"])}
            average.swap()
            keeper.save({"model": tower.state_dict(), "opt": opt.state(), "avg": average.value, "n": average.n, "step": step, "average": export})
        if keeper.over() or step >= a.steps: break


if __name__ == "__main__": main()
