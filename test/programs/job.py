"""A job of an interactive shell: counts on its terminal, with its group, its session and the group in the foreground, until control-C.

It starts no process: killed in a dump, one would stay a zombie of init for as long as init likes, and keep the number of the job's group.
"""
import os
import time

count = 0
try:
    while count < 2000:
        count += 1
        own = all(os.isatty(fd) for fd in (0, 1, 2))
        with open("/dev/tty", "rb"):
            pass
        ids = f"pid {os.getpid()} pgrp {os.getpgrp()} session {os.getsid(0)} foreground {os.tcgetpgrp(0)}"
        print(f"count {count} {ids} terminal {'yes' if own else 'no'}.", flush=True)
        time.sleep(0.02)
except KeyboardInterrupt:
    print(f"interrupted after {count}", flush=True)
