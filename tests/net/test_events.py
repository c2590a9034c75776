# SPDX-License-Identifier: MIT
"""tsgwctl events and list: what changes, as it changes; on a terminal, in its width and colours."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import termios
import time

import lab as L
import run
from lab import BUILD, check, equal, wait_for


def watch(g, *args):
    return g.demon.spawn([os.path.join(BUILD, "tsgwctl"), "--run-dir", g.run_dir, "--config", g.config,
                          *args], name="tsgwctl " + args[0])


def on_terminal(g, args, columns, env=None, enough=None):
    """What is written to a terminal of so many columns; with ENOUGH, until that text is there."""
    pid, fd = pty.fork()
    if not pid:
        os.environ.update({"TERM": "xterm", **(env or {})})
        if not (env or {}).get("NO_COLOR"):
            os.environ.pop("NO_COLOR", None)
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execvp("nsenter", ["nsenter", "--net=" + g.demon.path, os.path.join(BUILD, "tsgwctl"), "--run-dir",
                              g.run_dir, "--config", g.config, *args])
    text, end = "", time.monotonic() + L.PATIENCE_S
    while time.monotonic() < end and not (enough and enough(text)):
        if not select.select([fd], [], [], 0.2)[0]:
            continue
        try:
            text += os.read(fd, 65536).decode()
        except OSError:
            break
    if enough:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(fd)
    return text.replace("\r\n", "\n")


@run.deadline(240)
def test_events(picture):
    red = picture.tailnet("red", 11080, ssh=False, serve=False)
    blue = picture.tailnet("blue", 11081, ssh=False, serve=False)
    g = picture.gateway()
    equal(g.ctl("events").returncode, 4, "nobody is there")
    equal(g.ctl("events", "nosuch").returncode, 3, "no such tailnet")
    equal(g.ctl("events", red.name).returncode, 4, "nobody runs it")
    g.start().wait_up()
    every, one, lines = watch(g, "events"), watch(g, "events", blue.name), watch(g, "events", "--json")
    # until all three listen
    wait_for(lambda: (g.ctl("down", red.name), g.ctl("up", red.name), f"{red.name}  state     down" in every.log()
                      and red.name in lines.log())[-1], "red's change is told")
    every.wait_line(rf"^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d  {red.name}  state     up")
    every.wait_line(rf"{red.name}  state     down")
    for line in lines.log().splitlines():
        e = json.loads(line)
        check({"time", "time_ms", "tailnet", "kind", "state", "subject", "text"} <= set(e), e)
    lines.wait_line(f'"tailnet":"{red.name}","kind":"state","state":"up"')
    check(red.name not in one.log(), f"only blue's: {one.log()}")
    # a peer that dies
    blue.peer.process.forgiven = True
    blue.peer.process.send(signal.SIGKILL)
    with L.inside(blue.pin):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(3):
        s.sendto(b"x", ("10.100.10.141", 9))
    one.wait_line(rf"{blue.name}  peer      .*", 60)
    s.close()
    # the supervisor is killed, and comes back
    g.kill()
    every.wait_line(rf"{red.name}  gone      its supervisor went away")
    start = len(every.lines)
    g.start()
    every.wait_line(rf"{red.name}  state     (up|starting|degraded)", 30, start)
    for p in (every, one, lines):
        p.forgiven = True
        p.stop()


def test_list_on_a_terminal(picture):
    red = picture.tailnet("red", 11080, ssh=False, serve=False, ipv6=True)
    off = picture.tailnet("off", 11081, ssh=False, serve=False, start=False)
    off.keys = ["enabled = no"]
    g = picture.gateway().start()
    g.wait_up(red)
    heads = ["NAME", "STATE", "ENGINE", "ADDRESS", "LISTEN", "SUFFIX", "PEERS", "CLIENTS", "RX", "TX", "UP"]
    plain = g.ctl("list", ok=0).stdout
    equal(plain.splitlines()[0].split(), heads, "in a pipe it is one line each")
    check("\x1b" not in plain, "no colours in a pipe")
    for columns in (80, 60, 40, 132, 200):
        text = on_terminal(g, ["list"], columns)
        bare = re.sub(r"\x1b\[[0-9;]*m", "", text)
        check(all(len(line) <= columns for line in bare.splitlines()), f"{columns}: {bare}")
        words = bare.split()
        equal(words[:len(heads)], heads, f"every column at {columns}")
        check(red.name in words and off.name in words, bare)
    text = on_terminal(g, ["list"], 200)
    check("\x1b[32mup\x1b[0m" in text and "\x1b[2mdown\x1b[0m" in text, repr(text))
    check("\x1b" not in on_terminal(g, ["list"], 80, {"NO_COLOR": "1"}), "NO_COLOR")
    check("\x1b" not in on_terminal(g, ["list"], 80, {"TERM": "dumb"}), "a dumb terminal")


def test_list_watch(picture):
    red = picture.tailnet("red", 11080, ssh=False, serve=False)
    g = picture.gateway()
    early = watch(g, "list", "--watch", "--json")  # nobody is there yet
    early.wait_line(rf'"name":"{red.name}","state":"down"')
    g.start().wait_up()
    early.wait_line(rf'"name":"{red.name}","state":"up"')
    pipe = watch(g, "list", "--watch")
    pipe.wait_line(rf"^{red.name}  up")
    g.ctl("down", red.name, ok=0)
    pipe.wait_line(rf"^{red.name}  down")
    early.wait_line(rf'"name":"{red.name}","state":"down"', start=2)
    for line in early.log().splitlines():
        json.loads(line)
    screen = on_terminal(g, ["list", "--watch"], 80, enough=lambda t: t.count("\x1b[H\x1b[J") >= 2)
    check(screen.startswith("\x1b[H\x1b[J"), repr(screen[:80]))
    for p in (early, pipe):
        p.forgiven = True
        p.stop()
