#!/bin/bash
# Puts a checkpoint together from the states: ./export.sh FOLDER [float16|float8]
set -e
cd "$(dirname "$0")"; out=$(realpath -m "$1"); dtype=${2:-float8}
PY=${PY:-python3}
$PY export_architect.py --out "$out" --dtype $dtype
$PY painter.py export --codes codes.json --out "$out" --dtype $dtype
mkdir -p "$out/vae"; cp state/vae/config.json state/vae/*.safetensors "$out/vae"
[ -e "$out/atelier.json" ] || cp ../../models/mini/atelier.json "$out"
find "$out" -type f -exec chmod 644 {} +
du -sb "$out"
