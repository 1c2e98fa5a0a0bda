"""Gives the codes that say how far a line moves the waves that the rotary embedding turns by: a query at a place can then meet a key that says that place."""
import torch, architect as A
codes = A.Codes("codes.json"); s = torch.load("state/architect.pt", weights_only=False); A.adopt(s, codes)
n = A.ROTARY // 2; g = torch.Generator().manual_seed(11)
P = torch.linalg.qr(torch.randn(A.HIDDEN, 16, generator=g))[0].T
def add(prefix, axis, rows):
    hit = 0
    f = torch.tensor([A.THETA ** (-k / n) for k in range(n) if k % 3 == axis])
    for name, i in codes.names.items():
        if name.startswith(prefix):
            m = int(name.split(":")[1]); wave = torch.cat([(f * m).cos(), (f * m).sin()]); hit += 1
            for store in ("model", "average"): s[store]["embedding_factors"][i] += .5 * A.HIDDEN ** .5 / 2 * wave @ P[rows]
    print(prefix, hit)
add("down:", 1, slice(0, 8)); add("right-by:", 2, slice(8, 16))
torch.save(s, "state/architect.pt")
