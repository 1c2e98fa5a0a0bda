"""Where the architect's loss is: by kind of code, in galley and large grid."""
import sys, torch, numpy as np, collections
import architect as A
torch.set_num_threads(1)
codes = A.Codes("codes.json"); m = A.Architect(codes); s = torch.load("state/architect.pt", weights_only=False); A.adopt(s, codes); m.load_state_dict(s["model"], strict=False)
if "average" in sys.argv:
    with torch.no_grad():
        for n, q in m.named_parameters(): q.copy_(s["average"].get(n, q))
print("step", s["step"], "seen", s["seen"])
recs = list(A.records(A.PROGRAM, 99, 0, 48, "check"))
out = collections.defaultdict(lambda: [0, 0, 0.0])
scores, table = None, None
with torch.no_grad():
    for i in range(0, len(recs), 8):
        chunk = recs[i:i + 8]; ids, at, targets, _ = A.pack([A.sequence(r, codes.ground, None, "none") for r in chunk]); known = targets >= 0
        lg = m.logits(m.states(ids, at)[known]); t = targets[known]; rows = known.nonzero()[:, 0]
        loss = torch.nn.functional.cross_entropy(lg, t, reduction="none"); ok = lg.argmax(-1) == t
        for b, r in enumerate(chunk):
            d = r.ph * r.pw; L = loss[rows == b]; O = ok[rows == b]; T = t[rows == b]
            grid = np.concatenate([r.draft.ravel(), r.grid.ravel()])
            for k in range(len(T)):
                kind = codes.code_names[T[k]].split()[0]
                if kind == "small":
                    prev = codes.code_names[T[k - 1]].split()[0] if k else ""
                    kind += " first" if prev in ("head", "mark") else ""
                elif kind in ("large", "medium") and codes.code_names[T[k - 1]].split()[0] != kind: kind += " first"
                elif kind == "ground" and not codes.ground[grid[k]] : pass
                e = out[("galley " if k < d else "large  ") + kind]; e[0] += 1; e[1] += int(O[k]); e[2] += float(L[k])
for k, (n, o, l) in sorted(out.items()): print(f"{k:24s} {n:6d} right {o / n:.3f} loss {l / n:.3f}  share {l / len(recs):.2f}")
