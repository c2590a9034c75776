# SPDX-License-Identifier: MIT
"""What somebody takes away from outside comes back by itself, and the other tailnet does not notice."""
import contextlib
import os
import shutil
import signal

from client import connect, get, socks5
from lab import check, equal, wait_for
from picture import PRIMARY, TARGET, check_page


def test_tun_deleted(picture):
    """`ip link del wg0` inside the namespace: that tailnet is made anew within seconds, the other stays."""
    red = picture.tailnet("red", 11080, ssh=False)
    blue = picture.tailnet("blue", 11081, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    untouched = g.worker("tsgw-wg", blue)
    picture.lab.run(["ip", "-n", f"tsgw-{red.name}", "link", "del", "wg0"], ok=0)
    g.process.wait_line("wg0 is gone")
    wait_for(lambda: g.state(red) == "up", "red is up again")
    check_page(picture, red)
    check_page(picture, blue)
    equal(g.worker("tsgw-wg", blue), untouched, "blue's node")
    equal(g.stop(), 0, "exit code")


def test_files_removed(picture):
    """`ip netns del`, and rm of every socket: all come back within a second, connections go on."""
    red = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    s = connect(picture.mac, PRIMARY, red.port)
    equal(socks5(s, TARGET, 3000), 0, "CONNECT")
    get(s, "/1")
    link, home = g.list()[red.name]["link"], f"{g.run_dir}/{red.name}"
    picture.lab.run(["ip", "netns", "del", "tsgw-" + red.name], ok=0)
    wait_for(lambda: os.path.exists("/run/netns/tsgw-" + red.name), "the pin is back", 5)
    shown = wait_for(lambda: picture.lab.run(["ip", "-n", "tsgw-" + red.name, "link", "show", "wg0"]).stdout,
                     "the same namespace")
    check("wg0" in shown, shown)
    for path in (f"/run/wireguard/{link}.sock", home + "/control.sock", home + "/resolve.sock",
                 g.run_dir + "/front.sock"):
        os.unlink(path)
        wait_for(lambda p=path: os.path.exists(p), f"{path} is back", 5)
    picture.lab.run(["wg", "show", link], ok=0)
    equal(g.state(red), "up", "state")
    shutil.rmtree(home)
    wait_for(lambda: os.path.exists(home + "/control.sock") and os.path.exists(home + "/made"), "RUN/NAME", 5)
    equal(g.state(red), "up", "state")
    get(s, "/2")
    g.kill()
    g.start().wait_up()
    check_page(picture, red)
    equal(g.stop(), 0, "exit code")
    check(not os.path.exists("/run/netns/tsgw-" + red.name), "the pin is gone after a stop")


def test_run_dir_removed(picture):
    """`rm -r` of the whole run directory, twice, with the front and the tailnet in supervisors of their own: all of it
    comes back, nobody else can take the front, and workers that die find their empty root."""
    red = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway()
    front = picture.demon.spawn(g.command("--front"), name="tsgwd front")
    g.start("--tailnet", red.name)
    g.wait_up()
    wait_for(lambda: picture.dig(f"{TARGET}.{red.name}", "+short").strip() == TARGET, "names")
    wanted = [f"{g.run_dir}/{p}" for p in (".empty", "front.lock", "front.sock", "front.made", f"{red.name}/lock",
                                           f"{red.name}/control.sock", f"{red.name}/made")]
    for _ in range(2):
        shutil.rmtree(g.run_dir)
        wait_for(lambda: all(map(os.path.exists, wanted)), lambda: f"{[p for p in wanted if not os.path.exists(p)]}", 10)
        p = picture.demon.run(g.command("--front"))
        equal(p.returncode, 1, f"another front: {p.stdout}{p.stderr}")
        check("runs already" in p.stderr, p.stderr)
        for pid in (g.worker("tsgw-wg", red), g.worker("tsgw-proxy", red)):
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: g.state(red) != "up", "a worker is gone")
        g.wait_up()
        check_page(picture, red)
        wait_for(lambda: picture.dig(f"{TARGET}.{red.name}", "+short").strip() == TARGET, "names")
    equal((g.stop(), front.stop()), (0, 0), "exit codes")


def test_veth_deleted(picture):
    """`ip link del` of the veth: it comes back, with its listener; who came by a primary does not notice."""
    red = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    s = connect(picture.mac, PRIMARY, red.port)
    equal(socks5(s, TARGET, 3000), 0, "CONNECT")
    link, veth = g.list()[red.name]["link"], "10.200.0.2"
    for _ in range(3):
        picture.demon.ip(f"link del {link}")
        wait_for(lambda: link in picture.demon.links(), "the link is back", 5)
        get(s, "/x")

        def by_veth():
            with contextlib.suppress(OSError):
                with connect(picture.demon, veth, 1080) as c:
                    return socks5(c, TARGET, 3000) == 0 and "/x" in get(c, "/x")
        wait_for(by_veth, "the listener on the veth")
    equal(g.state(red), "up", "state")
    equal(g.stop(), 0, "exit code")
    check(link not in picture.demon.links(), "the link is gone after a stop")


def test_log_that_nobody_reads(picture):
    """stderr is a pipe that has long been full: whoever does not read it loses lines, and holds up nobody."""
    red = picture.tailnet("red", 11080, ssh=False)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    try:
        g = picture.gateway(args=["--log-level", "debug"])
        g.start(wrap=["sh", "-c", f'exec "$@" 2>/proc/{os.getpid()}/fd/{writer}', "sh"]).wait_up()
        check_page(picture, red)
        for _ in range(3):
            g.ctl("down", red.name, ok=0)
            g.ctl("up", red.name, ok=0)
            g.wait_up()
            check_page(picture, red)
        equal(len(os.read(reader, 65536)), 65536, "the pipe's size")
        g.ctl("down", red.name, ok=0)
        text = os.read(reader, 65536).decode()
        check(" lines lost\n" in text and f"tsgwd: {red.name}: down" in text, text)
        equal(g.stop(), 0, "exit code")
    finally:
        os.close(reader)
        os.close(writer)
