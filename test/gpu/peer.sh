# Exchange of images with CRIU and its own plugin (A.5.2 7 and 18): CRIU_DIR has criu, plugins/cuda_plugin.so and cuda-checkpoint. Each ends with one verdict line.
# Sourced by steps.sh.

# CRIU finds cuda-checkpoint by PATH.
peer_dumps() {
  mkdir -p "$1"
  PATH=$W/criu:$PATH timed "$CRIU" dump -t "$P" -D "$1" -v4 -o dump.log --libdir "$W/criu/plugins" $FLAGS --network-lock skip "${@:2}"
}

peer_restores() {
  PATH=$W/criu:$PATH timed "$CRIU" restore -D "$1" -d -v4 -o restore.log --libdir "$W/criu/plugins" --shell-job --link-remap --ghost-limit 1073741824 --file-locks
}

# Dump by one, restore by the other: exchange IMAGES DUMPS RESTORES TARGET-OPTION...
exchange() {
  local images=$1 dump=$2 restore=$3 before
  shift 3
  tgt "$images" "$@" || fail "target"
  "$dump" "im.$images" || fail_log "im.$images/dump.log" dump
  alive "$P" && fail "pid $P is still there after the dump"
  before=$(ticks)
  named "im.$images" || fail "inventory.img does not name cuda_plugin"
  "$restore" "im.$images" || fail_log "im.$images/restore.log" restore
  counts "after the restore"
  [ "$(ticks)" -gt "$before" ] || fail "the series began anew"
}

x_peer() {
  exchange x_peer peer_dumps peer_restores --mib 64
  pass "CRIU with its own plugin dumps and restores"
}

x_peerours() {
  exchange x_peerours peer_dumps restores --mib 64 --pinned 8 --hostreg 8 --graph --threads 3
  pass "images of CRIU with its own plugin restore by criu-ts"
}

x_ourspeer() {
  exchange x_ourspeer dumps peer_restores --mib 64 --pinned 8 --hostreg 8 --graph --threads 3
  pass "images of criu-ts restore by CRIU with its own plugin"
}

# Times side by side, alternating; each run has a target of its own.
x_times() {
  local mib run tool
  for mib in 64 4096; do
    for run in 1 2; do
      for tool in ours peer; do
        echo "### $tool $mib MiB run $run"
        if [ $tool = ours ]; then exchange "x_times.$mib.$run.ours" dumps restores --mib $mib
        else exchange "x_times.$mib.$run.peer" peer_dumps peer_restores --mib $mib; fi
        ends "$P"
        rm -rf im.x_times*
      done
    done
  done
  pass "times are in the log"
}

# Our second back end: NVIDIA's tool does what the driver library does otherwise.
x_tool() {
  PATH=$W/criu:$PATH
  tgt x_tool --mib 64 --graph || fail "target"
  local before
  dumps im.x_tool --enable-plugin cuda_plugin:backend=tool || fail_log im.x_tool/dump.log "dump with backend=tool"
  before=$(ticks)
  grep -q '"tool"' im.x_tool/plugins.json || fail "plugins.json does not tell of the tool"
  restores im.x_tool --enable-plugin cuda_plugin:backend=tool || fail_log im.x_tool/restore.log "restore with backend=tool"
  counts "after the restore"
  [ "$(ticks)" -gt "$before" ] || fail "the series began anew"
  pass "dump and restore through cuda-checkpoint"
}
