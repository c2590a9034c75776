# SPDX-License-Identifier: MIT
"""tsgwctl add and remove: one more tailnet beside those that run, and away again."""
import os
import stat

from lab import check, equal, wait_for
from picture import check_page


def paths(g, name):
    d = os.path.join(os.path.dirname(g.config), "tsgw.d")
    return os.path.join(d, name + ".ini"), os.path.join(d, name + ".conf")


def refused(p, *words, code=1):
    equal(p.returncode, code, f"exit code {p.stdout} {p.stderr}")
    for word in words:
        check(word in p.stderr, f"{word!r} in {p.stderr!r}")


def test_add_and_remove(picture):
    red = picture.tailnet("red", 11080, ssh=False)
    blue = picture.tailnet("blue", 11081, ssh=False)
    g = picture.gateway([red]).start()
    g.wait_up()
    ini, conf = paths(g, blue.name)
    wg = picture.lab.file("given.conf", blue.wg_quick())
    p = g.ctl("add", blue.name, "--wg-config", wg, "--dry-run", ok=0)
    check(f"[tailnet {blue.name}]" in p.stdout and "port = 11081" in p.stdout, p.stdout)
    check(not os.path.exists(ini), "nothing is written")
    os.chown(g.config, -1, 65534)
    p = g.ctl("add", blue.name, "--wg-config", wg, ok=0)
    for word in (f"wrote {ini}", "For the clients", "100.121.76.21:11081", f"HOST.{blue.name}", "ssh"):
        check(word in p.stdout, f"{word} in {p.stdout}")
    g.wait_up(red, blue)
    check_page(picture, blue)
    check_page(picture, red)
    equal([stat.S_IMODE(os.stat(f).st_mode) for f in (ini, conf)], [0o640, 0o600], "modes")
    equal(os.stat(ini).st_gid, 65534, "its group is that of tsgw.ini")
    check(f"{blue.name}.{blue.name}" not in p.stdout and "NXDOMAIN" not in
          picture.dig(f"10.100.10.141.{blue.name}", "A"), "the front knows its names")
    before = open(ini, encoding="utf-8").read()
    p = g.ctl("add", blue.name, "--wg-config", wg, ok=0)
    check("nothing changed" in p.stdout, p.stdout)
    equal(open(ini, encoding="utf-8").read(), before, "the same again")
    refused(g.ctl("add", blue.name, "--wg-config", wg, "--port=11099"), "says otherwise")
    other = picture.lab.file("other.conf", blue.wg_quick().replace("10.77.0.2/32", "10.77.0.3/32"))
    refused(g.ctl("add", blue.name, "--wg-config", other), "says otherwise")
    check_page(picture, blue)
    # away
    state = os.path.join(g.state_dir, blue.name)
    check(os.path.exists(os.path.join(state, "net")), "its /30 is remembered")
    p = g.ctl("remove", blue.name, "--state-dir", g.state_dir, ok=0)
    check("stay (--purge)" in p.stdout, p.stdout)
    check(not os.path.exists(ini) and os.path.exists(conf), "the key stays")
    check(not os.path.exists(os.path.join(state, "net")), "its /30 is free")
    wait_for(lambda: blue.name not in g.list(), "it is gone")
    check(not os.path.exists("/run/netns/" + blue.netns), "its namespace is gone")
    check_page(picture, red)
    # and again, with everything
    g.ctl("add", blue.name, "--wg-config", conf, ok=0)
    g.wait_up(blue)
    g.ctl("remove", blue.name, "--purge", ok=0)  # where the state is, its supervisor says
    check(not os.path.exists(conf) and not os.path.exists(state), "everything is gone")
    check(os.path.exists(os.path.join(g.state_dir, red.name)), "of others nothing is")
    refused(g.ctl("remove", blue.name), "no such tailnet", code=3)


def test_refused(picture):
    """What is wrong is said, and nothing is written or lost."""
    red = picture.tailnet("red", 11080, ssh=False, serve=False)
    blue = picture.tailnet("blue", 11081, ssh=False, serve=False)
    g = picture.gateway([red]).start()
    g.wait_up()
    wg = picture.lab.file("given.conf", blue.wg_quick())
    bad = picture.lab.file("bad.conf", "[Interface]\nPrivateKey = x\n")
    ini, conf = paths(g, blue.name)
    refused(g.ctl("add", blue.name, "--wg-config", wg, "--port=11080"), ini, "port")
    refused(g.ctl("add", blue.name, "--wg-config", wg, f"--suffix={red.name}"), "suffix", red.name)
    refused(g.ctl("add", blue.name, "--wg-config", bad), bad + ":", "PrivateKey")
    refused(g.ctl("add", blue.name, "--wg-config", "/nowhere"), "/nowhere")
    refused(g.ctl("add", blue.name, "--wg-config", wg, "--set", "nosuch=1"), "nosuch")
    refused(g.ctl("add", blue.name, "--wg-config", wg, "--set", "mtu=1\n[gateway]"), "line break", code=2)
    refused(g.ctl("add", blue.name, "--wg-config", wg, "--login-server=https://x.example"), "plain WireGuard", code=2)
    refused(g.ctl("add", blue.name), "what kind", code=2)
    refused(g.ctl("add", "No_Name", "--wg-config", wg), "no name", code=2)
    refused(g.ctl("add", red.name, "--wg-config", wg), g.config, "already")
    refused(g.ctl("remove", red.name), g.config, "has not written")
    refused(g.ctl("remove", red.name[:-1] + "_"), "no such tailnet", code=3)
    check(not os.path.exists(ini) and not os.path.exists(conf), "nothing is written")
    equal(g.state(red), "up", "red")
    # an error that was there before is not this command's
    with open(g.config, "a", encoding="utf-8") as f:
        f.write("[tailnet third]\nport = 12000\nwg-config = missing.conf\n")
    g.ctl("add", blue.name, "--wg-config", wg, "--no-start", ok=0)
    check(os.path.exists(ini), "written")
    # a file that holds more than add wrote is not taken away whole
    with open(ini, "a", encoding="utf-8") as f:
        f.write("[tailnet fourth]\nport = 12001\nwg-config = missing.conf\n")
    refused(g.ctl("remove", blue.name), "other tailnets")
    check(os.path.exists(ini), "still there")


def test_without_supervisor(picture):
    blue = picture.tailnet("blue", 11081, ssh=False, serve=False)
    g = picture.gateway([])
    wg = picture.lab.file("given.conf", blue.wg_quick())
    p = g.ctl("add", blue.name, "--wg-config", wg, ok=0)
    check("nobody runs it yet" in p.stdout and "port = 11080" in open(paths(g, blue.name)[0],
                                                                     encoding="utf-8").read(), p.stdout)
    g.start().wait_up(blue)
    g.stop()
    g.ctl("remove", blue.name, "--purge", "--state-dir", g.state_dir, ok=0)
    equal(g.list(), {}, "nothing is left")
    p = g.ctl("add", "home", "--login-server=https://headscale.example.org", "--hostname=demon-home",
              "--accept-routes", "--advertise-routes=192.168.20.0/24,192.168.21.0/24", "--tags=tag:gw",
              "--set=mtu=1280", "--no-start", ok=0)
    text = open(paths(g, "home")[0], encoding="utf-8").read()
    for line in ("[tailnet home]", "engine = tailscale", "node = stock", "port = 11080",
                 "login-server = https://headscale.example.org", "accept-routes = yes", "mtu = 1280",
                 "hostname = demon-home", "advertise-routes = 192.168.20.0/24,192.168.21.0/24"):
        check(line in text.splitlines(), f"{line} in {text}")
    g.ctl("check", ok=0)
