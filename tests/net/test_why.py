# SPDX-License-Identifier: MIT
"""tsgwctl why: every hop broken once, and what it says to do."""
import json
import os
import signal
import socket
import threading

import run
from lab import BUILD, check, equal, inside, wait_for
from picture import MAC, SILENT, STRANGER, TARGET, UNREACHABLE

HOPS = ["name", "dns", "tailnet", "listener", "route", "handshake", "connect", "first-byte"]


def why(g, target, *options, code=None):
    p = g.ctl("why", target, "--json", *options)
    check(p.returncode in (0, 1), f"why {target}: exit {p.returncode} {p.stderr}")
    told = json.loads(p.stdout)
    equal(p.returncode, 0 if told["ok"] else 1, f"exit code of why {target}: {told}")
    check(all({"what", "result", "text", "advice", "ms"} <= set(h) for h in told["hops"]), told)
    return told


def works(g, target, *options, hops=None, **wanted):
    told = why(g, target, *options)
    check(told["ok"], f"why {target}: {told}")
    equal([h["what"] for h in told["hops"]], hops or HOPS, f"hops to {target}")
    check(all(h["result"] == "ok" for h in told["hops"]), f"all well on the way to {target}: {told}")
    for key, value in wanted.items():
        equal(told[key], value, key)
    return told


def broken(g, target, where, *options, text="", advice=""):
    told = why(g, target, *options)
    equal(told["broken"], where, f"where {target} is broken: {told}")
    last = told["hops"][-1]
    equal((last["what"], last["result"]), (where, "fail"), "it stops at the first broken hop")
    check(text in last["text"], f"{text!r} in {last['text']!r}")
    check(told["advice"] and advice in told["advice"], f"{advice!r} in {told['advice']!r}")
    equal(told["advice"], last["advice"], "advice")
    human = g.ctl("why", target, *options)
    equal(human.returncode, 1, "exit code")
    check(last["text"] in human.stdout and told["advice"] in human.stdout.splitlines()[-1], human.stdout)
    return told


def test_all_well(picture):
    red = picture.tailnet("red", 11080)
    blue = picture.tailnet("blue", 11081, ssh=False)
    g = picture.gateway(hosts={red.name: [("grafana", TARGET)]}).start()
    g.wait_up()
    told = works(g, f"{TARGET}.{red.name}:3000", tailnet=red.name)
    check("HTTP/1." in told["hops"][-1]["text"], told["hops"][-1])
    works(g, f"http://grafana.{red.name}:3000/x?y=1#z", tailnet=red.name)
    works(g, f"10-100-10-141.{blue.name}:3000", tailnet=blue.name)
    told = works(g, f"ssh://root@{TARGET}.{red.name}", tailnet=red.name)
    check("SSH-2.0-" in told["hops"][-1]["text"], told["hops"][-1])
    # without a port the usual ones are tried: there is an sshd in red, and nothing in blue
    works(g, f"{TARGET}.{red.name}", tailnet=red.name)
    told = works(g, f"{TARGET}.{blue.name}", hops=HOPS[:-1])
    check("refuses" in told["hops"][-1]["text"], told["hops"][-1])
    # a bare address that both have, and one with the tailnet beside it; a bare name of [hosts]
    broken(g, f"{TARGET}:3000", "name", text=f"{red.name},{blue.name}", advice=f"--in={blue.name}")
    works(g, f"{TARGET}:3000", "--in", red.name, hops=[h for h in HOPS if h != "dns"])
    works(g, "grafana:3000", hops=[h for h in HOPS if h != "dns"], tailnet=red.name)
    human = g.ctl("why", f"{TARGET}.{red.name}:3000", ok=0).stdout
    check("\x1b" not in human and " ms)" in human and human.endswith(": it works\n"), human)


def test_names(picture):
    """What the name alone shows: no such suffix, another tailnet's, an ambiguous one, the suffix itself."""
    red = picture.tailnet("red", 11080, ssh=False)
    blue = picture.tailnet("blue", 11081, ssh=False, serve=False)
    g = picture.gateway().start()
    g.wait_up()
    broken(g, f"{TARGET}.x{red.name}:3000", "name", advice=f"{TARGET}.{red.name}")
    broken(g, "www.example.com", "name", text="under no suffix", advice=red.name)
    broken(g, f"gpu1.{blue.name}", "name", "--in", red.name, text=f"tailnet {blue.name}", advice="11081")
    broken(g, f"{red.name}.", "name", text="the suffix itself", advice="NAME.")
    broken(g, "gpu1", "name", advice=red.name)
    broken(g, f"nosuch.{red.name}:80", "dns", text="no such name", advice="[hosts")
    for bad, word in (("", "neither"), ("a b", "blank"), ("foo://x", "scheme"), ("[::1", "IPv6"),
                      ("gpu1:http", "port"), ("gpu1:0", "port"), ("..", "neither")):
        p = g.ctl("why", bad)
        equal((p.returncode, len(p.stderr.splitlines())), (2, 1), f"why {bad!r}: {p.stderr}")
        check(word in p.stderr, f"{word} in {p.stderr}")
    equal(g.ctl("why", "gpu1", "--in=nosuch").returncode, 3, "an unknown tailnet")
    equal(g.ctl("why", "gpu1", "--from=here").returncode, 2, "an unknown client")
    equal(g.ctl("why").returncode, 2, "nothing to reach")


def test_tailnet_and_listener(picture):
    """Nothing runs; down; failed; the primary is missing; a client outside allow."""
    red = picture.tailnet("red", 11080, ssh=False)
    target = f"{TARGET}.{red.name}:3000"
    g = picture.gateway(gateway_keys=["allow = 100.64.0.0/10, 127.0.0.0/8"])
    broken(g, target, "tailnet", text="nothing runs", advice="systemctl enable --now tsgw@")
    g.start().wait_up()
    works(g, target, "--from", MAC)
    broken(g, target, "listener", "--from", STRANGER, text="does not admit", advice="[gateway]")
    g.ctl("down", red.name, ok=0)
    broken(g, target, "tailnet", text="is down", advice=f"tsgwctl up {red.name}")
    g.ctl("up", red.name, ok=0)
    works(g, target)
    picture.demon.ip("link set tailscale0 down", "link del tailscale0")
    wait_for(lambda: not g.list()[red.name]["listen"], "the listener is gone")
    broken(g, target, "listener", text="tailscale0", advice="primary")
    g.stop()
    red.keys = ["mtu = 7"]
    g.write_config()
    broken(g, target, "tailnet", text="mtu", advice="Correct that line")


@run.deadline(240)
def test_route_and_peer(picture):
    """Not routed (but elsewhere); never reachable; the peer dead; the peer that never called."""
    red = picture.tailnet("red", 11080, ssh=False)
    blue = picture.tailnet("blue", 11081, ssh=False, serve=False)
    blue.wg_text = "\n".join(("[Interface]", f"PrivateKey = {blue.private}", "Address = 10.77.0.2/32",
                              blue.peer.section("172.20.0.0/16", endpoint=False)))
    g = picture.gateway().start()
    g.wait_up(red)
    broken(g, f"172.20.1.1.{red.name}", "route", text="172.20.1.1", advice=f"172.20.1.1.{blue.name}")
    broken(g, f"192.168.7.7.{red.name}:80", "route", text="AllowedIPs", advice=f"{red.name}.conf")
    broken(g, "127.0.0.1:80", "route", "--in", red.name, text="no tailnet may be asked")
    broken(g, "fd00::1", "route", "--in", red.name, text="no IPv6", advice="IPv4")
    broken(g, f"172.20.1.1.{blue.name}:80", "handshake", text="never called", advice="Endpoint")
    red.peer.process.send(signal.SIGKILL)
    g.ctl("why", f"{TARGET}.{red.name}:3000")  # something that wants an answer
    wait_for(lambda: json.loads(g.ctl("peers", red.name, "--json").stdout)[0]["state"] == "down",
             "the peer is seen to be down", 60)
    broken(g, f"{TARGET}.{red.name}:3000", "handshake", text="no answer", advice=red.peer.endpoint)


@run.deadline(240)
def test_far_end(picture):
    """Port closed, host silent, host unreachable; a service that says nothing, hangs up, speaks otherwise."""
    red = picture.tailnet("red", 11080, ssh=False)
    red.keys = ["connect-timeout = 2 s"]
    g = picture.gateway().start()
    g.wait_up()
    broken(g, f"{TARGET}.{red.name}:3001", "connect", text="refused", advice="Start the service")
    broken(g, f"{SILENT}.{red.name}:80", "connect", text="no answer", advice="firewall")
    broken(g, f"{UNREACHABLE}.{red.name}:80", "connect", text="cannot be reached", advice="tsgwctl ping")
    broken(g, f"{SILENT}.{red.name}", "connect", text="no answer")
    with inside(red.peer.ns):
        mute = socket.create_server((TARGET, 8080))
        rude = socket.create_server((TARGET, 8081))
        quiet = socket.create_server((TARGET, 5432))
    broken(g, f"http://{TARGET}.{red.name}:8080/", "first-byte", text="no byte", advice="doctor")
    told = works(g, f"{TARGET}.{red.name}:5432")
    check("waits to be spoken to" in told["hops"][-1]["text"], told)

    def hang_up():
        while True:
            try:
                rude.accept()[0].close()
            except OSError:
                return
    threading.Thread(target=hang_up, daemon=True).start()
    broken(g, f"http://{TARGET}.{red.name}:8081/", "first-byte")
    told = why(g, f"https://{TARGET}.{red.name}:3000")  # a web server without TLS
    check(told["hops"][-1]["what"] == "first-byte", told)
    for s in (mute, rude, quiet):
        s.close()


def test_real_tls(picture):
    """The hello is one that a real TLS server answers."""
    red = picture.tailnet("red", 11080, ssh=False)
    key, cert = (os.path.join(picture.lab.dir, n) for n in ("tls.key", "tls.crt"))
    picture.lab.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=x", "-days", "9"], ok=0)
    server = red.peer.ns.spawn(["openssl", "s_server", "-accept", f"{TARGET}:443", "-key", key, "-cert",
                                cert, "-www", "-quiet", "-naccept", "9"], "s_server")
    g = picture.gateway().start()
    g.wait_up()
    told = wait_for(lambda: (lambda t: t["ok"] and t)(why(g, f"https://{TARGET}.{red.name}/")),
                    "the TLS server is up")
    check("answers with TLS" in told["hops"][-1]["text"], told)
    server.forgiven = True


def test_password_and_unprivileged(picture):
    """The host's inner listener wants no password; who may not ask the supervisor still gets an answer."""
    red = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    os.chmod(picture.lab.dir, 0o755)
    for path in (g.config, os.path.dirname(g.config), os.path.dirname(os.path.dirname(g.config))):
        os.chmod(path, 0o755 if os.path.isdir(path) else 0o644)
    command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
               os.path.join(BUILD, "tsgwctl"), "--run-dir", g.run_dir, "--config", g.config, "why",
               f"{TARGET}.{red.name}:3000", "--json"]
    p = picture.demon.run(command)
    told = json.loads(p.stdout)
    check(told["ok"], f"{told} {p.stderr}")
    results = {h["what"]: h["result"] for h in told["hops"]}
    equal((results["tailnet"], results["connect"], results["first-byte"]), ("skip", "ok", "ok"), told)
    check("root" in next(h["text"] for h in told["hops"] if h["what"] == "tailnet"), told)
