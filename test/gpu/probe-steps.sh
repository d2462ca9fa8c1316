# The steps of probe.sh, with what the time allows: bash probe-steps.sh SECONDS. Logs and times in $GPU_WORK/logs.
W=$GPU_WORK
LIMIT=$1
begun=$(date +%s)
export PATH=$PATH:/usr/local/nvidia/bin:/usr/local/cuda/bin

note() {
  echo "$*" >>"$W/logs/times"
}

seconds() {
  echo $(($(date +%s) - begun))
}

# step NAME SECONDS: a step, with as much of its time as is left
step() {
  local left=$((LIMIT - $(seconds))) most=$2 t0
  if [ $left -lt 4 ]; then
    note "$1 SKIPPED: out of time"
    return
  fi
  [ "$most" -gt $left ] && most=$left
  t0=$(date +%s%N)
  timeout -k 2 "$most" bash "$W/steps.sh" "$1" >"$W/logs/$1.log" 2>&1 </dev/null
  note "$1 rc $? $((($(date +%s%N) - t0) / 1000000)) ms, started at $((t0 / 1000000000 - begun)) s"
}

# at_once SECONDS NAME...: steps side by side, in the background
at_once() {
  local most=$1 name
  shift
  for name in "$@"; do step "$name" "$most" & done
}

# The library that works: the one that LIBCUDA names, that of the linker, or one of the usual folders. Libraries for building (stubs) do not work.
choose_library() {
  local library folder
  for library in "$LIBCUDA" libcuda.so.1 /usr/local/nvidia/lib64/libcuda.so.1 /usr/local/nvidia/lib/libcuda.so.1 \
    $(timeout 5 find /usr /opt -xdev -name libcuda.so.1 -not -path '*stubs*' -not -path '*compat*' 2>/dev/null); do
    [ -n "$library" ] || continue
    folder=
    [[ $library == /* ]] && folder=${library%/*}
    LD_LIBRARY_PATH=${folder:+$folder:}$LD_LIBRARY_PATH LIBCUDA=$library timeout 20 "$W/bin/ctl" >"$W/logs/cold" 2>&1 || continue
    export LIBCUDA=$library
    [ -n "$folder" ] && export LD_LIBRARY_PATH=$folder:$LD_LIBRARY_PATH
    break
  done
  cat "$W/logs/cold"
  note "LIBCUDA=$LIBCUDA"
}

# Tools that were built against another C library are compiled here.
check_tools() {
  timeout 20 "$W/bin/ctl" 2>"$W/logs/ctl.err" && return
  local headers name
  headers=$(ls -d /usr/local/cuda*/include | head -1)
  for name in ctl target; do gcc -O2 -I"$headers" -I"$W/src" -o "$W/bin/$name" "$W/src/$name.c" -ldl -lpthread; done
  note "recompiled"
}

unpack() {
  xz -dc "$GPU_HERE/node.xz" >"$W/node/node" 2>/dev/null ||
    python3 -c "import lzma, shutil; shutil.copyfileobj(lzma.open('$GPU_HERE/node.xz'), open('$W/node/node', 'wb'))"
  chmod 755 "$W/node/node"
  note "unpacked at $(seconds) s"
}

# The first import takes long on a cold disk.
warm_torch() {
  timeout 60 python3 -c 'import torch' >/dev/null 2>&1
  note "torch warm at $(seconds) s"
}

choose_library
check_tools
unpack &
unpacking=$!
warm_torch &
[ -n "$GPU_STEPS$GPU_LAST" ] || step facts 25 &
wait $! $unpacking
# GPU_STEPS side by side, then GPU_LAST one after the other, instead of all.
if [ -n "$GPU_STEPS$GPU_LAST" ]; then
  at_once 70 $GPU_STEPS
  wait
  for name in $GPU_LAST; do step $name 60; done
  exit
fi
# Alone, for their times: the calls by hand, then the command with the plugin.
step t16 14
step noinit 12
step p6_roundtrip 25
step t1g 20
step par 15
at_once 20 b_state b_tid b_lock b_but b_woken b_wlock doctor check nodecpu p1_cpu p3_move
wait
note "questions about threads at $(seconds) s"
at_once 40 p8_leave p9_error p11_tree p12_states p13_managed p14_fork p17_seccomp a_none legal spin rich
at_once 70 p19_series
wait
note "the command at $(seconds) s"
at_once 40 contract x_peer x_peerours x_ourspeer x_tool p16_killed ours oursrich uids seccomp
at_once 40 torch torchx
at_once 70 r_cupy r_jax r_triton r_graph r_generate r_expandable p4_stopped
wait
note "exchange at $(seconds) s"
at_once 30 criu criuours ourscriu ourslocked forked managed ipc vmm1 vmm2 nvml pidns sigstop
at_once 40 torchcriu
wait
note "odd things at $(seconds) s"
# These take the memory of the device, or want the machine for themselves.
step p10_vram 40
step x_times 60
step killed 25
step vram 25
step dies 12
