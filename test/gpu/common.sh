# What the steps share: targets, calls of ctl, times. Sourced by steps.sh.

pids=()
trap 'for p in "${pids[@]}"; do kill -9 $p 2>/dev/null; done' EXIT
trap 'exit 124' TERM

ctl() {
  echo "\$ ctl $*"
  "$B/ctl" -d "$SN" "$@"
}

# Waits up to 40 s until FILE has PATTERN, as long as PID lives: waitfor PID FILE PATTERN
waitfor() {
  local i
  for i in $(seq 1 400); do
    grep -q "$3" "$2" 2>/dev/null && return 0
    kill -0 "$1" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

# Starts a target and waits until it counts: tgt NAME OPTION...; sets P (pid) and ST (status file). AS="setpriv ..." runs it as somebody else.
tgt() {
  local name=$1 t0
  shift
  ST=$W/run/$name.st
  rm -f "$ST"
  t0=$(date +%s%N)
  echo "\$ target $*"
  setsid $AS "$B/target" --status "$ST" "$@" </dev/null >"$W/run/$name.out" 2>&1 &
  P=$!
  pids+=($P)
  if ! waitfor "$P" "$ST" 'tick  *[0-9]'; then
    echo "target did not start:"
    cat "$W/run/$name.out" "$ST"
    return 1
  fi
  sed 's/^/  /' "$W/run/$name.out"
  echo "  target pid $P ready after $((($(date +%s%N) - t0) / 1000000)) ms: $(tr -s ' ' <"$ST")"
  case $(cat "$ST") in
    *"err 0"*) ;;
    *)
      echo "  target itself FAILED"
      return 1
      ;;
  esac
}

st() {
  echo "  status file: $(tr -s ' ' <"${1:-$ST}")"
}

# Runs a command and tells its status and time.
timed() {
  local t0 rc
  t0=$(date +%s%N)
  "$@"
  rc=$?
  echo "  rc $rc, $((($(date +%s%N) - t0) / 1000000)) ms: ${1##*/} $2 ..."
  return $rc
}

# Child of a process, when it has one.
child_of() {
  pgrep -P "$1" | head -1
}

# UUIDs of the GPUs on which a process has memory, as nvidia-smi says.
gpus_of() {
  nvidia-smi --query-compute-apps=pid,gpu_uuid --format=csv,noheader | sed -n "s/^$1, *//p"
}
