# SPDX-License-Identifier: MIT
"""Bad input on a real start: each one clear line, the right exit code, nothing created or lost."""
import os
import socket

from lab import check, equal, inside
from picture import PRIMARY, check_page
from test_lifecycle import same, traces


def one_line(text, *words):
    lines = [line for line in text.splitlines() if all(w in line for w in words)]
    equal(len(lines), 1, f"lines with {words} in:\n{text}\n")
    return lines[0]


def good_and_bad(picture, spoil, *words, code=2):
    """A broken section beside a good one: --check says it and exits 2, a start runs the good one."""
    good = picture.tailnet("good", 11080, ssh=False)
    bad = picture.tailnet("bad", 11081, ssh=False, serve=False, start=False)
    g = picture.gateway()
    spoil(g, bad)
    p = g.run("--check")
    equal(p.returncode, code, f"exit code of --check: {p.stdout}{p.stderr}")
    line = one_line(p.stdout + p.stderr, *words)
    check(f"[tailnet {bad.name}]" in line or bad.name in line, f"names the tailnet: {line}")
    equal(g.ctl("check").returncode, code, "exit code of tsgwctl check")
    g.start()
    g.wait_up(good)
    check_page(picture, good)
    equal(g.state(bad), "failed", "state of the broken one")
    check(g.list()[bad.name]["reason"] != "", "it has a reason")
    check(not os.path.exists("/run/netns/" + bad.netns), "nothing was made for it")
    check(bad.link not in picture.demon.links(), "no link for it")
    equal(g.stop(), 0, "exit code after a stop")
    return g


def wg_file(g, t):
    return os.path.join(os.path.dirname(g.config), t.name + ".conf")


def test_world_readable_key(picture):
    good_and_bad(picture, lambda g, t: os.chmod(wg_file(g, t), 0o644), "lets others read")


def test_missing_wg_file(picture):
    good_and_bad(picture, lambda g, t: os.unlink(wg_file(g, t)), "bad", "No such file")


def test_wg_file_is_a_directory(picture):
    def spoil(g, t):
        os.unlink(wg_file(g, t))
        os.mkdir(wg_file(g, t))
    good_and_bad(picture, spoil, "wg-config")


def test_bad_key_in_wg_file(picture):
    def spoil(g, t):
        picture.lab.file(os.path.relpath(wg_file(g, t), picture.lab.dir),
                         t.wg_quick().replace(t.private, "nokey"))
    good_and_bad(picture, spoil, "PrivateKey")


def test_post_up_is_refused(picture):
    def spoil(g, t):
        picture.lab.file(os.path.relpath(wg_file(g, t), picture.lab.dir),
                         t.wg_quick().replace("[Interface]", "[Interface]\nPostUp = touch /tmp/x"))
    good_and_bad(picture, spoil, "PostUp")


def test_port_twice(picture):
    """The second section with the port is the broken one."""
    def spoil(g, t):
        t.port = 11080
        g.write_config()
    good_and_bad(picture, spoil, "port")


def test_unknown_key(picture):
    def spoil(g, t):
        t.keys = ["colour = red"]
        g.write_config()
    good_and_bad(picture, spoil, "colour")


def test_gateway_section_broken(picture):
    """An error in [gateway] ends a start with 2, and nothing is made."""
    picture.tailnet("red", 11080, ssh=False, serve=False, start=False)
    g = picture.gateway(pool="nonsense", gateway_keys=["nosuchkey = 1"])
    before = traces(picture)
    p = g.run()
    equal(p.returncode, 2, f"exit code: {p.stderr}")
    one_line(p.stderr, "nosuchkey")
    same(before, traces(picture), "after a refused start")
    p = g.run("--check")
    equal(p.returncode, 2, "exit code of --check")
    for word in ("nosuchkey", "nonsense"):
        one_line(p.stdout + p.stderr, word)


def test_no_configuration(picture):
    g = picture.gateway([])
    os.unlink(g.config)
    p = g.run()
    equal(p.returncode, 2, f"exit code: {p.stderr}")
    one_line(p.stderr, "tsgw.ini")


def test_usage(picture):
    g = picture.gateway([])
    for args in (("--nosuch",), ("stray",), ("--tailnet",), ("--log-level", "shrill"),
                 ("--tailnet", "nosuch")):
        p = g.run(*args)
        equal(p.returncode, 2, f"exit code of {args}: {p.stderr}")
        check(p.stderr.strip() != "", f"{args} says why")
    for word in ("--help", "--version"):
        p = g.run(word)
        equal(p.returncode, 0, word)
        check(p.stdout.strip() != "", f"{word} prints")


def test_no_tun(picture):
    """No /dev/net/tun: the tailnet fails with that reason, and nothing is left of it."""
    t = picture.tailnet("red", 11080, ssh=False, serve=False)
    g = picture.gateway()
    before = traces(picture)
    g.start(ready=False, wrap=["unshare", "-m", "sh", "-c",
                               'mount -t tmpfs none /dev/net && exec "$@"', "sh"])
    g.process.wait_line("/dev/net/tun")
    g.wait_state(t, "failed")
    check("/dev/net/tun" in g.list()[t.name]["reason"], f"reason: {g.list()[t.name]['reason']}")
    check(t.link not in picture.demon.links(), "no link stays behind")
    g.stop()
    same(before, traces(picture), "afterwards")


def as_nobody(g, *args):
    return g.demon.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                        *g.command(*args)])


def open_to_all(picture, g):
    for path in (picture.lab.dir, os.path.dirname(os.path.dirname(g.config)),
                 os.path.dirname(g.config)):
        os.chmod(path, 0o755)
    os.chmod(g.config, 0o644)


def test_not_root(picture):
    """Without root: one line, exit 1, nothing made."""
    picture.tailnet("red", 11080, ssh=False, serve=False, start=False)
    g = picture.gateway()
    open_to_all(picture, g)
    os.chown(wg_file(g, picture.tailnets[0]), 65534, 65534)
    p = as_nobody(g)
    equal(p.returncode, 1, f"exit code: {p.stderr}")
    equal(len(p.stderr.strip().splitlines()), 1, f"lines: {p.stderr}")
    check("root" in p.stderr, p.stderr)


def test_check_unprivileged(picture):
    """--check works for anybody; a key that cannot be read is reported as such."""
    t = picture.tailnet("red", 11080, ssh=False, serve=False, start=False)
    g = picture.gateway()
    open_to_all(picture, g)
    p = as_nobody(g, "--check")
    equal(p.returncode, 2, f"exit code: {p.stdout}{p.stderr}")
    one_line(p.stdout + p.stderr, t.name + ".conf", "ermission denied")
    os.chown(wg_file(g, t), 65534, 65534)
    p = as_nobody(g, "--check")
    equal(p.returncode, 0, f"exit code: {p.stdout}{p.stderr}")
    for word in (t.netns, "wg0", "11080"):
        check(word in p.stdout, f"{word} in the steps:\n{p.stdout}")
    before = traces(picture)
    p = g.run("--check")
    equal(p.returncode, 0, "exit code of root's --check")
    same(before, traces(picture), "after --check")


def test_address_family_mix_ups(picture):
    """An IPv6 prefix length on IPv4, a [hosts] address of nowhere: said, not swallowed."""
    t = picture.tailnet("red", 11080, ssh=False, serve=False)
    g = picture.gateway(hosts={t.name: [("web", "10.100.10.999")]})
    p = g.run("--check")
    equal(p.returncode, 2, f"exit code: {p.stdout}")
    one_line(p.stdout + p.stderr, "web")
    t.wg_text = t.wg_quick().replace("Address = 10.77.0.2/32", "Address = 10.77.0.2/64")
    g.hosts = {}
    g.write_config()
    p = g.run("--check")
    equal(p.returncode, 2, f"exit code: {p.stdout}")
    one_line(p.stdout + p.stderr, "Address")


def test_unwritable_state(picture):
    """A state directory that cannot be made: one line, exit 1."""
    picture.tailnet("red", 11080, ssh=False, serve=False, start=False)
    g = picture.gateway()
    picture.lab.file("plain", "x")
    g.state_dir = os.path.join(picture.lab.dir, "plain/state")
    before = traces(picture)
    p = g.run()
    equal(p.returncode, 1, f"exit code: {p.stderr}")
    one_line(p.stderr, "plain/state")
    same(before, traces(picture), "after a refused start")


def test_port_is_taken(picture):
    """Something else has the listener's port: degraded with the reason, served once it is free."""
    t = picture.tailnet("red", 11080, ssh=False)
    t.keys = ["ready-timeout = 1"]
    with inside(picture.demon):
        taken = socket.create_server((PRIMARY, 11080))
    with taken:
        g = picture.gateway().start()
        g.wait_state(t, "degraded")
        check("11080" in g.list()[t.name]["reason"], f"reason: {g.list()[t.name]['reason']}")
    g.wait_up(timeout_s=60)
    check_page(picture, t)
