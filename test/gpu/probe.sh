#!/bin/bash
# bash .gpu/probe.sh: all steps on a bare machine, many side by side, or those of GPU_STEPS (side by side) and GPU_LAST (then, one by one). Ends within GPU_LIMIT + 20 s
# whatever happens; $OUT/report.json, summary.txt, probe.log, snaps.tar.gz, images.tar.gz, move.tar.gz.
LIMIT=${GPU_LIMIT:-260}
OUT=${OUT:-/tmp/gpu-out}
export GPU_WORK=${GPU_WORK:-/tmp/gpu}
W=$GPU_WORK
here=$(cd "$(dirname "$0")" && pwd)
begun=$SECONDS

prepare() {
  mkdir -p "$OUT"
  rm -rf "$W"
  mkdir -p "$W/logs" "$W/node" "$W/run" "$W/snaps"
  cp -r "$here"/{bin,src,app} "$W"/
  [ -d "$here/criu" ] && cp -r "$here/criu" "$W"/
  cp "$here"/*.sh "$here"/*.mjs "$W"/
  # Steps of other users read here, too.
  chmod 755 "$W" "$W"/bin/* "$W"/app/core/cli/criu-ts
  chmod -R a+rX "$W"
}

# What a cut-off step left: only programs of this folder.
clean_up() {
  local process program words
  for process in /proc/[0-9]*; do
    [ "${process#/proc/}" = $$ ] && continue
    program=$(readlink $process/exe 2>/dev/null)
    words=$(tr '\0' ' ' <$process/cmdline 2>/dev/null)
    case "$program $words" in
      "$W"/* | *"$W/src/torchloop.py"*) kill -9 ${process#/proc/} 2>/dev/null ;;
    esac
  done
}

collect() {
  local log
  cd "$W" || return
  {
    echo "== times"
    cat logs/times
    for log in logs/*.log; do
      printf '\n==================== %s\n' "$(basename "$log" .log)"
      cat "$log"
    done
    echo
    cat logs/all
    dmesg 2>/dev/null | tail -60
  } >"$OUT/probe.log" 2>&1
  timeout 6 tar czf "$OUT/snaps.tar.gz" snaps run logs 2>/dev/null
  timeout 6 tar czf "$OUT/images.tar.gz" --exclude='pages-*.img' im.* 2>/dev/null
  tar czf "$OUT/move.tar.gz" im.p3 im.p3.st bin/victim 2>/dev/null
  {
    "$W/node/node" "$W/judge.mjs" logs "$OUT/report.json" >logs/verdicts
    cat logs/verdicts
    grep -v ' rc ' logs/times
    # Only the words of what failed: what is printed is cut, and the rest is in probe.log.
    for step in $(sed -n 's/^fail  *\([a-z0-9_]*\) .*/\1/p' logs/verdicts); do
      echo "== $step"
      grep -vE 'snap |^\$ ctl' "logs/$step.log" | cut -c1-140 | tail -12
    done
  } >"$OUT/summary.txt" 2>&1
}

prepare
export GPU_HERE=$here
setsid bash "$W/probe-steps.sh" "$LIMIT" </dev/null >"$W/logs/all" 2>&1 &
steps=$!
while kill -0 $steps 2>/dev/null && [ $((SECONDS - begun)) -lt $((LIMIT + 4)) ]; do sleep 0.2; done
if kill -0 $steps 2>/dev/null; then
  echo "STOPPED at the limit" >>"$W/logs/times"
  kill -9 -- -$steps 2>/dev/null
fi
clean_up
collect
head -c 11500 "$OUT/summary.txt"
