# Steps that ask the driver through ctl: questions of gpu.md part D, and what A.1 and A.5.2 say of it. Sourced by steps.sh.

# What this machine is.
facts() {
  set -x
  uname -a
  cat /etc/os-release | head -3
  cat /proc/cmdline
  tr '\0' ' ' </proc/1/cmdline
  id
  nproc
  free -m
  df -h / /tmp /dev/shm
  nvidia-smi
  ls -l /dev/nvidia* /dev/nvidia-caps /dev/dri 2>&1
  cat /proc/driver/nvidia/version
  cat /proc/driver/nvidia/params | tr '\n' ';'
  ls -R /proc/driver/nvidia
  cat /proc/driver/nvidia/gpus/*/information
  cat /proc/devices | grep -i nv
  lsmod | head
  nvidia-smi -q | grep -iE 'persistence|mig mode|current  |driver version|cuda version|uuid|addressing|compute mode|GSP'
  env | grep -iE 'cuda|nv|LD_|PATH|OUT'
  ldconfig -p | grep -E 'libcuda|libnvidia-ml|ptxjit'
  echo "LIBCUDA=$LIBCUDA"
  mount | grep -iE 'nvidia|cgroup|proc|shm'
  which cuda-checkpoint node nvcc gcc g++ cmake make ninja python3 xz zstd gdb strace setpriv unshare criu
  ldd --version | head -1
  gcc --version | head -1
  g++ --version | head -1
  cmake --version | head -1
  nvcc --version | tail -2
  python3 --version
  timeout 5 find / -xdev -name '*cuda-checkpoint*' -not -path '/proc/*' 2>/dev/null
  cat /proc/sys/kernel/yama/ptrace_scope
  cat /proc/sys/vm/overcommit_memory /proc/sys/vm/max_map_count
  cat /proc/sys/kernel/ns_last_pid /proc/sys/kernel/pid_max /proc/sys/vm/unprivileged_userfaultfd
  cat /sys/kernel/mm/transparent_hugepage/enabled
  grep -E 'Cap|Seccomp|NoNew' /proc/self/status
  ulimit -a
  lscpu | grep -E 'Model name|Flags' | cut -c1-1500
  zcat /proc/config.gz 2>/dev/null | grep -E 'CHECKPOINT|USERFAULT|SOFT_DIRTY|MEMCG|TIME_NS|UNIX_DIAG|INET_DIAG|FANOTIFY|IO_URING|CGROUP_FREEZER|SECCOMP|LIVEPATCH|SHSTK'
  cat /proc/self/cgroup
  cat /sys/fs/cgroup/cgroup.controllers
  set +x
  "$B/facts"
  ctl
  LIBCUDA= ctl 2>&1 | head -2
  cat /proc/self/mountinfo | head -60
}

check() {
  timed "$CT" check --all
  timed "$CT" --version
  timed node --version
  timed "$CRIU" check --all
}

# A.5.2 2 and 5: the cycle, with snapshots of /proc in every state.
t16() {
  tgt t16 --mib 16 || return 1
  ctl -s $ST $P mem state tid snap:t16.1running \
    lock:5000 state snap:t16.2locked \
    ckpt state mem snap:t16.3checkpointed tick:200 \
    restore state snap:t16.4restored \
    unlock state tick:300 snap:t16.5running
  ctl -s $ST $P lock:5000 ckpt restore unlock lock:5000 ckpt restore unlock lock:5000 ckpt restore unlock mem tick:200
}

# A.5.2 15: a caller that never called cuInit.
noinit() {
  tgt noinit --mib 16 || return 1
  ctl -n $P state tid lock:5000 ckpt state
  sleep 1
  ctl -n -w 15 $P restore state
  ctl -n $P unlock state
  st
  ctl -s $ST $P state restore unlock state tick:300
}

# Times of 1 and 8 GiB.
t1g() {
  for m in 1024 8192; do
    tgt t1g --mib $m || return 1
    ctl -w 40 -s $ST $P mem lock:5000 ckpt mem restore mem unlock tick:300 lock:5000 ckpt restore unlock tick:300
    kill -9 $P
  done
}

# Part D b: which calls hang when no thread of the target can run (b_state, b_tid, b_lock), when only the restore thread can (b_but), and when it is let run for the
# call as A.3.3 says (b_woken, b_wlock).
b_state() {
  tgt b_state || return 1
  ctl -w 3 -s $ST $P freeze state thaw sleep:700 late state tick:200
}

b_tid() {
  tgt b_tid || return 1
  ctl -w 3 -s $ST $P freeze tid thaw sleep:700 late state tick:200
}

b_lock() {
  tgt b_lock || return 1
  ctl -w 4 -s $ST $P freeze lock:1000 thaw sleep:700 late state tick:200
  ctl -w 3 -s $ST $P state unlock state tick:200
}

b_but() {
  tgt b_but --threads 2 || return 1
  ctl -w 2 -s $ST $P freezebut state tid lock:1000 state ckpt state thaw sleep:3000 late state tick:200
  ctl -w 4 -s $ST $P state restore unlock state tick:200
}

b_woken() {
  tgt b_woken --threads 2 || return 1
  ctl -w 8 -s $ST $P lock:5000 freeze \
    woken:state woken:ckpt woken:state snap:b_woken.checkpointed mem \
    woken:restore woken:unlock woken:state \
    thaw late tick:300 snap:b_woken.after state
}

b_wlock() {
  tgt b_wlock --threads 2 || return 1
  ctl -w 4 -s $ST $P freeze woken:lock:1000 woken:state thaw sleep:300 late state unlock state tick:300
}

# The same for a target that SIGSTOP has stopped.
sigstop() {
  tgt sigstop || return 1
  ctl -w 4 -s $ST $P kill:19 state tid lock:1000 kill:18 sleep:500 late state unlock state tick:200
}

# Part D c: two processes at once from one caller.
par() {
  tgt par1 --mib 1024 || return 1
  A=$P
  SA=$ST
  tgt par2 --mib 1024 || return 1
  C=$P
  ctl -w 20 $A,$C seq:lock:5000 seq:ckpt seq:restore seq:unlock sleep:300 \
    par:lock:5000 par:ckpt par:restore par:unlock sleep:300 \
    par:lock:5000 par:ckpt par:restore par:unlock sleep:300 seq:state
  st $SA
  st
}

# Part D a: what the calls say about processes without CUDA.
a_none() {
  sleep 60 &
  N=$!
  pids+=($N)
  bash -c 'sleep 0.05 & exec sleep 60' &
  ZP=$!
  pids+=($ZP)
  sleep 0.3
  Z=$(pgrep -P $ZP | head -1)
  tgt a_pre --preinit
  PRE=$P
  tgt a_init --initonly
  INI=$P
  tgt a_run
  RUN=$P
  T=$(ls /proc/$RUN/task | tail -1)
  for w in "" "-n"; do
    for x in "non-CUDA:$N" "libcuda-loaded-no-cuInit:$PRE" "zombie:$Z" "pid1:1" "absent:4194000" "zero:0" "cuInit-only:$INI" "other-tid-$T-of-$RUN:$T"; do
      echo "### ${x%%:*} caller ${w:-with cuInit}"
      ctl $w -w 3 -- "${x##*:}" state tid lock:500 state unlock
    done
  done
  ctl -w 5 $INI lock:1000 ckpt state restore unlock state
}

# Part D d and A.5.2 17: the same user without root, another user, root without CAP_SYS_PTRACE; a target that is not dumpable.
uids() {
  ls -l /dev/nvidia*
  AS="setpriv --reuid 1000 --regid 1000 --clear-groups"
  chmod 1777 "$W" "$W/run"
  tgt uid || return 1
  AS=
  for w in "" "-n"; do
    echo "### same uid"
    setpriv --reuid 1000 --regid 1000 --clear-groups "$B/ctl" $w -w 8 -s $ST $P state tid lock:3000 ckpt state restore unlock state tick:200
    echo "### other uid"
    setpriv --reuid 1001 --regid 1001 --clear-groups "$B/ctl" $w -w 3 $P state tid lock:1000 state
  done
  echo "### root without CAP_SYS_PTRACE"
  setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace "$B/ctl" -w 3 $P state tid lock:1000 unlock state
  echo "### root"
  ctl -w 8 -s $ST $P state lock:3000 ckpt restore unlock state tick:200
  rm -f $W/run/nodump.st
  AS="setpriv --reuid 1000 --regid 1000 --clear-groups"
  tgt nodump --nodump
  AS=
  echo "### same uid, target not dumpable"
  setpriv --reuid 1000 --regid 1000 --clear-groups "$B/ctl" -w 3 $P state tid lock:1000 unlock state
  echo "### root, target not dumpable"
  ctl -w 8 -s $ST $P state tid lock:3000 ckpt restore unlock state tick:200
}

# A.5.2 3: what a state forbids; part D e: identity maps. verdicts.mjs knows the answers to expect, in this order.
legal() {
  tgt legal || return 1
  ctl -w 6 -s $ST $P \
    say:running ckpt restore unlock state lock:3000 \
    say:locked lock:1000 restore state ckpt state \
    say:checkpointed ckpt lock:1000 unlock state restore:badnew state restore:badold state restore:dup state restore:zero state restore \
    state unlock state tick:200 \
    say:identity lock:3000 ckpt restore:id state unlock unlock state tick:300
}

# A.5.2 4: kernels of 1.5 s.
spin() {
  tgt spin --spin 1500 || return 1
  ctl -w 8 -s $ST $P lock:200 state lock:50 state lock:1 lock:6000 state tick:500 unlock lock ckpt restore unlock tick:1800
}

# Pinned and registered host memory, an instantiated graph, threads with streams of their own.
rich() {
  tgt rich --mib 64 --pinned 8 --hostreg 8 --graph --threads 3 || return 1
  ctl -s $ST $P mem snap:rich.1running lock:5000 snap:rich.2locked tick:200 \
    ckpt mem snap:rich.3checkpointed \
    restore snap:rich.4restored unlock tick:400 snap:rich.5running \
    lock:5000 ckpt restore unlock tick:300
  st
}

# A child that was forked after cuInit and did not execute anything.
forked() {
  tgt forked --fork || return 1
  K=$(pgrep -P $P | head -1)
  pids+=($K)
  ctl -w 3 $K state tid snap:fork.child-before
  ctl -w 5 -s $ST $P lock:3000 ckpt state snap:fork.parent-checkpointed
  ctl -w 3 $K state snap:fork.child-checkpointed lock:500 state
  ctl -w 5 -s $ST $P restore unlock state tick:200
}

# What a use that is said to be unsupported gives: odd NAME OPTION...
odd() {
  local n=$1
  shift
  tgt $n "$@" || return 1
  ctl -w 6 -s $ST $P state tid lock:3000 state ckpt state mem snap:$n.checkpointed restore state unlock state tick:300
}

managed() { odd managed --managed 4; }

ipc() { odd ipc --ipc; }

vmm1() { odd vmm1 --vmm 1; }

vmm2() { odd vmm2 --vmm 2; }

nvml() { odd nvml --nvml; }

# A target in a pid namespace below ours.
pidns() {
  ST=$W/run/pidns.st
  setsid unshare -pf --mount-proc "$B/target" --status $ST </dev/null >$W/run/pidns.out 2>&1 &
  U=$!
  pids+=($U)
  waitfor $U $ST 'tick  *[0-9]' || {
    cat $W/run/pidns.out
    return 1
  }
  P=$(pgrep -P $U | head -1)
  pids+=($P)
  grep NSpid /proc/$P/status
  ctl -w 6 -s $ST $P state tid lock:3000 ckpt restore unlock state tick:200
}

# A.5.2 10 by hand: the memory is taken meanwhile.
vram() {
  tgt vram --mib 4096 || return 1
  V=$P
  SV=$ST
  ctl -w 20 $V lock:5000 ckpt
  F=$(nvidia-smi --query-gpu=memory.free --format=csv,noheader,nounits | head -1)
  tgt hog --mib $((F - 2500))
  H=$P
  nvidia-smi --query-gpu=memory.free --format=csv,noheader
  ctl -w 15 $V restore state
  kill -9 $H
  sleep 1.5
  nvidia-smi --query-gpu=memory.free --format=csv,noheader
  ctl -w 15 -s $SV $V state tid restore state unlock state tick:300
}

# A.5.2 16: the caller is killed in the middle of a checkpoint.
killed() {
  tgt killed --mib 8192 || return 1
  ctl $P lock:5000
  "$B/ctl" -w 20 $P ckpt &
  C=$!
  sleep 0.9
  kill -9 $C
  echo "  caller killed"
  grep VmRSS /proc/$P/status
  ctl -w 3 $P state
  sleep 4
  grep VmRSS /proc/$P/status
  ctl -w 3 $P state tid
  ctl -w 8 -s $ST $P restore state
  ctl -w 4 -s $ST $P unlock state tick:200
}

# The target is killed in the middle of its checkpoint.
dies() {
  tgt dies --mib 4096 || return 1
  ctl $P lock:5000
  "$B/ctl" -w 6 $P ckpt &
  C=$!
  sleep 0.5
  kill -9 $P
  echo "  target killed during checkpoint"
  wait $C
  ctl -w 3 $P state tid
}

# A.5.2 17: a target with a seccomp filter (that allows everything), for every thread that the driver starts, too.
seccomp() {
  tgt seccomp --mib 16 --seccomp || return 1
  grep Seccomp /proc/$P/status
  ctl -w 8 -s $ST $P state tid lock:5000 ckpt state restore unlock state tick:300
}

# Two targets on two devices, one after the other and at once.
twogpus() {
  tgt two0 --mib 64 --device 0 || return 1
  local first=$P
  tgt two1 --mib 64 --device 1 || return 1
  echo "  on $(gpus_of $first) and $(gpus_of $P)"
  ctl -w 20 -s $ST $first,$P seq:lock:5000 seq:ckpt seq:restore seq:unlock par:lock:5000 par:ckpt par:restore par:unlock seq:state tick:300
}
