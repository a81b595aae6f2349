"""Stands for one process of the warm server: its arguments, streams, signals and exit code are that one's.

`python -I -S process.py NAME ARGUMENTS`: it loads next to nothing.
"""

import json
import os
import signal
import socket
import sys

order = socket.socket(socket.AF_UNIX)
order.connect(f"\0{sys.argv[1]}")
what = {"arguments": sys.argv[2:], "folder": os.getcwd(), "environment": dict(os.environ)}
socket.send_fds(order, [json.dumps(what).encode() + b"\n"], [0, 1, 2])
for forwarded in (signal.SIGTERM, signal.SIGINT):
    signal.signal(forwarded, lambda number, _: order.send(bytes([number])))
for number in (0, 1, 2):
    os.close(number)
code = int(order.makefile().readline())
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
