# A pipeline of three: the first counts, the second passes on, the third adds up and writes down every sum. Speaks like a victim.
count() {
  i=0
  while [ ! -e go ] || [ "$i" -lt "$((${last:-$((last = i))} + 20))" ]; do
    i=$((i + 1))
    [ "$i" -eq 20 ] && echo READY >&2
    [ "$i" -gt 8000 ] && exit 1
    echo "$i"
    sleep 0.005
  done
}

add() {
  sum=0
  while read -r number; do
    sum=$((sum + number))
    echo "$number $sum"
  done
}

count 2>ready | sed -u 's/^/0/;s/^0//' | add >sums
