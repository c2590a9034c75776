# SPDX-License-Identifier: MIT
"""tsgwctl against a running gateway: what it prints, its JSON, its exit codes (contract §8)."""
import ipaddress
import json
import os
import shutil

from client import connect, socks5
from lab import check, equal, wait_for
from picture import GATEWAY_INNER, PRIMARY, TARGET, check_page

HEADER = ["NAME", "STATE", "ENGINE", "ADDRESS", "LISTEN", "SUFFIX", "PEERS", "CLIENTS", "RX", "TX",
          "UP"]
FIELDS = {"name": str, "state": str, "engine": str, "suffix": str, "port": int, "netns": str,
          "link": str, "addresses": list, "listen": list, "peers": int, "peers_up": int,
          "clients": int, "rx_bytes": int, "tx_bytes": int, "uptime_s": int, "reason": str}


def test_list(picture):
    """One line per configured tailnet, running or not; the JSON has every promised field."""
    red = picture.tailnet("red", 11080, ssh=False)
    off = picture.tailnet("off", 11081, ssh=False, serve=False, start=False)
    off.keys = ["enabled = no"]
    g = picture.gateway()
    p = g.ctl("list", ok=0)  # without a supervisor
    rows = [line.split() for line in p.stdout.splitlines()]
    equal(rows[0], HEADER, "header")
    equal([r[:2] for r in rows[1:]], [[red.name, "down"], [off.name, "down"]], "rows")
    g.start().wait_up(red)
    check_page(picture, red)
    s = connect(picture.mac, PRIMARY, red.port)
    equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
    wait_for(lambda: g.list()[red.name]["clients"] == 1, "one client")
    rows = [line.split() for line in g.ctl("list", ok=0).stdout.splitlines()]
    equal(rows[0], HEADER, "header")
    equal(rows[1][:8], [red.name, "up", "wireguard", GATEWAY_INNER, f"{PRIMARY}:11080", red.name,
                        "1/1", "1"], "the row of what runs")
    equal(rows[2][:3], [off.name, "down", "wireguard"], "the row of what is disabled")
    entries = json.loads(g.ctl("list", "--json", ok=0).stdout)
    equal([e["name"] for e in entries], [red.name, off.name], "order of the files")
    for key, kind in FIELDS.items():
        check(isinstance(entries[0].get(key), kind), f"{key}: {entries[0].get(key)!r}")
        check(key in entries[1], f"{key} of what does not run")
    e = entries[0]
    equal((e["netns"], e["link"], e["peers"], e["peers_up"], e["reason"]),
          (red.netns, red.link, 1, 1, ""), "values")
    equal(e["listen"], [f"{PRIMARY}:11080"], "listen")
    check([str(ipaddress.ip_interface(a).ip) for a in e["addresses"]] == [GATEWAY_INNER],
          f"addresses: {e['addresses']}")
    check(e["rx_bytes"] > 0 and e["tx_bytes"] > 0, "bytes are counted")
    equal((entries[1]["clients"], entries[1]["uptime_s"]), (None, None), "unknown numbers are null")
    equal(entries[1]["reason"], "not enabled: enabled = no", "why the other is down")
    g.ctl("down", red.name, ok=0)
    equal(g.list()[red.name]["reason"], "stopped on request", "why this one is down")
    check("stopped on request" in g.ctl("status", red.name, ok=0).stdout, "the same in status")
    s.close()


def test_status_and_peers(picture):
    red = picture.tailnet("red", 11080, ssh=False)
    blue = picture.tailnet("blue", 11081, ssh=False, serve=False)
    g = picture.gateway().start()
    g.wait_up()
    check_page(picture, red)
    check(red.name in g.ctl("status", ok=0).stdout, "status")
    p = g.ctl("status", red.name, ok=0)
    check("up" in p.stdout and blue.name not in p.stdout, p.stdout)
    json.loads(g.ctl("status", "--json", ok=0).stdout)
    json.loads(g.ctl("status", red.name, "--json", ok=0).stdout)
    p = g.ctl("peers", red.name, ok=0)
    check(red.peer.public in p.stdout, p.stdout)
    peers = json.loads(g.ctl("peers", red.name, "--json", ok=0).stdout)
    equal(len(peers), 1, "peers")
    text = json.dumps(peers)
    for word in (red.peer.public, f"{red.peer.underlay}:51820", "10.100.0.0/16"):
        check(word in text, f"{word} in {text}")


def test_exit_codes(picture):
    """0 done; 1 the thing failed; 2 usage; 3 no such tailnet; 4 the supervisor is not running."""
    red = picture.tailnet("red", 11080, ssh=False, serve=False)
    g = picture.gateway()
    for args, code in ((("status",), 4), (("status", red.name), 4), (("peers", red.name), 4),
                       (("up", red.name), 4), (("down", red.name), 4), (("reload",), 4),
                       (("list",), 0), (("check",), 0), (("nosuch",), 2), ((), 2),
                       (("peers",), 2), (("list", "--nosuch"), 2), (("status", "nosuch"), 3)):
        p = g.ctl(*args)
        equal(p.returncode, code, f"exit code of {args} without a supervisor ({p.stderr.strip()})")
        check(code == 0 or p.stderr.strip(), f"{args} says why")
    g.start().wait_up()
    for args, code in ((("status",), 0), (("status", "nosuch"), 3), (("peers", "nosuch"), 3),
                       (("up", "nosuch"), 3), (("down", "nosuch"), 3), (("up", red.name), 0),
                       (("exec", "nosuch", "--", "true"), 3), (("exec", red.name, "--", "true"), 0),
                       (("exec", red.name, "--", "sh", "-c", "exit 7"), 7), (("check",), 0),
                       (("wait", red.name, "--for=up", "--timeout=5"), 0),
                       (("wait", red.name, "--for=failed", "--timeout=1"), 1),
                       (("wait", red.name, "--for=sideways"), 2), (("wait", "nosuch", "--for=up"), 3),
                       (("reload", "--dry-run"), 0), (("reload",), 0)):
        p = g.ctl(*args)
        equal(p.returncode, code, f"exit code of {args} ({p.stdout.strip()} {p.stderr.strip()})")


def test_exec(picture):
    """exec runs inside the namespace, with its resolv.conf, as the caller's user."""
    red = picture.tailnet("red", 11080, ssh=False)
    red.wg_text = red.wg_quick().replace("Address =", "DNS = 10.100.0.53, corp.example\nAddress =")
    g = picture.gateway().start()
    g.wait_up()
    p = g.ctl("exec", red.name, "--", "readlink", "/proc/self/ns/net", ok=0)
    equal(p.stdout.strip(), f"net:[{os.stat('/run/netns/' + red.netns).st_ino}]", "namespace")
    p = g.ctl("exec", red.name, "--", "cat", "/etc/resolv.conf", ok=0)
    check("nameserver 10.100.0.53" in p.stdout, p.stdout)
    p = picture.lab.run(["ip", "netns", "exec", red.netns, "cat", "/etc/resolv.conf"], ok=0)
    check("nameserver 10.100.0.53" in p.stdout, p.stdout)
    equal(g.ctl("exec", red.name, "--", "nosuchcommand").returncode, 127, "a missing command")
    if shutil.which("ping"):  # ends by itself, unless its options say otherwise
        check(" 4 received" in g.ctl("ping", red.name, f"{TARGET}.{red.name}", ok=0).stdout, "four pings")
        check(" 1 received" in g.ctl("ping", red.name, TARGET, "-c1", ok=0).stdout, "one ping")


def test_unprivileged(picture):
    """Whom the sockets do not admit gets one line, not a crash; check and list still work."""
    red = picture.tailnet("red", 11080, ssh=False, serve=False)
    g = picture.gateway().start()
    g.wait_up()
    os.chmod(picture.lab.dir, 0o711)
    for words in (("down", red.name), ("events",), ("status",), ("peers", red.name)):
        p = picture.demon.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                               os.path.join(os.path.dirname(g.command()[0]), "tsgwctl"), "--run-dir",
                               g.run_dir, *words])
        check(p.returncode == 1 and "permission denied" in p.stderr, f"{words}: {p}")
        check(words[0] == "status" or len(p.stderr.strip().splitlines()) == 1, f"lines: {p.stderr}")
    equal(g.state(red), "up", "state")
