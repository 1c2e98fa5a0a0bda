"""The visual codes: what each means, and which factors it is the sum of.

A code is a tuple: ("ground", g) ("mark", ink, face) ("accent", ink) ("corner", ink) ("piece", kind, part) ("head", size, ink, face) ("adorn", kind) ("down", n) ("right", n)
("pair", a, b) with "" for nothing, ("medium", c, part), ("large", c, part)."""
import json
import numpy as np
import torch

CELL_PARTS = {"medium": 2, "large": 8}


class Codes:
    def __init__(self, meanings):
        self.meanings = meanings; self.index = {m: i for i, m in enumerate(meanings)}

    def __len__(self): return len(self.meanings)

    def kind(self): return [m[0] for m in self.meanings]

    def is_text(self):
        return torch.tensor([m[0] in ("medium", "large") or (m[0] == "pair" and any(c not in ("", " ") for c in m[1:])) for m in self.meanings])

    def is_flat(self):
        """Codes that look like ground."""
        return torch.tensor([m[0] in ("ground", "mark", "accent") or (m[0] == "pair" and all(c in ("", " ") for c in m[1:])) for m in self.meanings])

    def is_icon(self):
        """Codes of the small pictures: pieces that are no frame and no band."""
        return torch.tensor([m[0] == "piece" and m[1] not in ("frame", "rule", "stripes", "dots") for m in self.meanings])

    def factors(self):
        """(names of the factors, [codes, 4] their indexes; the unused point to factor 0, which stays zero)."""
        names, rows = {("none",): 0}, []
        for m in self.meanings:
            k = m[0]
            if k == "pair": f = [("left", m[1] or " "), ("right", m[2] or " "), ("kind", "small")]
            elif k in CELL_PARTS: f = [(k, m[1], m[2]), ("part", k, m[2]), ("kind", k), ("char", m[1])]
            elif k == "mark": f = [("ink", m[1]), ("face", m[2]), ("kind", k)]
            elif k == "accent": f = [("ink", m[1]), ("kind", k)]
            elif k == "corner": f = [("ink", m[1]), ("kind", k)]
            elif k == "piece": f = [m, ("piece kind", m[1]), ("kind", k)]
            elif k == "ground": f = [m, ("kind", k)]
            else: f = [("unused",)]
            rows.append([names.setdefault(n, len(names)) for n in f] + [0] * (4 - len(f)))
        return list(names), torch.tensor(rows)


def standard():
    """A codebook as the specification describes it, for the fake pictures."""
    from fake import CHARS, NAMES
    m = [("ground", g) for g in NAMES[:14]] + [("mark", i, f) for i in NAMES for f in ("sans", "serif")] + [("accent", i) for i in NAMES]
    m += [("pair", a, b) for a in CHARS + " " for b in CHARS + " "] + [("pair", c, "") for c in CHARS]
    m += [("medium", c, p) for c in CHARS for p in range(2)] + [("large", c, p) for c in CHARS for p in range(8)]
    return Codes(m)


def load(path):
    """`fake`, or the output of `atelier-train codes`."""
    if path == "fake": return standard()
    return from_json(json.load(open(path)))


def from_json(data):
    meanings = []
    for c in data["codes"][:data["visual"]]:
        f = c["factors"]; value = lambda i: f[i].split(":", 1)[1]; last = lambda: c["name"].rsplit(" ", 1)[1]; k = f[0]
        if k == "small": m = ("pair", value(1), "" if f[2] == "right:nil" else value(2))
        elif k in CELL_PARTS: m = (k, value(1), int(last()))
        elif k == "ground": m = (k, value(1))
        elif k == "mark": m = (k, value(1), value(2))
        elif k == "accent": m = (k, value(1))
        elif k == "framecorner": m = ("corner", value(1))
        elif k == "piece": m = (k, value(1), int(last()))
        elif k == "head": m = (k, value(1), value(2), value(3))
        elif k == "adorn": m = (k, value(1))
        else: m = (k, int(last()))
        meanings.append(m)
    return Codes(meanings)


def words(record, book):
    """Texts of a record by its cells: the characters that the word's codes show, in order."""
    out, flat = [], record.grid.flatten()
    for cells in record.word_cells:
        text = ""
        for i in cells:
            m = book.meanings[flat[i]]
            if m[0] == "pair": text += m[1] + m[2]
            elif m[0] in CELL_PARTS and m[2] == 0: text += m[1]
        out.append(text)
    return out
