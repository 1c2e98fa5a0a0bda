"""Writes vision_language_encoder/, processor/ and scheduler/ of a checkpoint from the architect's state, and compares with the reference's modules."""
import argparse, json, pathlib
import torch
from safetensors.torch import save_file
import architect as A

p = argparse.ArgumentParser()
p.add_argument("--state", default="state/architect.pt"); p.add_argument("--codes", default="codes.json"); p.add_argument("--out", default="out")
p.add_argument("--vision", default="state/vision.pt"); p.add_argument("--dtype", default="float16"); p.add_argument("--now", action="store_true")
p.add_argument("--base", default="../../models/mini")
a = p.parse_args()
codes = A.Codes(a.codes); data = json.load(open(a.codes)); specials = data["specials"]
model = A.Architect(codes); s = torch.load(a.state, weights_only=False)
model.load_state_dict(s["model"], strict=False)
if not a.now:
    with torch.no_grad():
        for n, q in model.named_parameters(): q.copy_(s["average"].get(n, q))
head_rows, vocabulary = data["head"], -(-data["vocabulary"] // 8) * 8
dtype = dict(float16=torch.float16, float8=torch.float8_e4m3fn)[a.dtype]
tensors = {}
with torch.no_grad():
    for k, v in model.w.items(): tensors["model.language_model." + k.replace("|", ".")] = v.detach()
    e = torch.zeros(vocabulary, A.HIDDEN); t = model.table(model.embedding_factors); e[:len(t)] = t
    tensors["model.language_model.embed_tokens.weight"] = e
    h = torch.zeros(head_rows, A.HIDDEN); h[:codes.visual] = model.table(model.head_factors)[:codes.visual]
    tensors["lm_head.weight"] = h
VISION = dict(depth=3, hidden_size=128, num_heads=4, intermediate_size=256, patch_size=16, image_size=512)
EMBED = 32
g = torch.Generator().manual_seed(3); r = lambda *x: torch.randn(*x, generator=g) / x[-1] ** .5
if pathlib.Path(a.vision).exists(): tensors |= {k: v.float() for k, v in torch.load(a.vision, weights_only=False)["average"].items()}
else:
    H, M = VISION["hidden_size"], VISION["intermediate_size"]
    v = {"patch_embed.proj.weight": r(H, 3, 16, 16), "patch_embed.proj.bias": torch.zeros(H), "embeddings.position_embedding.weight": r(1024, H)}
    for l in range(VISION["depth"]):
        b = f"blocks.{l}."
        for n in ("norm1", "norm2"): v |= {b + n + ".weight": torch.ones(H), b + n + ".bias": torch.zeros(H)}
        for n, (o, i) in {"attn.qkv": (3 * H, H), "attn.proj": (H, H), "mlp.fc1": (M, H), "mlp.fc2": (H, M)}.items(): v |= {b + n + ".weight": r(o, i), b + n + ".bias": torch.zeros(o)}
    tensors |= {"model.visual." + k: x for k, x in v.items()}
    tensors |= {"model.vqmodel.quant_conv.weight": r(EMBED, H)[..., None, None], "model.vqmodel.quant_conv.bias": torch.zeros(EMBED), "model.vqmodel.quantize.embedding.weight": r(codes.visual, EMBED),
                "model.vqmodel.post_quant_conv.weight": torch.zeros(H, EMBED, 1, 1), "model.vqmodel.post_quant_conv.bias": torch.zeros(H)}
out = pathlib.Path(a.out); folder = out / "vision_language_encoder"; folder.mkdir(parents=True, exist_ok=True)
stored = {k: (v.to(dtype) if v.ndim >= 2 else v.to(torch.float16)).contiguous() for k, v in tensors.items()}
save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
base = pathlib.Path(a.base); c = json.load(open(base / "vision_language_encoder/config.json"))
c |= dict(image_start_token_id=specials["image start"], image_end_token_id=specials["image end"], image_token_id=specials["<|image|>"])
c["text_config"] |= dict(eos_token_id=specials["image end"], head_dim=A.HEAD_DIM, hidden_size=A.HIDDEN, intermediate_size=A.MLP, num_attention_heads=A.HEADS, num_hidden_layers=A.LAYERS,
    num_key_value_heads=A.KV_HEADS, pad_token_id=specials["<|endoftext|>"], vision_vocab_size=head_rows, vocab_size=vocabulary,
    rope_parameters=dict(mrope_section=[1] * (A.ROTARY // 2), partial_rotary_factor=A.ROTARY / A.HEAD_DIM, rope_theta=A.THETA, rope_type="default"))
c["vision_config"] |= VISION; c["vq_config"] |= dict(embed_dim=EMBED, latent_channels=VISION["hidden_size"], num_embeddings=codes.visual)
json.dump(c, open(folder / "config.json", "w"), indent=2)
generation = json.load(open(base / "vision_language_encoder/generation_config.json")) | dict(eos_token_id=specials["image end"], pad_token_id=specials["<|endoftext|>"], temperature=0.2, top_p=0.75)
json.dump(generation, open(folder / "generation_config.json", "w"), indent=2)
import shutil
if out.resolve() != base.resolve():
    for part in ("processor", "tokenizer", "scheduler"): shutil.copytree(base / part, out / part, dirs_exist_ok=True)
    shutil.copy(base / "model_index.json", out / "model_index.json")
json.dump(data["tokenizer"], open(out / "processor/tokenizer.json", "w"), separators=(",", ":"), ensure_ascii=False)
# The reference's own module on the same sequence.
from transformers import GlmImageForConditionalGeneration
ref = GlmImageForConditionalGeneration.from_pretrained(out / "vision_language_encoder", torch_dtype=torch.float32)
record = next(A.records(A.PROGRAM, 5, 0, 1))
import numpy as np
q = A.sequence(record, codes.ground, np.random.default_rng(0), "none")
A.HALF = False
with torch.no_grad():
    own = {k[len("model.language_model."):].replace(".", "|"): v.float() for k, v in stored.items() if k.startswith("model.language_model.layers") or k == "model.language_model.norm.weight"}
    for k, v in own.items(): model.w[k].copy_(v)
    ids, at = torch.from_numpy(q.ids)[None], torch.from_numpy(q.positions.copy())[:, None]
    x = ref.model.language_model(input_ids=ids, position_ids=at).last_hidden_state
    theirs = ref.lm_head(x)[0, :, :codes.visual]
    mine = model.logits(model.states(ids, at)[0])
print("largest difference of logits", (theirs - mine).abs().max().item(), "of", theirs.abs().max().item(), "same choice", (theirs.argmax(-1) == mine.argmax(-1)).float().mean().item())
print("bytes", sum(v.numel() * v.element_size() for v in stored.values()))
