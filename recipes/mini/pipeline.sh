#!/bin/bash
# The whole training of VAE and painter, resumable: start it again and it goes on. Usage: nohup setsid ./pipeline.sh >> state/pipeline.log 2>&1 &
# Stop: kill -TERM $(cat state/pipeline.pid)   (the running training saves its state)
cd "$(dirname "$0")"; mkdir -p state; echo $$ > state/pipeline.pid
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
PY=${PY:-python3}; PROGRAM=${PROGRAM:-../../target/release/atelier-train}; DEVICE=${DEVICE:-cpu}
BOTH="fake,$PROGRAM"; run() { nice -n 5 $PY "$@" & child=$!; wait $child; }
trap 'kill -TERM $child 2>/dev/null; wait $child; exit 0' TERM INT
[ -s codes.json ] || $PROGRAM codes > codes.json
if [ ! -e state/vae/config.json ]; then
  run vae.py train --device $DEVICE --minutes ${VAE_MINUTES:-30} --rate 1e-3 --noise 0.06 --source "$BOTH"
  run vae.py export --out state/vae --source "$PROGRAM"
fi
while :; do
  run painter.py train --device $DEVICE --vae state/vae --codes codes.json --source "$PROGRAM" --minutes ${PAINTER_MINUTES:-60} --steps ${PAINTER_STEPS:-20000} --tokens ${TOKENS:-1536}
  run vae.py train --device $DEVICE --decoder-only --state state/vae.pt --painted state/painter.pt --paint-source "$PROGRAM" --vae state/vae --minutes ${DECODER_MINUTES:-12} --rate 6e-4 --noise 0.06 --source "$BOTH"
  run vae.py export --out state/vae --source "$PROGRAM"
done
