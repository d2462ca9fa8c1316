# Steps through criu-ts with the plugin that it finds by itself (gpu.md A.5.2, by number). Each ends with one verdict line. Sourced by steps.sh.

pass() {
  echo "VERDICT pass $*"
}

fail() {
  echo "VERDICT fail $*"
  exit 1
}

skip() {
  echo "VERDICT skipped $*"
  exit 0
}

# Fails with the end of a log: fail_log LOG WHAT
fail_log() {
  tail -30 "$1" 2>/dev/null
  fail "$2; the end of ${1##*/} is above"
}

# Of the target, or of the training loop.
ticks() {
  sed -n 's/^\(tick\|step\) *\([0-9][0-9]*\).*/\2/p' "$ST"
}

# A zombie has ended, too.
alive() {
  grep -q '^State:' "/proc/$1/status" 2>/dev/null && ! grep -q '^State:.*Z' "/proc/$1/status"
}

ends() {
  kill -9 "$1"
  while kill -0 "$1" 2>/dev/null; do sleep 0.1; done
}

clean() {
  grep -qE 'bad 0 err 0' "$ST"
}

# The target goes on from where it was, and its device memory holds what it wrote: counts WHEN
counts() {
  local before after i
  before=$(ticks)
  for i in $(seq 1 100); do
    after=$(ticks)
    [ "${after:-0}" -gt "${before:-0}" ] && break
    sleep 0.1
  done
  clean || fail "$1: wrong content or an error: $(cat "$ST")"
  [ "${after:-0}" -gt "${before:-0}" ] || fail "$1: the target stands at tick $before"
}

dumps() {
  mkdir -p "$1"
  timed "$CT" dump -t "$P" -D "$1" -v4 -o dump.log $FLAGS "${@:2}"
}

restores() {
  timed "$CT" restore -D "$1" -d -v4 -o restore.log "${@:2}"
}

named() {
  "$CT" show "$1/inventory.img" | grep -q cuda_plugin
}

# Dump with kill, then restore; the series goes on: round IMAGES [RESTORE-OPTION...]
round() {
  local before images=$1
  shift
  dumps "$images" || fail_log "$images/dump.log" dump
  alive "$P" && fail "pid $P is still there after the dump"
  before=$(ticks)
  named "$images" || fail "inventory.img does not name cuda_plugin"
  restores "$images" "$@" || fail_log "$images/restore.log" restore
  counts "after the restore"
  [ "$(ticks)" -gt "$before" ] || fail "the series began anew"
}

# A dump must refuse with words that match PATTERN, and the target go on: refused IMAGES PATTERN
refused() {
  dumps "$1" && fail "dump gave 0"
  grep -iE "$2" "$1/dump.log" | tail -3 | grep . || fail_log "$1/dump.log" "the message does not match: $2"
  counts "after the refusal"
}

doctor() {
  "$CT" plugin doctor cuda || fail "doctor finds this host unfit; see above"
  pass "the host can checkpoint CUDA"
}

# What the plugin's back ends promise, on the real driver: the suite that runs over the mock, too.
contract() {
  local suite=$W/app/dist/test/plugins/cuda/contract-hardware.test.js passed failed
  [ -d "$W/app/targets" ] && export CRIU_TS_CUDA_TARGETS=$W/app/targets
  # Within a test of this kit Node would take the suite for a part of that.
  PATH=$W/criu:$PATH CRIU_TS_HARDWARE=1 env -u NODE_TEST_CONTEXT node --test --test-reporter=tap "$suite" >contract.tap 2>&1
  grep -E '^ *(not )?ok |^ +(error|failureType): |^# ' contract.tap
  passed=$(sed -n 's/^# pass //p' contract.tap)
  failed=$(sed -n 's/^# fail //p' contract.tap)
  [ "$failed" = 0 ] && [ "${passed:-0}" -gt 0 ] || fail_log contract.tap "${failed:-all} tests of the contract suite failed"
  pass "$passed tests of the contract suite"
}

p1_cpu() {
  setsid sleep 300 </dev/null >/dev/null 2>&1 &
  P=$!
  pids+=($P)
  sleep 0.2
  dumps im.p1 || fail_log im.p1/dump.log "dump of a process without CUDA"
  named im.p1 && fail "inventory.img names cuda_plugin, though there is no CUDA state"
  restores im.p1 || fail_log im.p1/restore.log restore
  alive "$P" || fail "not there after the restore"
  pass "a process without CUDA comes back, and its images need no plugin"
}

# A process without CUDA that other machines can take: a static program, dumped where the GPU is. Its images are kept in im.p3 (probe.sh brings them back).
p3_move() {
  ST=$W/run/p3.st
  # Functions for processors that the other machine may not have are not chosen (glibc manual, 38.3).
  GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ setsid "$B/victim" "$ST" </dev/null >/dev/null 2>&1 &
  P=$!
  pids+=($P)
  waitfor $P "$ST" 'tick  *[1-9]' || fail "the program does not count"
  dumps im.p3 || fail_log im.p3/dump.log "dump of a process without CUDA"
  named im.p3 && fail "inventory.img names cuda_plugin, though there is no CUDA state"
  cp "$ST" im.p3.st
  pass "images that need no plugin are in im.p3"
}

p6_roundtrip() {
  tgt p6 --mib 64 --pinned 8 --hostreg 8 --graph --threads 3 || fail "target"
  round im.p6
  pass "memory, pinned memory and an instantiated graph go on"
}

p8_leave() {
  tgt p8 --mib 64 || fail "target"
  dumps im.p8a -R || fail_log im.p8a/dump.log "dump -R"
  counts "after dump -R"
  round im.p8b
  # The first images are of the same pids: what is there now must go before.
  ends "$P"
  restores im.p8a || fail_log im.p8a/restore.log "restore of the first images"
  counts "after the second restore"
  pass "goes on, and both images restore"
}

p9_error() {
  tgt p9 --mib 64 || fail "target"
  # A script that fails when everything is dumped: device memory is in the process by then.
  cat >"$W/run/fails.sh" <<'A'
#!/bin/sh
[ "$CRTOOLS_SCRIPT_ACTION" = post-dump ] && exit 1
exit 0
A
  chmod 755 "$W/run/fails.sh"
  dumps im.p9 --action-script "$W/run/fails.sh" && fail "dump gave 0 although its script failed"
  grep -q 'post-dump' im.p9/dump.log || fail_log im.p9/dump.log "the dump did not come as far as its script"
  counts "after the failed dump"
  pass "the target runs, its memory is right"
}

p10_vram() {
  tgt p10 --mib 4096 || fail "target"
  local victim=$P status=$ST free
  dumps im.p10 || fail_log im.p10/dump.log dump
  free=$(nvidia-smi --query-gpu=memory.free --format=csv,noheader,nounits 2>/dev/null | head -1)
  [ -n "$free" ] || skip "nvidia-smi is missing: free memory is not known"
  # Leaves less than the 4 GiB, and enough for the context of this process itself.
  tgt hog --mib $((free - 2500)) || fail "the process that takes the memory"
  restores im.p10 && fail "restore gave 0 without memory"
  grep -iE 'GiB of memory' im.p10/restore.log | tail -3 | grep . || fail_log im.p10/restore.log "the message does not tell of memory"
  alive "$victim" && fail "the refused restore left pid $victim"
  kill -9 "$P"
  sleep 2
  P=$victim
  ST=$status
  restores im.p10 || fail_log im.p10/restore.log "restore with memory"
  counts "after the restore"
  pass "refused without leaving anything, then restored"
}

p11_tree() {
  local first=$W/run/p11a.st second=$W/run/p11b.st
  rm -f "$first" "$second"
  setsid bash -c '"$0/target" --status "$1" & "$0/target" --status "$2" & sleep 300 & wait' "$B" "$first" "$second" </dev/null >"$W/run/p11.out" 2>&1 &
  P=$!
  pids+=($P)
  if ! waitfor $P "$first" 'tick  *[0-9]' || ! waitfor $P "$second" 'tick  *[0-9]'; then
    cat "$W/run/p11.out"
    fail "targets"
  fi
  ST=$first
  round im.p11
  ST=$second
  counts "second child"
  pass "both CUDA children and their parent come back"
}

p12_states() {
  tgt p12 --mib 16 || fail "target"
  ctl $P lock:5000 | grep -E -- '-> 0 ' || fail "lock by hand"
  dumps im.p12a -R || fail_log im.p12a/dump.log "dump of a locked target"
  ctl $P state | grep 'state=1' || fail "the target is not locked any more after dump -R, as it was before"
  ctl $P ckpt | grep -E -- '-> 0 ' || fail "checkpoint by hand"
  dumps im.p12b || fail_log im.p12b/dump.log "dump of a checkpointed target"
  named im.p12b || fail "inventory.img does not name cuda_plugin"
  restores im.p12b || fail_log im.p12b/restore.log restore
  counts "after the restore (finalState=running)"
  # The same images, as the dump met the process.
  ends "$P"
  restores im.p12b --enable-plugin cuda_plugin:finalState=asBefore || fail_log im.p12b/restore.log "restore with finalState=asBefore"
  ctl $P state | grep 'state=2' || fail "the target is not checkpointed after a restore with finalState=asBefore"
  pass "locked and checkpointed targets keep their state, or run when they are to"
}

p13_managed() {
  tgt p13 --managed 4 || fail "target"
  refused im.p13 'managed|not supported|NOT_SUPPORTED'
  pass "managed memory is refused, the target goes on"
}

p14_fork() {
  tgt p14 --fork || fail "target"
  local child
  child=$(child_of $P)
  [ -n "$child" ] || fail "the target has no child"
  pids+=($child)
  refused im.p14 'forked by one that has'
  grep -q "pid $child\b" im.p14/dump.log || fail_log im.p14/dump.log "the message does not name pid $child"
  pass "the forked child is named, the target goes on"
}

# Filters are not dumped by criu-ts: it must say so before anything is touched.
p17_seccomp() {
  tgt p17 --mib 16 --seccomp || fail "target"
  refused im.p17 'seccomp'
  pass "refused with the reason, the target goes on"
}

# A.5.2 16 through the plugin: criu-ts killed at several moments of a dump; its helper gives the devices back (users.md).
p16_killed() {
  tgt p16 --mib 2048 || fail "target"
  local after dump i midway=0
  # Whatever the speed of machine and driver: by what the log says, and a moment later.
  for after in preDumpScript:0 preflight:0 pauseDevices:0 freeze:0 freeze:0.2 checkpointDevices:0 memory:0; do
    rm -rf im.p16
    mkdir -p im.p16
    "$CT" dump -t "$P" -D im.p16 -v4 -o dump.log $FLAGS -R >/dev/null 2>&1 &
    dump=$!
    while kill -0 $dump 2>/dev/null && ! grep -q "Stage ${after%:*} took" im.p16/dump.log 2>/dev/null; do sleep 0.005; done
    sleep ${after#*:}
    kill -9 $dump 2>/dev/null && echo "  killed after $after: $(tail -1 im.p16/dump.log)"
    wait $dump 2>/dev/null
    # Everything is locked when this stage ends, and nothing is let go before the stage "finish".
    grep -q 'Stage pauseDevices took' im.p16/dump.log && ! grep -q 'Stage finish took' im.p16/dump.log && midway=$((midway + 1))
    for ((i = 0; i < 100; i++)); do
      ctl "$P" state | grep -q 'state=0' && break
      sleep 0.1
    done
    [ $i -lt 100 ] || fail "10 s after criu-ts was killed at $after the target is not running: $(ctl "$P" state tid)"
    counts "after criu-ts was killed at $after"
  done
  [ $midway -gt 0 ] || fail "no kill met the target locked or checkpointed"
  pass "the target runs after each of 7 kills; $midway met it locked or checkpointed"
}

# The first two GPUs change places, all others stay: a map must name every one.
swapped_map() {
  local count map="0=1+1=0" i
  count=$(nvidia-smi -L | wc -l)
  for ((i = 2; i < count; i++)); do map="$map+$i=$i"; done
  echo "$map"
}

p18_map() {
  tgt p18 --mib 64 --device 0 || fail "target"
  local before after
  before=$(gpus_of $P)
  [ -n "$before" ] || skip "nvidia-smi does not tell on which GPU a process is"
  round im.p18 --enable-plugin "cuda_plugin:deviceMap=$(swapped_map)"
  after=$(gpus_of $P)
  [ "$after" != "$before" ] || fail "still on $before"
  pass "went from $before to $after"
}

# Every device stays: 0=0+1=1 ...
same_map() {
  nvidia-smi -L | awk '{ printf "%s%d=%d", (NR > 1 ? "+" : ""), NR - 1, NR - 1 }'
}

# Maps that change nothing: every device by number, and by its place.
p18_same() {
  tgt p18s --mib 16 || fail "target"
  round im.p18a --enable-plugin cuda_plugin:deviceMap="$(same_map)"
  ends "$P"
  restores im.p18a --enable-plugin cuda_plugin:deviceMap=ordinal || fail_log im.p18a/restore.log "restore with deviceMap=ordinal"
  counts "after the restore by ordinal"
  pass "complete maps that change nothing are taken"
}

# What a process without CUDA pays for the plugin on a host that has a driver: dumps in turn, with and without it.
p1_cost() {
  setsid sleep 300 </dev/null >/dev/null 2>&1 &
  P=$!
  pids+=($P)
  local i
  for i in $(seq 1 "${GPU_ROUNDS:-6}"); do
    dumps im.p1c -R || fail_log im.p1c/dump.log dump
    grep -hE 'pauseDevices|checkpointDevices|prepare' im.p1c/dump.log
    dumps im.p1d -R --disable-plugin cuda_plugin || fail_log im.p1d/dump.log dump
    rm -rf im.p1c im.p1d
  done
  pass "times are in the log: with the plugin, without, and so on"
}

# Waits up to 60 s for so many losses of a training run: losses NAME COUNT
losses() {
  local i
  for i in $(seq 1 600); do
    [ "$(wc -l <"$W/run/$1.st.losses")" -ge "$2" ] && return 0
    sleep 0.1
  done
  fail "$1 has $(wc -l <"$W/run/$1.st.losses") losses, not $2"
}

# A.5.3: the losses of a training run that is dumped and restored half-way, bit by bit those of one that is not.
p19_series() {
  local steps=400
  torchrun series1 expandable_segments:False || fail "the first run"
  losses series1 $steps
  kill -9 $P
  torchrun series2 expandable_segments:False || fail "the second run"
  losses series2 $((steps / 2))
  round im.p19
  losses series2 $steps
  head -n $steps "$W/run/series1.st.losses" >"$W/run/series1.losses"
  head -n $steps "$W/run/series2.st.losses" >"$W/run/series2.losses"
  cmp "$W/run/series1.losses" "$W/run/series2.losses" || fail "the series are not equal; cmp names the first line that differs"
  pass "$steps losses are equal bit by bit"
}

# Programs as people run them: program NAME
program() {
  ST=$W/run/r_$1.st
  rm -f "$ST"
  PYTHONUNBUFFERED=1 setsid python3 "$W/src/programs.py" "$1" "$ST" </dev/null >"$W/run/r_$1.out" 2>&1 &
  P=$!
  pids+=($P)
  if ! waitfor $P "$ST" 'step  *[1-9]'; then
    tail -20 "$W/run/r_$1.out"
    fail "$1 does not start"
  fi
  round "im.r_$1"
  pass "$1 goes on, and computes what it computed"
}

r_cupy() { program cupy; }

r_jax() { program jax; }

r_triton() { program triton; }

r_graph() { program graph; }

r_generate() { program generate; }

# PyTorch with expandable segments, through the plugin.
r_expandable() {
  torchrun r_expandable expandable_segments:True || fail "the training loop"
  round im.r_expandable
  pass "expandable segments go on"
}

# A tree that stands: the driver would wait for it for ever.
p4_stopped() {
  tgt p4 --mib 16 || fail "target"
  kill -STOP "$P"
  mkdir -p im.p4
  timed "$CT" dump -t "$P" -D im.p4 -v4 -o dump.log $FLAGS --enable-plugin cuda_plugin:lockTimeout=2000 && fail "dump gave 0"
  grep -E 'is stopped' im.p4/dump.log || fail_log im.p4/dump.log "the message does not tell that the target is stopped"
  kill -CONT "$P"
  counts "after the refusal"
  pass "refused, and the target goes on when it is let"
}
