#!/bin/bash
# bash .gpu/probe.sh: ends within GPU_LIMIT + 20 s whatever happens; $OUT/probe.log, summary.txt, snaps.tar.gz, images.tar.gz.
LIMIT=${GPU_LIMIT:-260}; OUT=${OUT:-/tmp/gpu-out}; mkdir -p "$OUT"; export GPU_WORK=${GPU_WORK:-/tmp/gpu}; W=$GPU_WORK
rm -rf "$W"; mkdir -p "$W/logs" "$W/node" "$W/run" "$W/snaps"; chmod 755 "$W"
here=$(cd "$(dirname "$0")" && pwd); T0=$SECONDS
cp -r "$here"/{bin,src,app} "$W"/; [ -d "$here/criu" ] && cp -r "$here/criu" "$W"/; cp "$here"/{steps,plugin}.sh "$W"/; chmod -R a+rX "$W"; chmod 755 "$W"/bin/* "$W"/app/core/cli/criu-ts; export GPU_HERE=$here T0
cat > "$W/all.sh" <<'A'
T0=$(date +%s); LIMIT=$1; export PATH=$PATH:/usr/local/nvidia/bin:/usr/local/cuda/bin
left() { echo $((LIMIT - ($(date +%s) - T0))); }
step() { # NAME SECONDS
  local l=$(left) s=$2; [ $l -lt 4 ] && { echo "$1 SKIPPED: out of time" >>"$W/logs/times"; return; }; [ $s -gt $l ] && s=$l
  local t=$(date +%s%N); timeout -k 2 $s bash "$W/steps.sh" $1 >"$W/logs/$1.log" 2>&1 </dev/null; echo "$1 rc $? $(( ($(date +%s%N) - t) / 1000000 )) ms, started at $((( t / 1000000000) - T0)) s" >>"$W/logs/times"; }
unpack() { xz -dc "$GPU_HERE/node.xz" >"$W/node/node" 2>/dev/null || python3 -c "import lzma,sys,shutil;shutil.copyfileobj(lzma.open('$GPU_HERE/node.xz'),open('$W/node/node','wb'))"; chmod 755 "$W/node/node"; echo "unpacked at $(( $(date +%s) - T0 )) s" >>"$W/logs/times"; }
for l in "$LIBCUDA" libcuda.so.1 /usr/local/nvidia/lib64/libcuda.so.1 /usr/local/nvidia/lib/libcuda.so.1 $(timeout 5 find /usr /opt -xdev -name libcuda.so.1 -not -path '*stubs*' -not -path '*compat*' 2>/dev/null); do [ -n "$l" ] && { d=; [[ $l == /* ]] && d=${l%/*}; LD_LIBRARY_PATH=${d:+$d:}$LD_LIBRARY_PATH LIBCUDA=$l timeout 20 "$W/bin/ctl" >"$W/logs/cold" 2>&1; } && { export LIBCUDA=$l; [ -n "$d" ] && export LD_LIBRARY_PATH=$d:$LD_LIBRARY_PATH; break; }; done
cat "$W/logs/cold"
echo "LIBCUDA=$LIBCUDA" >>"$W/logs/times"
timeout 20 "$W/bin/ctl" 2>"$W/logs/ctl.err" || { I=$(ls -d /usr/local/cuda*/include | head -1); for p in ctl target; do gcc -O2 -I$I -o "$W/bin/$p" "$W/src/$p.c" -ldl -lpthread; done; echo "recompiled" >>"$W/logs/times"; }
unpack & U=$!
( timeout 60 python3 -c 'import torch' >/dev/null 2>&1; echo "torch warm at $(( $(date +%s) - T0 )) s" >>"$W/logs/times" ) &
step facts 25 & F=$!
wait $F $U
step t16 14
step noinit 12
step t1g 25
step par 15
for s in b_state b_tid b_lock b_but b_woken b_wlock; do step $s 20 & done; step check 8 & step nodecpu 12 & wait
echo "wave A at $(( $(date +%s) - T0 )) s" >>"$W/logs/times"
for s in a_none uids legal spin rich ours criu; do step $s 25 & done; step torch 40 & step torchx 40 &
sleep 8; for s in forked managed ipc vmm1 vmm2 nvml pidns sigstop oursrich criuours ourscriu ourslocked; do step $s 25 & done; step torchcriu 40 & wait
echo "waves B and C at $(( $(date +%s) - T0 )) s" >>"$W/logs/times"
for s in doctor p1_cpu p6_roundtrip p8_leave p9_error p11_tree p12_states p13_managed p14_fork; do step $s 30; done
step p10_vram 30
step killed 25
step vram 25
step dies 12
A
export W
setsid bash "$W/all.sh" "$LIMIT" </dev/null >"$W/logs/all" 2>&1 & A=$!
while kill -0 $A 2>/dev/null && [ $((SECONDS - T0)) -lt $((LIMIT + 4)) ]; do sleep 0.2; done
kill -0 $A 2>/dev/null && { echo "STOPPED at the limit" >>"$W/logs/times"; kill -9 -- -$A 2>/dev/null; }
# What a cut-off step left: only programs of this folder.
for p in /proc/[0-9]*; do [ "${p#/proc/}" = $$ ] && continue; e=$(readlink $p/exe 2>/dev/null); c=$(tr '\0' ' ' <$p/cmdline 2>/dev/null); case "$e $c" in "$W"/*|*"$W/src/torchloop.py"*) kill -9 ${p#/proc/} 2>/dev/null;; esac; done
cd "$W"
{ echo "== times"; cat logs/times; for f in facts check t16 noinit t1g par b_state b_tid b_lock b_but b_woken b_wlock a_none uids legal spin rich nodecpu ours ourslocked criu criuours ourscriu oursrich torch torchx torchcriu forked managed ipc vmm1 vmm2 nvml pidns sigstop killed vram dies doctor p1_cpu p6_roundtrip p8_leave p9_error p10_vram p11_tree p12_states p13_managed p14_fork; do echo; echo "==================== $f"; [ -f logs/$f.log ] && cat logs/$f.log; done; echo; cat logs/all; (dmesg | tail -60) 2>/dev/null; } >"$OUT/probe.log" 2>&1
timeout 6 tar czf "$OUT/snaps.tar.gz" snaps run logs 2>/dev/null
timeout 6 tar czf "$OUT/images.tar.gz" --exclude='pages-*.img' im.* 2>/dev/null
{ cat logs/times; grep -H "^VERDICT" logs/*.log; for f in t16 noinit t1g par b_state b_tid b_lock b_but b_woken b_wlock ours torch torchx; do echo "== $f"; grep -vE 'snap ' logs/$f.log 2>/dev/null | cut -c1-150 | tail -22; done; } >"$OUT/summary.txt"
tail -c 11500 "$OUT/summary.txt"
