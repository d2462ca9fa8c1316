# One step of the kit by name: bash steps.sh NAME. run.mjs and probe.sh start it under timeout(1); what it started ends with it.
W=${GPU_WORK:-/tmp/gpu}
B=$W/bin
SN=$W/snaps
mkdir -p "$SN" "$W/run"
cd "$W" || exit 9
export PATH=$W/node:$PATH
CT="$W/app/core/cli/criu-ts"
CRIU="$W/criu/criu"
FLAGS="--shell-job --link-remap --ghost-limit 1073741824 --file-locks"

kit=$(dirname "${BASH_SOURCE[0]}")
. "$kit/common.sh"
. "$kit/ask.sh"
. "$kit/images.sh"
. "$kit/plugin.sh"
. "$kit/peer.sh"
"$@"
