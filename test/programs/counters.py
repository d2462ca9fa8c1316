"""Threads that count, each handing its number to the next through a queue, and a temporary file that has no name. Speaks like a victim."""
import os
import queue
import tempfile
import threading
import time

THREADS = 8
gone = threading.Event()
counts = [0] * THREADS
ring = [queue.Queue() for _ in range(THREADS)]


def work(me):
    while True:
        number = ring[me].get()
        if number is None:
            ring[(me + 1) % THREADS].put(None)
            return
        assert number == sum(counts), (number, counts)
        counts[me] += 1
        if me == 0 and gone.is_set():
            ring[1].put(None)
            return
        ring[(me + 1) % THREADS].put(number + 1)
        time.sleep(0.001)


threads = [threading.Thread(target=work, args=(i,)) for i in range(THREADS)]
for thread in threads:
    thread.start()
ring[0].put(0)
journal = tempfile.TemporaryFile("w+")
for i in range(100):
    journal.write(f"line {i}\n")
journal.flush()
while sum(counts) < 50:
    time.sleep(0.005)
before = sum(counts)
started = time.monotonic()
print("READY", flush=True)
while not os.path.exists("go"):
    assert time.monotonic() - started < 50
    time.sleep(0.005)
at_go = sum(counts)
while sum(counts) < at_go + 50:
    assert time.monotonic() - started < 50
    time.sleep(0.005)
gone.set()
for thread in threads:
    thread.join()
journal.write("the last line\n")
journal.seek(0)
assert journal.read().splitlines() == [f"line {i}" for i in range(100)] + ["the last line"]
assert sum(counts) >= before + 50 and max(counts) - min(counts) <= 1, counts
print("PASS", flush=True)
