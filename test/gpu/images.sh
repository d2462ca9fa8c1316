# Steps with a checkpointer of CPU processes, and the CUDA calls by hand. Sourced by steps.sh.

# A process without CUDA, by our command.
nodecpu() {
  ST=$W/run/victim.st
  setsid "$B/victim" $ST </dev/null >/dev/null 2>&1 &
  P=$!
  pids+=($P)
  sleep 0.5
  mkdir -p im.cpu
  timed "$CT" dump -t $P -D im.cpu -v4 -o dump.log || {
    tail -30 im.cpu/dump.log
    return 1
  }
  st
  timed "$CT" restore -D im.cpu -d -v4 -o restore.log || {
    tail -30 im.cpu/restore.log
    return 1
  }
  a=$(cat $ST)
  sleep 0.5
  st
  [ "$a" != "$(cat $ST)" ] && echo "  CPU victim goes on after restore"
}

# PLUGIN=off: ours leaves CUDA alone, so that the calls by hand have something to do (and CRIU, which has no plugin here, needs none).
# PLUGIN=on: the plugin takes part; it meets a checkpointed process and brings it back running, so that the calls by hand give 401 (verdicts.mjs).
image() {
  local n=$1 d=$2 r=$3 without=""
  shift 3
  [ "${PLUGIN:-off}" = off ] && without="--disable-plugin cuda_plugin"
  [ -z "$TORCH" ] && { tgt $n "$@" || return 1; }
  ctl -w 30 -s $ST $P lock:9000 ckpt state mem snap:$n.before-dump || return 1
  mkdir -p im.$n
  local rc
  if [ $d = ours ]; then
    timed "$CT" dump -t $P -D im.$n --dry-run $FLAGS $without
    timed "$CT" dump -t $P -D im.$n -v4 -o dump.log $FLAGS $without
    rc=$?
  else
    timed "$CRIU" dump -t $P -D im.$n -v4 -o dump.log --shell-job --link-remap --ghost-limit 1073741824 --file-locks --network-lock skip
    rc=$?
  fi
  grep -nE 'Error|error|Warn|refus' im.$n/dump.log | head -30
  tail -5 im.$n/dump.log
  du -sh im.$n
  [ $rc = 0 ] || {
    echo "  DUMP FAILED; the target:"
    ctl -w 10 -s $ST $P state restore unlock state tick:300
    return 1
  }
  kill -0 $P 2>/dev/null && echo "  target still there after the dump"
  cp $ST $W/run/$n.st.kept
  if [ $r = ours ]; then
    timed "$CT" restore -D im.$n -d -v4 -o restore.log $without
    rc=$?
  else
    timed "$CRIU" restore -D im.$n -d -v4 -o restore.log --shell-job
    rc=$?
  fi
  grep -nE 'Error|error|Warn|refus' im.$n/restore.log | head -30
  tail -5 im.$n/restore.log
  [ $rc = 0 ] || {
    echo "  RESTORE FAILED"
    return 1
  }
  ctl -w 30 -s $ST $P snap:$n.after-cpu-restore state tid restore state unlock state tick:500 snap:$n.after-gpu-restore
  st
}

ours() {
  echo "### running CUDA process, dry run"
  tgt ours0 || return 1
  "$CT" dump -t $P -D /tmp --dry-run $FLAGS
  kill -9 $P
  image ours ours ours --mib 64
}

# What a dry run says of a locked target.
ourslocked() {
  tgt locked || return 1
  ctl $P lock:3000 state
  "$CT" dump -t $P -D /tmp --dry-run $FLAGS
  ctl -s $ST $P unlock tick:200
}

oursrich() { PLUGIN=on image oursrich ours ours --mib 64 --pinned 8 --hostreg 8 --graph --threads 3; }

criu() { image criu criu criu --mib 64; }

criuours() { image criuours criu ours --mib 64; }

ourscriu() { image ourscriu ours criu --mib 64; }

# The training loop, ready: torchrun NAME PYTORCH_ALLOC_CONF
torchrun() {
  ST=$W/run/$1.st
  rm -f $ST
  PYTHONUNBUFFERED=1 PYTORCH_ALLOC_CONF=$2 setsid python3 $W/src/torchloop.py $ST </dev/null >$W/run/$1.out 2>&1 &
  P=$!
  pids+=($P)
  waitfor $P $ST 'step  *[1-9][0-9]' || {
    cat $W/run/$1.out
    return 1
  }
  cat $W/run/$1.out
  st
}

torch() {
  torchrun torch expandable_segments:False || return 1
  ctl -w 30 -s $ST $P mem state tid snap:torch.1running lock:9000 snap:torch.2locked ckpt mem snap:torch.3checkpointed restore unlock tick:500 mem
  TORCH=1 image torch ours ours
}

torchx() {
  torchrun torchx expandable_segments:True || return 1
  ctl -w 30 -s $ST $P mem state tid snap:torchx.1running lock:9000 ckpt state mem snap:torchx.3checkpointed restore state unlock state tick:700
  st
}

torchcriu() {
  torchrun torchcriu expandable_segments:False || return 1
  TORCH=1 image torchcriu criu criu
}
