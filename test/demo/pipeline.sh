#!/bin/sh
# The program of the demo: a worker with threads, and a pipeline whose counter lives only in a shell variable and goes to a file through a pipe.
# $1: the compiled worker. Works in the current folder.
"$1" worker.txt &

i=0
while :; do
  i=$((i + 1))
  echo "$i"
  sleep 0.1
done | while read -r n; do
  echo "$n" >>counter.txt
done
