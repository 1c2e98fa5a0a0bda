"""Adds the words of prompt files' texts to held-out.txt, so that training never shows them.

    python3 hold-out.py FILE.json …

Kept allowed: single characters, plain numbers, and the short function words below, without which no sentence can be said.
"""

import json
import pathlib
import re
import sys

FUNCTION = set("the and for you our are not of in on at to by an is it no we my me or up us so do go be as if am pm".split())

path = pathlib.Path(__file__).with_name("held-out.txt")
lines = path.read_text().splitlines()
header = [line for line in lines if line.startswith("#")]
words = {line for line in lines if line and not line.startswith("#")}
for name in sys.argv[1:]:
    for record in json.load(open(name))["data_list"]:
        texts = record.get("texts") or [region["text"] for region in record.get("regions", [])]
        for word in re.findall(r"\w+(?:['’]\w+)*", " ".join(texts).lower()):
            if len(word) > 1 and not word.isdigit() and word not in FUNCTION:
                words.add(word.replace("’", "'"))
path.write_text("\n".join(header + sorted(words)) + "\n")
