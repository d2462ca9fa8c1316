# One probe step by name: bash .gpu/steps.sh NAME. Started by probe.sh under timeout; started targets end with the step.
W=${GPU_WORK:-/tmp/gpu}; B=$W/bin; SN=$W/snaps; mkdir -p "$SN" "$W/run"
cd "$W" || exit 9
export PATH=$W/node:$PATH
CT="$W/app/core/cli/criu-ts"; CRIU="$W/criu/criu"
pids=()
trap 'for p in "${pids[@]}"; do kill -9 $p 2>/dev/null; done' EXIT
trap 'exit 124' TERM
ctl() { echo "\$ ctl $*"; "$B/ctl" -d "$SN" "$@"; }
# tgt NAME ARGS...: sets P (pid) and ST (status file); AS="setpriv ..." runs it as somebody else.
tgt() {
  local name=$1; shift; ST=$W/run/$name.st; rm -f "$ST"; local t0=$(date +%s%N)
  echo "\$ target $*"
  setsid $AS "$B/target" --status "$ST" "$@" </dev/null >"$W/run/$name.out" 2>&1 & P=$!; pids+=($P)
  waitfor "$P" "$ST" 'tick  *[0-9]' || { echo "target did not start:"; cat "$W/run/$name.out" "$ST"; return 1; }
  sed 's/^/  /' "$W/run/$name.out"; echo "  target pid $P ready after $(( ($(date +%s%N) - t0) / 1000000 )) ms: $(tr -s ' ' <"$ST")"
  case $(cat "$ST") in *"err 0"*) ;; *) echo "  target itself FAILED"; return 1;; esac
}
waitfor() { for i in $(seq 1 400); do grep -q "$3" "$2" 2>/dev/null && return 0; kill -0 $1 2>/dev/null || return 1; sleep 0.1; done; return 1; }
st() { echo "  status file: $(tr -s ' ' <"${1:-$ST}")"; }
timed() { local t0=$(date +%s%N); "$@"; local rc=$?; echo "  rc $rc, $(( ($(date +%s%N) - t0) / 1000000 )) ms: ${1##*/} $2 ..."; return $rc; }
FLAGS="--shell-job --link-remap --ghost-limit 1073741824 --file-locks"

facts() {
  set -x
  uname -a; cat /etc/os-release | head -3; cat /proc/cmdline; tr '\0' ' ' </proc/1/cmdline; id; nproc; free -m; df -h / /tmp /dev/shm
  nvidia-smi; ls -l /dev/nvidia* /dev/nvidia-caps /dev/dri 2>&1; cat /proc/driver/nvidia/version; cat /proc/driver/nvidia/params | tr '\n' ';'; ls -R /proc/driver/nvidia; cat /proc/driver/nvidia/gpus/*/information; cat /proc/devices | grep -i nv; lsmod | head
  nvidia-smi -q | grep -iE 'persistence|mig mode|current  |driver version|cuda version|uuid|addressing|compute mode|GSP' ; env | grep -iE 'cuda|nv|LD_|PATH|OUT'
  ldconfig -p | grep -E 'libcuda|libnvidia-ml|ptxjit'; echo "LIBCUDA=$LIBCUDA"; mount | grep -iE 'nvidia|cgroup|proc|shm'
  which cuda-checkpoint node nvcc gcc g++ cmake make ninja python3 xz zstd gdb strace setpriv unshare criu; ldd --version | head -1; gcc --version | head -1; g++ --version | head -1; cmake --version | head -1; nvcc --version | tail -2; python3 --version
  timeout 5 find / -xdev -name '*cuda-checkpoint*' -not -path '/proc/*' 2>/dev/null
  cat /proc/sys/kernel/yama/ptrace_scope; cat /proc/sys/vm/overcommit_memory /proc/sys/vm/max_map_count /proc/sys/kernel/ns_last_pid /proc/sys/kernel/pid_max /proc/sys/vm/unprivileged_userfaultfd /sys/kernel/mm/transparent_hugepage/enabled; grep -E 'Cap|Seccomp|NoNew' /proc/self/status; ulimit -a; lscpu | grep -E 'Model name|Flags' | cut -c1-1500
  zcat /proc/config.gz 2>/dev/null | grep -E 'CHECKPOINT|USERFAULT|SOFT_DIRTY|MEMCG|TIME_NS|UNIX_DIAG|INET_DIAG|FANOTIFY|IO_URING|CGROUP_FREEZER|SECCOMP|LIVEPATCH|SHSTK'; cat /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.controllers
  set +x
  "$B/facts"; ctl; LIBCUDA= ctl 2>&1 | head -2
  cat /proc/self/mountinfo | head -60
}
check() { timed "$CT" check --all; timed "$CT" --version; timed node --version; timed "$CRIU" check --all; }
t16() {
  tgt t16 --mib 16 || return 1
  ctl -s $ST $P mem state tid snap:t16.1running lock:5000 state snap:t16.2locked ckpt state mem snap:t16.3checkpointed tick:200 restore state snap:t16.4restored unlock state tick:300 snap:t16.5running
  ctl -s $ST $P lock:5000 ckpt restore unlock lock:5000 ckpt restore unlock lock:5000 ckpt restore unlock mem tick:200
}
noinit() {
  tgt noinit --mib 16 || return 1
  ctl -n $P state tid lock:5000 ckpt state; sleep 1
  ctl -n -w 15 $P restore state; ctl -n $P unlock state; st
  ctl -s $ST $P state restore unlock state tick:300
}
t1g() {
  for m in 1024 8192; do tgt t1g --mib $m || return 1; ctl -w 40 -s $ST $P mem lock:5000 ckpt mem restore mem unlock tick:300 lock:5000 ckpt restore unlock tick:300; kill -9 $P; done
}
b_state() { tgt b_state || return 1; ctl -w 3 -s $ST $P freeze state thaw sleep:700 late state tick:200; }
b_tid() { tgt b_tid || return 1; ctl -w 3 -s $ST $P freeze tid thaw sleep:700 late state tick:200; }
b_lock() { tgt b_lock || return 1; ctl -w 4 -s $ST $P freeze lock:1000 thaw sleep:700 late state tick:200; ctl -w 3 -s $ST $P state unlock state tick:200; }
b_but() { tgt b_but --threads 2 || return 1; ctl -w 4 -s $ST $P freezebut state tid lock:1000 state ckpt state thaw sleep:300 late state tick:200; ctl -w 4 -s $ST $P state restore unlock state tick:200; }
b_woken() { tgt b_woken --threads 2 || return 1; ctl -w 8 -s $ST $P lock:5000 freeze woken:state woken:ckpt woken:state snap:b_woken.checkpointed mem woken:restore woken:unlock woken:state thaw late tick:300 snap:b_woken.after state; }
b_wlock() { tgt b_wlock --threads 2 || return 1; ctl -w 4 -s $ST $P freeze woken:lock:1000 woken:state thaw sleep:300 late state unlock state tick:300; }
sigstop() { tgt sigstop || return 1; ctl -w 4 -s $ST $P kill:19 state tid lock:1000 kill:18 sleep:500 late state unlock state tick:200; }
par() {
  tgt par1 --mib 1024 || return 1; A=$P; SA=$ST; tgt par2 --mib 1024 || return 1; C=$P
  ctl -w 20 $A,$C seq:lock:5000 seq:ckpt seq:restore seq:unlock sleep:300 par:lock:5000 par:ckpt par:restore par:unlock sleep:300 par:lock:5000 par:ckpt par:restore par:unlock sleep:300 seq:state; st $SA; st
}
a_none() {
  sleep 60 & N=$!; pids+=($N); bash -c 'sleep 0.05 & exec sleep 60' & ZP=$!; pids+=($ZP); sleep 0.3; Z=$(pgrep -P $ZP | head -1)
  tgt a_pre --preinit; PRE=$P; tgt a_init --initonly; INI=$P; tgt a_run; RUN=$P; T=$(ls /proc/$RUN/task | tail -1)
  for w in "" "-n"; do
    for x in "non-CUDA:$N" "libcuda-loaded-no-cuInit:$PRE" "zombie:$Z" "pid1:1" "absent:4194000" "zero:0" "cuInit-only:$INI" "other-tid-$T-of-$RUN:$T"; do
      echo "### ${x%%:*} caller ${w:-with cuInit}"; ctl $w -w 3 -- "${x##*:}" state tid lock:500 state unlock; done
  done
  ctl -w 5 $INI lock:1000 ckpt state restore unlock state
}
uids() {
  ls -l /dev/nvidia*; AS="setpriv --reuid 1000 --regid 1000 --clear-groups"; chmod 1777 "$W" "$W/run"; tgt uid || return 1; AS=
  for w in "" "-n"; do
  echo "### same uid"; setpriv --reuid 1000 --regid 1000 --clear-groups "$B/ctl" $w -w 8 -s $ST $P state tid lock:3000 ckpt state restore unlock state tick:200
  echo "### other uid"; setpriv --reuid 1001 --regid 1001 --clear-groups "$B/ctl" $w -w 3 $P state tid lock:1000 state; done
  echo "### root without CAP_SYS_PTRACE"; setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace "$B/ctl" -w 3 $P state tid lock:1000 unlock state
  echo "### root"; ctl -w 8 -s $ST $P state lock:3000 ckpt restore unlock state tick:200
  rm -f $W/run/nodump.st; AS="setpriv --reuid 1000 --regid 1000 --clear-groups"; tgt nodump --nodump; AS=
  echo "### same uid, target not dumpable"; setpriv --reuid 1000 --regid 1000 --clear-groups "$B/ctl" -w 3 $P state tid lock:1000 unlock state
  echo "### root, target not dumpable"; ctl -w 8 -s $ST $P state tid lock:3000 ckpt restore unlock state tick:200
}
legal() {
  tgt legal || return 1
  ctl -w 6 -s $ST $P say:running ckpt restore unlock state lock:3000 say:locked lock:1000 restore state ckpt state say:checkpointed ckpt lock:1000 unlock state restore:badnew state restore:badold state restore:dup state restore:zero state restore state unlock state tick:200 say:identity lock:3000 ckpt restore:id state unlock unlock state tick:300
}
spin() { tgt spin --spin 1500 || return 1; ctl -w 8 -s $ST $P lock:200 state lock:50 state lock:1 lock:6000 state tick:500 unlock lock ckpt restore unlock tick:1800; }
rich() {
  tgt rich --mib 64 --pinned 8 --hostreg 8 --graph --threads 3 || return 1
  ctl -s $ST $P mem snap:rich.1running lock:5000 snap:rich.2locked tick:200 ckpt mem snap:rich.3checkpointed restore snap:rich.4restored unlock tick:400 snap:rich.5running lock:5000 ckpt restore unlock tick:300; st
}
forked() {
  tgt forked --fork || return 1; K=$(pgrep -P $P | head -1); pids+=($K)
  ctl -w 3 $K state tid snap:fork.child-before; ctl -w 5 -s $ST $P lock:3000 ckpt state snap:fork.parent-checkpointed; ctl -w 3 $K state snap:fork.child-checkpointed lock:500 state; ctl -w 5 -s $ST $P restore unlock state tick:200
}
odd() { # NAME TARGET-ARGS: what a use that is said to be unsupported gives
  local n=$1; shift; tgt $n "$@" || return 1
  ctl -w 6 -s $ST $P state tid lock:3000 state ckpt state mem snap:$n.checkpointed restore state unlock state tick:300
}
managed() { odd managed --managed 4; }
ipc() { odd ipc --ipc; }
vmm1() { odd vmm1 --vmm 1; }
vmm2() { odd vmm2 --vmm 2; }
nvml() { odd nvml --nvml; }
pidns() {
  ST=$W/run/pidns.st; setsid unshare -pf --mount-proc "$B/target" --status $ST </dev/null >$W/run/pidns.out 2>&1 & U=$!; pids+=($U); waitfor $U $ST 'tick  *[0-9]' || { cat $W/run/pidns.out; return 1; }
  P=$(pgrep -P $U | head -1); pids+=($P); grep NSpid /proc/$P/status; ctl -w 6 -s $ST $P state tid lock:3000 ckpt restore unlock state tick:200
}
nodecpu() {
  ST=$W/run/victim.st; setsid "$B/victim" $ST </dev/null >/dev/null 2>&1 & P=$!; pids+=($P); sleep 0.5; mkdir -p im.cpu
  timed "$CT" dump -t $P -D im.cpu -v4 -o dump.log || { tail -30 im.cpu/dump.log; return 1; }
  st; timed "$CT" restore -D im.cpu -d -v4 -o restore.log || { tail -30 im.cpu/restore.log; return 1; }
  a=$(cat $ST); sleep 0.5; st; [ "$a" != "$(cat $ST)" ] && echo "  CPU victim goes on after restore"
}
# image NAME DUMPER RESTORER: a checkpointed CUDA process through a CPU checkpointer.
image() {
  local n=$1 d=$2 r=$3; shift 3; [ -z "$TORCH" ] && { tgt $n "$@" || return 1; }
  ctl -w 30 -s $ST $P lock:9000 ckpt state mem snap:$n.before-dump || return 1
  mkdir -p im.$n; local rc
  if [ $d = ours ]; then
    timed "$CT" dump -t $P -D im.$n --dry-run $FLAGS; timed "$CT" dump -t $P -D im.$n -v4 -o dump.log $FLAGS; rc=$?
  else timed "$CRIU" dump -t $P -D im.$n -v4 -o dump.log --shell-job --link-remap --ghost-limit 1073741824 --file-locks --network-lock skip; rc=$?; fi
  grep -nE 'Error|error|Warn|refus' im.$n/dump.log | head -30; tail -5 im.$n/dump.log; du -sh im.$n
  [ $rc = 0 ] || { echo "  DUMP FAILED; the target:"; ctl -w 10 -s $ST $P state restore unlock state tick:300; return 1; }
  kill -0 $P 2>/dev/null && echo "  target still there after the dump"
  cp $ST $W/run/$n.st.kept
  if [ $r = ours ]; then timed "$CT" restore -D im.$n -d -v4 -o restore.log; rc=$?
  else timed "$CRIU" restore -D im.$n -d -v4 -o restore.log --shell-job; rc=$?; fi
  grep -nE 'Error|error|Warn|refus' im.$n/restore.log | head -30; tail -5 im.$n/restore.log
  [ $rc = 0 ] || { echo "  RESTORE FAILED"; return 1; }
  ctl -w 30 -s $ST $P snap:$n.after-cpu-restore state tid restore state unlock state tick:500 snap:$n.after-gpu-restore; st
}
ours() { echo "### running CUDA process, dry run"; tgt ours0 || return 1; "$CT" dump -t $P -D /tmp --dry-run $FLAGS; kill -9 $P; image ours ours ours --mib 64; }
ourslocked() { tgt locked || return 1; ctl $P lock:3000 state; "$CT" dump -t $P -D /tmp --dry-run $FLAGS; ctl -s $ST $P unlock tick:200; }
oursrich() { image oursrich ours ours --mib 64 --pinned 8 --hostreg 8 --graph --threads 3; }
criu() { image criu criu criu --mib 64; }
criuours() { image criuours criu ours --mib 64; }
ourscriu() { image ourscriu ours criu --mib 64; }
torchrun() { # NAME CONF
  ST=$W/run/$1.st; rm -f $ST; PYTHONUNBUFFERED=1 PYTORCH_ALLOC_CONF=$2 setsid python3 $W/src/torchloop.py $ST </dev/null >$W/run/$1.out 2>&1 & P=$!; pids+=($P)
  waitfor $P $ST 'step  *[1-9][0-9]' || { cat $W/run/$1.out; return 1; }; cat $W/run/$1.out; st; }
torch() { torchrun torch expandable_segments:False || return 1
  ctl -w 30 -s $ST $P mem state tid snap:torch.1running lock:9000 snap:torch.2locked ckpt mem snap:torch.3checkpointed restore unlock tick:500 mem
  TORCH=1 image torch ours ours; }
torchx() { torchrun torchx expandable_segments:True || return 1
  ctl -w 30 -s $ST $P mem state tid snap:torchx.1running lock:9000 ckpt state mem snap:torchx.3checkpointed restore state unlock state tick:700; st; }
torchcriu() { torchrun torchcriu expandable_segments:False || return 1; TORCH=1 image torchcriu criu criu; }
vram() {
  tgt vram --mib 4096 || return 1; V=$P; SV=$ST; ctl -w 20 $V lock:5000 ckpt
  F=$(nvidia-smi --query-gpu=memory.free --format=csv,noheader,nounits | head -1); tgt hog --mib $((F - 2500)); H=$P
  nvidia-smi --query-gpu=memory.free --format=csv,noheader; ctl -w 15 $V restore state; kill -9 $H; sleep 1.5
  nvidia-smi --query-gpu=memory.free --format=csv,noheader; ctl -w 15 -s $SV $V state tid restore state unlock state tick:300
}
killed() {
  tgt killed --mib 8192 || return 1; ctl $P lock:5000; "$B/ctl" -w 20 $P ckpt & C=$!; sleep 0.9; kill -9 $C; echo "  caller killed"; grep VmRSS /proc/$P/status
  ctl -w 3 $P state; sleep 4; grep VmRSS /proc/$P/status; ctl -w 3 $P state tid; ctl -w 8 -s $ST $P restore state; ctl -w 4 -s $ST $P unlock state tick:200
}
dies() { tgt dies --mib 4096 || return 1; ctl $P lock:5000; "$B/ctl" -w 6 $P ckpt & C=$!; sleep 0.5; kill -9 $P; echo "  target killed during checkpoint"; wait $C; ctl -w 3 $P state tid; }
. "$(dirname "${BASH_SOURCE[0]}")/plugin.sh"
"$@"
