"""Pictures in mini 2's geometry, drawn with Pillow: stands in for `atelier-train stream` until that exists (and for tests without it).

`Fake(seed)` iterates over records like those of stream.py. The codebook is a reduced one with the names of codes.json."""
import random
import numpy as np
from PIL import Image, ImageDraw, ImageFont

INKS = {"white": (255, 255, 255), "black": (0, 0, 0), "navy": (0, 0, 128), "cream": (255, 253, 208), "red": (255, 0, 0), "green": (0, 128, 0), "yellow": (255, 255, 0),
        "gray": (128, 128, 128), "sky blue": (135, 206, 235), "pink": (255, 192, 203), "teal": (0, 128, 128), "purple": (128, 0, 128), "orange": (255, 165, 0),
        "brown": (165, 42, 42), "gold": (255, 215, 0), "blue": (0, 0, 255)}
NAMES = list(INKS)
PITCH = {"small": 16, "medium": 32, "large": 64}
CHARS = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:;!?'-–—…&$%/()+#@*=€£°\""
         "àáâãäåæçèéêëìíîïñòóôõöøùúûüýßœšžÀÁÂÄÅÆÇÈÉÊÍÑÓÔÖØÙÚÜŒŠŽ")
FONTS = {"sans": "/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf", "serif": "/usr/share/fonts/truetype/dejavu/DejaVuSerif-Bold.ttf"}
_glyphs = {}


def glyph(face, size, char):
    """Coverage in the letter's box, 0..1: drawn large, narrowed into its box, scaled down."""
    key = (face, size, char)
    if key not in _glyphs:
        pitch = PITCH[size]; over = 4; em = 26.5 * pitch / 16
        font = ImageFont.truetype(FONTS[face], em * over)
        canvas = Image.new("L", (int(4 * pitch * over), 2 * pitch * over)); d = ImageDraw.Draw(canvas)
        d.text((pitch * over, 2 * pitch * over * 0.775), char, fill=255, font=font, anchor="ls")
        box = canvas.getbbox() or (0, 0, 1, 1); ink = canvas.crop((box[0], 0, box[2], 2 * pitch * over))
        width = box[2] - box[0]; limit = 0.94 * pitch * over
        if width > limit or face == "serif":
            fit = min(limit, max(width, min(0.8 * limit, 1.35 * width)) if face == "serif" else limit)
            ink = ink.resize((max(1, round(fit)), ink.height), Image.LANCZOS)
        cell = Image.new("L", (pitch * over, 2 * pitch * over)); cell.paste(ink, ((cell.width - ink.width) // 2, 0))
        _glyphs[key] = np.asarray(cell.resize((pitch, 2 * pitch), Image.BOX), np.float32) / 255
    return _glyphs[key]


def contrast(a, b):
    def light(c):
        v = [x / 255 / 12.92 if x <= 10 else ((x / 255 + 0.055) / 1.055) ** 2.4 for x in c]
        return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2] + 0.05
    x, y = light(a), light(b)
    return max(x, y) / min(x, y)


WORDS = None


def words(rng, n):
    global WORDS
    if WORDS is None:
        syl = [a + b for a in "b c d f g h j k l m n p r s t v w z br st tr pl gr sh ch".split() for b in "a e i o u ai ea oo".split()]
        WORDS = syl
    out = []
    for _ in range(n):
        if rng.random() < 0.25: w = "".join(rng.choice(CHARS) for _ in range(rng.randint(1, 8)))
        else: w = "".join(rng.choice(WORDS) for _ in range(rng.randint(1, 3))) + rng.choice(["", "", "n", "r", "s", "1", "27", "!", "."])
        out.append("".join(c for c in rng.choice([w, w.upper(), w.title()]) if c in CHARS) or "x")
    return out


def decorate(rng, d, w, h, ink):
    kind = rng.choice(["frame", "rule", "stripes", "dots", "icon", "icon", "icon"])
    if kind == "frame":
        m = rng.randint(8, 14); d.rectangle((m, m, w - 1 - m, h - 1 - m), outline=ink, width=rng.randint(2, 6))
    elif kind == "rule":
        x, y, n = rng.randrange(1, w // 64) * 32, rng.randrange(h // 32) * 32 + 14, rng.randint(3, 8); d.rectangle((x, y, x + 32 * n, y + rng.randint(2, 5)), fill=ink)
    elif kind in ("stripes", "dots"):
        y = rng.randrange(h // 32) * 32
        for x in range(0, w, 16 if kind == "stripes" else 32):
            if kind == "stripes": d.polygon([(x, y + 31), (x + 7, y + 31), (x + 23, y), (x + 16, y)], fill=ink)
            else: d.ellipse((x + 9, y + 9, x + 22, y + 22), fill=ink)
    else:
        for _ in range(rng.randint(1, 3)):
            x, y = rng.randrange(w // 32 - 2) * 32, rng.randrange(h // 32 - 2) * 32
            n = rng.randint(3, 10); a = rng.random() * 6.3
            p = [(x + 32 + 30 * np.cos(a + 6.283 * i / n) * (1 if i % 2 else rng.uniform(.3, 1)), y + 32 + 30 * np.sin(a + 6.283 * i / n) * (1 if i % 2 else .6)) for i in range(n)]
            if rng.random() < 0.5: d.polygon(p, fill=ink)
            else: d.ellipse((x + 4, y + 4, x + 59, y + 59), fill=ink if rng.random() < .6 else None, outline=ink, width=5)


def picture(rng, side=None, plain=False, codes=None):
    """rgb, the lines on it: (text, size, row, column), and the grid of codes if there is a codebook. plain: no decoration."""
    w, h = side or rng.choice([(512, 512)] * 6 + [(768, 512), (512, 768), (768, 768)])
    ground = rng.choice(NAMES[:14])
    grid = np.full((h // 32, w // 32), codes.index["ground", ground] if codes else 0)
    inks = [i for i in NAMES if contrast(INKS[i], INKS[ground]) >= 2.2]
    im = Image.new("RGB", (w, h), INKS[ground])
    if not plain and rng.random() < 0.35: decorate(rng, ImageDraw.Draw(im), w, h, INKS[rng.choice(inks)])
    a = np.asarray(im, np.float32).copy(); lines = []; row = rng.randint(0, 2)
    while row < h // 32:
        size = rng.choice(["small", "small", "small", "medium", "medium", "large"]); high = {"small": 1, "medium": 2, "large": 4}[size]
        if row + high > h // 32: break
        per = PITCH[size]; room = (w - 64) // per
        text = ""
        for t in words(rng, rng.randint(1, 5)):
            if len(text) + len(t) + 1 <= room: text = (text + " " + t).strip()
        if text:
            name = rng.choice(inks); ink = np.array(INKS[name], np.float32); face = rng.choice(["sans", "sans", "serif"])
            width = -(-len(text) * per // 32); c0 = rng.choice([1, w // 32 - 1 - width, max(1, (w // 32 - width + 1) // 2)]); c0 = max(1, c0)
            for k, ch in enumerate(text):
                if ch == " ": continue
                g = glyph(face, size, ch)[..., None]; x = c0 * 32 + k * per
                s = a[row * 32:row * 32 + 2 * per, x:x + per]
                s += g[:, :s.shape[1]] * (ink - s)
            lines.append((text, size, row, c0))
            if codes:
                grid[row:row + high, c0 - 1] = codes.index["mark", name, face]
                if size == "small":
                    for k in range(0, len(text), 2): grid[row, c0 + k // 2] = codes.index["pair", text[k], text[k + 1:k + 2]]
                else:
                    wide = per // 32
                    for k, ch in enumerate(text):
                        if ch == " ": continue
                        for p in range(high * wide): grid[row + p // wide, c0 + k * wide + p % wide] = codes.index[size, ch, p]
        row += high + rng.choice([0, 0, 1, 2])
    return np.clip(a + 0.5, 0, 255).astype(np.uint8), lines, grid


def record(rng, plain=False, codes=None):
    from stream import Record
    rgb, lines, grid = picture(rng, plain=plain, codes=codes)
    prompt = "A poster with " + ", ".join(f'"{t}"' for t, *_ in lines)
    return Record(rgb.shape[0] // 32, rgb.shape[1] // 32, 16, 16, None, None, grid, [], prompt, rgb, [w for t, *_ in lines for w in t.split()])


if __name__ == "__main__":
    import sys
    rng = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    sheet = np.concatenate([np.concatenate([picture(rng, (512, 512))[0] for _ in range(4)], 1) for _ in range(2)], 0)
    Image.fromarray(sheet).save("fake.png")
