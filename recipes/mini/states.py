#!/usr/bin/env python3
"""Keeps the weights of the trainings in small files: `states.py pack` writes weights/*.safetensors (f16) from state/, `states.py unpack` the other way round.

Only the averaged weights are kept: a training that goes on from them finds its pace again within some hundred steps."""
import json, pathlib, sys
import torch
from safetensors import safe_open
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
#: state file -> its dictionaries of weights, each with what precedes a name of them among the averages
WEIGHTS = {"architect": {"model": ""}, "painter": {"painter": "", "glyphs": "glyphs."}, "vae": {"weights": ""}}
FORGOTTEN = ("opt", "optimiser", "steps", "average")


def pack():
    (HERE / "weights").mkdir(exist_ok=True)
    for name, parts in WEIGHTS.items():
        file = HERE / "state" / f"{name}.pt"
        if not file.exists(): continue
        s = torch.load(file, map_location="cpu", weights_only=False)
        kept = {f"{part}/{k}": s["average"].get(before + k, v) for part, before in parts.items() for k, v in s[part].items()}
        kept = {k: (v.half() if v.is_floating_point() else v).clone().contiguous() for k, v in kept.items()}
        rest = {k: v for k, v in s.items() if k not in parts and k not in FORGOTTEN}
        save_file(kept, HERE / "weights" / f"{name}.safetensors", {"rest": json.dumps(rest), "averaged": json.dumps(list(s["average"]))})
        print(name, sum(v.numel() for v in kept.values()), "values,", {k: v for k, v in rest.items() if isinstance(v, (int, float))})


def unpack():
    (HERE / "state").mkdir(exist_ok=True)
    for name, parts in WEIGHTS.items():
        file = HERE / "weights" / f"{name}.safetensors"
        if not file.exists(): continue
        with safe_open(file, "pt") as f:
            s = json.loads(f.metadata()["rest"]); averaged = set(json.loads(f.metadata()["averaged"]))
            for key in f.keys():
                part, k = key.split("/", 1); t = f.get_tensor(key)
                s.setdefault(part, {})[k] = t = t.float() if t.is_floating_point() else t
                if parts[part] + k in averaged: s.setdefault("average", {})[parts[part] + k] = t.clone()
        missing = averaged - set(s["average"])
        if missing: raise SystemExit(f"{file}: no weights for {sorted(missing)[:3]}")
        torch.save(s, HERE / "state" / f"{name}.pt"); print(name)


if __name__ == "__main__":
    if sys.argv[1:] not in (["pack"], ["unpack"]): raise SystemExit(__doc__)
    pack() if sys.argv[1] == "pack" else unpack()
