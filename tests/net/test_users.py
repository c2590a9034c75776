# SPDX-License-Identifier: MIT
"""users-file on a real gateway: passwd makes it, reload applies it, bad files break one tailnet."""
import json
import os
import pty
import stat

from lab import BUILD, check, equal, wait_for
from picture import PRIMARY, TARGET
from test_bad_input import good_and_bad


def passwd(g, t, *words, password=None):
    where = ["--run-dir", g.run_dir, "--config", g.config]
    return g.demon.run([os.path.join(BUILD, "tsgwctl"), *where, "passwd", t.name, *words],
                       stdin=password)


def typed(g, t, user, *lines):
    """At a terminal: what it prints, and its exit code."""
    args = [os.path.join(BUILD, "tsgwctl"), "--run-dir", g.run_dir, "--config", g.config, "passwd",
            t.name, user]
    pid, fd = pty.fork()
    if not pid:
        os.execv(args[0], args)
    said, asked = b"", 0
    while True:
        try:
            more = os.read(fd, 1000)
        except OSError:
            break
        if not more:
            break
        said += more
        if said.count(b": ") > asked and asked < len(lines) and said.endswith(b": "):
            os.write(fd, lines[asked] + b"\n")
            asked += 1
    os.close(fd)
    return said, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def ask(picture, t, user, *more):
    """What curl gets through the listener: the page, or its exit code."""
    at = f"{user}@" if user else ""
    p = picture.curl("-f", "-x", f"socks5h://{at}{PRIMARY}:{t.port}", *more,
                     f"http://{TARGET}:3000/u")
    return "page" if "you asked for /u" in p.stdout else p.returncode


def test_passwd(picture):
    """From nothing to a user, another, another password, nobody."""
    t = picture.tailnet("fgpu", 11080, ssh=False)
    t.keys.append(f"users-file = {t.name}.users")
    g = picture.gateway()
    path = os.path.join(os.path.dirname(g.config), f"{t.name}.users")
    p = g.run("--check")
    check(p.returncode == 2 and "tsgwctl passwd makes it" in p.stdout + p.stderr, p.stdout + p.stderr)

    equal(passwd(g, t, "bob", password="secret\n").returncode, 0, "passwd without a supervisor")
    st = os.stat(path)
    equal((stat.S_IMODE(st.st_mode), st.st_uid), (0o600, 0), "mode and owner")
    with open(path, "a", encoding="utf-8") as f:
        f.write("# kept\n\n")
    g.start()
    g.wait_up(t)
    equal(ask(picture, t, "bob:secret"), "page", "bob")
    equal((ask(picture, t, "bob:no"), ask(picture, t, "")), (97, 97), "others")
    p = picture.curl("-x", f"http://{PRIMARY}:{t.port}", f"http://{TARGET}:3000/u")
    check(p.stdout.startswith("407 Proxy Authentication Required"), p.stdout)

    said, code = typed(g, t, "alice", b"wonder land", b"wonder land")
    equal(code, 0, f"at a terminal: {said}")
    check(b"wonder" not in said and b"tsgwctl reload applies it" in said, f"echoed: {said}")
    equal(typed(g, t, "alice", b"one", b"two")[1], 1, "different ones")
    equal(ask(picture, t, "alice:wonder%20land"), 97, "before the reload")
    g.ctl("reload", ok=0)
    equal(wait_for(lambda: ask(picture, t, "alice:wonder%20land"), "alice"), "page", "after it")

    equal(passwd(g, t, "bob", password="other").returncode, 0, "bob's other password")
    equal(passwd(g, t, "alice", "--delete").returncode, 0, "alice goes")
    equal(passwd(g, t, "alice", "--delete").returncode, 1, "alice is gone")
    g.ctl("reload", ok=0)
    equal(ask(picture, t, "bob:other"), "page", "bob again")
    equal((ask(picture, t, "alice:wonder%20land"), ask(picture, t, "bob:secret")), (97, 97), "old ones")
    text = open(path, encoding="utf-8").read()
    check("# kept\n\n" in text and text.count("bob:") == 1 and "alice" not in text, text)
    stats = json.loads(g.ctl("status", t.name, "--json", ok=0).stdout)
    results = stats["tailnets"][0]["listener"]["results"]
    check(results["wrong_login"] >= 4 and results["no_login"] >= 2 and results["ok"] >= 3, results)

    for words, password, code in ((("b:b",), "x\n", 2), (("",), "x\n", 2), (("x" * 256,), "x\n", 2),
                                  (("bob",), "\n", 1), (("bob",), "", 1), (("bob",), "x" * 256, 1),
                                  (("bob",), "a\0b\n", 1), ((), "x\n", 2)):
        equal(passwd(g, t, *words, password=password).returncode, code, f"passwd {words}")
    equal(open(path, encoding="utf-8").read(), text, "refused ones changed nothing")
    equal(passwd(g, t, "bob", password="x" * 255).returncode, 0, "255 bytes")
    equal(g.ctl("passwd", "nowhere", "bob").returncode, 3, "no such tailnet")
    g.stop()


def test_no_users_file(picture):
    t = picture.tailnet("fgpu", 11080, ssh=False, serve=False, start=False)
    g = picture.gateway()
    p = passwd(g, t, "bob", password="secret\n")
    check(p.returncode == 1 and "users-file" in p.stderr, p.stderr)


def test_world_readable_users(picture):
    def spoil(g, t):
        path = os.path.join(os.path.dirname(g.config), t.name + ".users")
        t.keys.append(f"users-file = {t.name}.users")
        g.write_config()
        equal(passwd(g, t, "bob", password="secret\n").returncode, 0, "passwd")
        os.chmod(path, 0o644)
    good_and_bad(picture, spoil, "lets others read")


def test_bad_users_line(picture):
    def spoil(g, t):
        path = os.path.join(os.path.dirname(g.config), t.name + ".users")
        t.keys.append(f"users-file = {t.name}.users")
        g.write_config()
        equal(passwd(g, t, "bob", password="secret\n").returncode, 0, "passwd")
        with open(path, "a", encoding="utf-8") as f:
            f.write("carl:secret\n")
    good_and_bad(picture, spoil, ".users:2: this is no hash")
