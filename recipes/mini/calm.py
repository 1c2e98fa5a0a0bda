#!/usr/bin/env python3
"""Makes the group norms of a VAE's state nearly constant, so that latents and pixels of a place do not depend on the rest of the picture.

One group instead of four, and in every normalised tensor one channel of a large constant value: the deviation is mostly that constant's. Gains and biases are set so that the outputs
stay as they were on average; what the sacrificed channel carried is lost (the least important is taken) and comes back with training.

    python3 calm.py state/vae.pt state/vae_calm.pt"""
import os, sys
import torch
from diffusers import AutoencoderKL
from common import to_pixels
import stream

RATIO = 3.0  # the constant's share of the deviation, beside 1 of all else


def streams(vae):
    """[(modules that write, group norms that read, convolutions that read, whether a writer begins the stream)] of every residual stream."""
    out = []

    def begin(writer): out.append({"begin": [writer], "add": [], "norms": [], "read": []})

    def resnet(r):
        s = out[-1]; s["norms"].append(r.norm1); s["read"].append(r.conv1)
        if r.conv_shortcut is not None:
            s["read"].append(r.conv_shortcut); begin(r.conv_shortcut)
        out[-1]["add"].append(r.conv2)
    for part, blocks in ((vae.encoder, vae.encoder.down_blocks), (vae.decoder, vae.decoder.up_blocks)):
        begin(part.conv_in)
        if part is vae.decoder:
            for r in part.mid_block.resnets: resnet(r)
        for b in blocks:
            for r in b.resnets: resnet(r)
            for sample in (getattr(b, "downsamplers", None) or getattr(b, "upsamplers", None) or []):
                out[-1]["read"].append(sample.conv); begin(sample.conv)
        if part is vae.encoder:
            for r in part.mid_block.resnets: resnet(r)
        out[-1]["norms"].append(part.conv_norm_out); out[-1]["read"].append(part.conv_out)
    for m in vae.modules():
        if type(m).__name__ == "ResnetBlock2D": out.append({"begin": [m.conv1], "add": [], "norms": [m.norm2], "read": [m.conv2]})
    return out


@torch.no_grad()
def calm(vae, images):
    stats = {}

    def hook(m, args):
        x = args[0].float(); stats.setdefault(m, []).append((x.mean((0, 2, 3)), x.square().mean((0, 2, 3))))
    norms = [m for m in vae.modules() if isinstance(m, torch.nn.GroupNorm)]; hooks = [m.register_forward_pre_hook(hook) for m in norms]
    for x in images: vae.decode(vae.encode(x).latent_dist.mean)
    for h in hooks: h.remove()
    mean = {m: torch.stack([a for a, _ in s]).mean(0) for m, s in stats.items()}; square = {m: torch.stack([b for _, b in s]).mean(0) for m, s in stats.items()}
    fixed = []
    for s in streams(vae):
        channels = s["begin"][0].weight.shape[0]; importance = torch.zeros(channels)
        for n in s["norms"]: importance += (square[n] - mean[n] ** 2).clamp(min=0).sqrt() / square[n].mean().sqrt() * n.weight.abs()
        weight = sum(c.weight.flatten(2).norm(dim=(0, 2)) for c in s["read"]) if s["read"] else 1
        if not s["norms"]: continue
        at = int((importance * weight).argmin())
        total = max(float(square[n].mean()) for n in s["norms"]); k = RATIO * total ** 0.5 * (channels / (1 - 1 / channels)) ** 0.5
        for w in s["begin"]: w.weight[at] = 0; w.bias[at] = k; fixed.append((w, at))
        for w in s["add"]: w.weight[at] = 0; w.bias[at] = 0; fixed.append((w, at))
        for c in s["read"]: c.weight[:, at] = 0
        for n in s["norms"]:
            g = n.num_groups; mu = mean[n].view(g, -1).mean(1).repeat_interleave(channels // g); var = square[n].view(g, -1).mean(1).repeat_interleave(channels // g) - mu ** 2
            m2, q2 = mean[n].clone(), square[n].clone(); m2[at], q2[at] = k, k * k; new_mu = m2.mean(); new_std = (q2.mean() - new_mu ** 2).sqrt()
            n.bias.add_(n.weight * (new_mu - mu) / (var + 1e-6).sqrt()); n.weight.mul_(new_std / (var + 1e-6).sqrt()); n.bias[at] = 0; n.weight[at] = 0
    for n in norms: n.num_groups = 1
    vae.register_to_config(norm_num_groups=1)
    return fixed


def main():
    s = torch.load(sys.argv[1], weights_only=False, map_location="cpu"); vae = AutoencoderKL.from_config(s["config"]); vae.load_state_dict(s["average"]); vae.eval()
    source = stream.open_source("fake," + os.environ.get("PROGRAM", "../../target/release/atelier-train"), 3, depth=2); images = []
    while len(images) < 10:
        p = next(source).rgb; images.append(to_pixels(p[:256, :256] if len(images) % 2 else p[128:384, 64:448])[None])
    before = [vae.decode(vae.encode(x).latent_dist.mean).sample for x in images[:4]]
    fixed = calm(vae, images)
    after = [vae.decode(vae.encode(x).latent_dist.mean).sample for x in images[:4]]
    psnr = lambda ys: [round(float(10 * torch.log10(4 / (y.clamp(-1, 1) - x).square().mean())), 1) for x, y in zip(images, ys)]
    print("before", psnr(before), "after", psnr(after))
    names = {m: n for n, m in vae.named_modules()}
    w = {k: v.detach().clone() for k, v in vae.state_dict().items()}
    torch.save({"config": dict(vae.config), "weights": w, "average": {k: v.clone() for k, v in w.items()}, "n": 0, "opt": {"m": {}, "v": {}, "t": 0}, "step": s["step"], "decoder_only": None,
                "fixed": [(names[m], at) for m, at in fixed]}, sys.argv[2])


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
