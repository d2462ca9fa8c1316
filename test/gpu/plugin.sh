# Steps through criu-ts with the plugin that it finds by itself (gpu.md A.5.2, by number). Sourced by steps.sh; each ends with one verdict line.
pass() { echo "VERDICT pass $*"; }
fail() { echo "VERDICT fail $*"; exit 1; }
skip() { echo "VERDICT skipped $*"; exit 0; }
ticks() { sed -n 's/.*tick *\([0-9][0-9]*\).*/\1/p' "$ST"; }
clean() { grep -qE 'bad 0 err 0' "$ST"; }
# counts WHAT [STATUS]: the target goes on from where it was, and its device memory holds what it wrote.
counts() { local a b; a=$(ticks); sleep 1; b=$(ticks); clean || fail "$1: wrong content or an error: $(cat "$ST")"; [ "${b:-0}" -gt "${a:-0}" ] || fail "$1: the target stands at tick $a"; }
dumps() { mkdir -p "$1"; timed "$CT" dump -t "$P" -D "$1" -v4 -o dump.log $FLAGS "${@:2}"; }
restores() { timed "$CT" restore -D "$1" -d -v4 -o restore.log "${@:2}"; }
tail_of() { tail -30 "$1" 2>/dev/null; }
named() { "$CT" show "$1/inventory.img" | grep -q cuda_plugin; }
round() { # IMAGES: dump with kill, then restore; the series goes on
  local before; dumps "$1" || { tail_of "$1/dump.log"; fail "dump; see the log above"; }
  before=$(ticks); named "$1" || fail "inventory.img does not name cuda_plugin"
  restores "$1" || { tail_of "$1/restore.log"; fail "restore; see the log above"; }
  counts "after restore"; [ "$(ticks)" -gt "$before" ] || fail "the series began anew"
}
p1_cpu() { setsid sleep 300 </dev/null >/dev/null 2>&1 & P=$!; pids+=($P); dumps im.p1 || { tail_of im.p1/dump.log; fail "dump of a process without CUDA"; }; restores im.p1 || fail restore; kill -0 $P || fail "not there after the restore"; pass "a process without CUDA comes back"; }
p6_roundtrip() { tgt p6 --mib 64 --pinned 8 --hostreg 8 --graph --threads 3 || fail "target"; round im.p6; pass "memory, pinned memory and an instantiated graph go on"; }
p8_leave() {
  tgt p8 --mib 64 || fail "target"; dumps im.p8a -R || { tail_of im.p8a/dump.log; fail "dump -R"; }; counts "after dump -R"
  round im.p8b; kill -9 $P; sleep 1; restores im.p8a || { tail_of im.p8a/restore.log; fail "restore of the first images"; }; counts "after the second restore"; pass "goes on, and both images restore"
}
p9_error() {
  tgt p9 --mib 64 || fail "target"; printf '#!/bin/sh\n[ "$CRTOOLS_SCRIPT_ACTION" = post-dump ] && exit 1\nexit 0\n' >"$W/run/fails.sh"; chmod 755 "$W/run/fails.sh"
  dumps im.p9 --action-script "$W/run/fails.sh" && fail "dump gave 0 although its script failed"; counts "after the failed dump"; pass "the target runs, its memory is right"
}
p10_vram() {
  tgt p10 --mib 4096 || fail "target"; V=$P; SV=$ST; dumps im.p10 || { tail_of im.p10/dump.log; fail dump; }
  local free; free=$(nvidia-smi --query-gpu=memory.free --format=csv,noheader,nounits 2>/dev/null | head -1); [ -n "$free" ] || skip "nvidia-smi is missing: free memory is not known"
  tgt hog --mib $((free - 2500)) || fail "the process that takes the memory"; restores im.p10 && fail "restore gave 0 without memory"
  grep -iE 'memory' im.p10/restore.log | tail -3; kill -0 $V 2>/dev/null && fail "the refused restore left pid $V"; kill -9 $P; sleep 2; P=$V; ST=$SV
  restores im.p10 || { tail_of im.p10/restore.log; fail "restore with memory"; }; counts "after the restore"; pass "refused without leaving anything, then restored"
}
p11_tree() {
  ST=$W/run/p11a.st; SB=$W/run/p11b.st; rm -f "$ST" "$SB"
  setsid bash -c '"$0/target" --status "$1" & "$0/target" --status "$2" & sleep 300 & wait' "$B" "$ST" "$SB" </dev/null >"$W/run/p11.out" 2>&1 & P=$!; pids+=($P)
  waitfor $P "$ST" 'tick  *[0-9]' && waitfor $P "$SB" 'tick  *[0-9]' || { cat "$W/run/p11.out"; fail "targets"; }
  round im.p11; ST=$SB; counts "second child"; pass "both CUDA children and their parent come back"
}
p12_states() {
  tgt p12 --mib 16 || fail "target"; ctl $P lock:5000; dumps im.p12a -R || { tail_of im.p12a/dump.log; fail "dump of a LOCKED target"; }
  ctl $P state | grep -E 'state=[01]' || fail "state after the dump"; ctl $P ckpt; dumps im.p12b || { tail_of im.p12b/dump.log; fail "dump of a CHECKPOINTED target"; }
  restores im.p12b || { tail_of im.p12b/restore.log; fail restore; }; counts "after the restore (finalState=running)"; pass "LOCKED and CHECKPOINTED targets are dumped; the restored one runs"
}
refused() { # NAME WORDS: dump must refuse in these words, and the target go on
  dumps "im.$1" && fail "dump gave 0"; grep -iE "$2" "im.$1/dump.log" | tail -3 | grep . || { tail_of "im.$1/dump.log"; fail "the message does not say: $2"; }
  counts "after the refusal"
}
p13_managed() { tgt p13 --managed 4 || fail "target"; refused p13 'managed|not supported|NOT_SUPPORTED'; pass "managed memory is refused, the target goes on"; }
p14_fork() { tgt p14 --fork || fail "target"; local k; k=$(pgrep -P $P | head -1); pids+=($k); refused p14 "forked|$k"; pass "the forked child is named, the target goes on"; }
doctor() { "$CT" plugin doctor cuda || fail "doctor finds this host unfit; see above"; pass "the host can checkpoint CUDA"; }
