# SPDX-License-Identifier: MIT
"""CONTROL_WATCH: who watches a supervisor hears all that is there, then every change, and holds up nobody."""
import os
import re
import subprocess
import time

from lab import BUILD, check, equal, wait_for
from picture import check_page


def watch(g, name="-", *more):
    return g.demon.spawn([os.path.join(BUILD, "tests/net/ctl-watch"), g.run_dir, name, *more],
                         name=f"watch {name}", stdin=subprocess.PIPE)


def lines(w, pattern):
    return [line for line in w.log().splitlines() if re.search(pattern, line)]


def heard(w, pattern, n=1):
    wait_for(lambda: len(lines(w, pattern)) >= n, lambda: f"{n} × {pattern} in\n{w.log()}")


def test_watch_snapshot_and_changes(picture):
    """The whole at first; then peers, states and listeners as they change; fresh counters when asked."""
    red, blue = (picture.tailnet(w, p, ssh=False) for w, p in (("red", 11080), ("blue", 11081)))
    g = picture.gateway().start()
    g.wait_up()
    every, one = watch(g), watch(g, red.name)
    for w in (every, one):
        heard(w, "^told$")
    equal(sorted(line.split()[1] for line in lines(every, "^tailnet .* up peers 1/1 listen 1 ")),
          sorted([red.name, blue.name]), "records")
    check(not lines(one, blue.name), "a watcher of one hears of another")
    text = one.log()
    for part in ("begin", "end"):
        equal(len(lines(one, f"^facts {red.name} {part}$")), 1, part)
    equal(re.findall(r"^route \S+ (\S+)$", text, re.M), ["10.77.0.1/32", "10.100.0.0/16"], "routes")

    every.popen.stdin.write(b"fresh\n")
    every.popen.stdin.flush()
    heard(every, "^told fresh$")
    for t in (red, blue):
        last = lines(every, f"^tailnet {t.name} ")[-1]
        check(int(re.search(r"pss (\d+)", last)[1]) > 50000, f"no memory: {last}")
    check("pss 0 " in lines(every, f"^tailnet {red.name} ")[0], "memory that nobody asked for")

    red.peer.process.stop()
    page = picture.curl("--socks5-hostname", f"100.121.76.21:{red.port}", "http://10.100.10.141:3000/")
    check(page.returncode != 0, "the page of a peer that is gone")
    heard(every, rf"^event {red.name} peer \S+ \[{re.escape(red.peer.public)}\] .* is down$")
    heard(every, f"^event {red.name} state degraded ")
    heard(one, f"^tailnet {red.name} degraded peers 0/1 .*no answer from")
    red.peer.start()
    heard(one, f"^event {red.name} peer .* is up$")
    heard(one, f"^event {red.name} state up ")

    picture.demon.ip("addr add 100.121.76.22/32 dev tailscale0")
    heard(every, f"^event {red.name} listener up .*listens on 100.121.76.22:11080")
    heard(one, f"^tailnet {red.name} up peers 1/1 listen 2 ")
    picture.demon.ip("addr del 100.121.76.22/32 dev tailscale0")
    heard(one, f"^event {red.name} listener up .*no longer listens on 100.121.76.22:11080")

    g.ctl("down", blue.name, ok=0)
    heard(every, f"^event {blue.name} state down ")
    heard(every, f"^tailnet {blue.name} down peers 0/0 listen 0 ")
    g.ctl("up", blue.name, ok=0)
    heard(every, f"^tailnet {blue.name} up ", 2)
    check(not lines(one, blue.name), "a watcher of one hears of another")


def test_watch_reload(picture):
    """A tailnet that a reload adds, changes or takes away."""
    red, blue = (picture.tailnet(w, p, ssh=False) for w, p in (("red", 11080), ("blue", 11081)))
    g = picture.gateway([red]).start()
    g.wait_up()
    every = watch(g)
    heard(every, "^told$")
    g.tailnets.append(blue)
    g.write_config()
    g.ctl("reload", ok=0)
    heard(every, f"^tailnet {blue.name} up ")
    heard(every, f"^facts {blue.name} end$")
    red.wg_text = red.wg_quick().replace("10.100.0.0/16", "10.100.0.0/16, 10.123.0.0/16")
    g.write_config()
    g.ctl("reload", ok=0)
    heard(every, f"^route {red.name} 10.123.0.0/16$")
    heard(every, f"^facts {red.name} end$", 2)
    g.tailnets.remove(blue)
    g.write_config()
    g.ctl("reload", ok=0)
    heard(every, f"^event {blue.name} gone ")
    g.stop()
    heard(every, "^over: ")


def test_watch_slow(picture):
    """A watcher that does not read is cut off; too many are told so; everybody else goes on."""
    t = picture.tailnet("red", 11080, ssh=False)
    t.wg_text = t.wg_quick() + "\n" + "".join(  # more facts than a socket holds
        f"AllowedIPs = 10.{128 + i // 256}.{i % 256}.0/24\n" for i in range(16000))
    g = picture.gateway().start()
    g.wait_up()
    slow = watch(g, "-", "stall")
    slow.wait_line("^stalls$")
    many = [watch(g) for _ in range(70)]
    start = time.monotonic()
    check_page(picture, t)
    equal(g.state(t), "up", "state")
    check(time.monotonic() - start < 5, f"others waited {time.monotonic() - start:.1f} s")
    for w in many:
        heard(w, "^(facts .* end|end 1 too many watch already)$")
    slow.wait_line("^over: ", timeout_s=30)
    ended = [w for w in many if lines(w, "^end 1 ")]
    check(5 <= len(ended) <= 8, f"{len(ended)} of 70 were refused")
    equal(len(lines(many[0], "^route ")), 16002, "routes")
    for w in many:
        w.popen.stdin.close()
        w.stop()
    late = watch(g)  # the places are free again
    heard(late, "^told$")
