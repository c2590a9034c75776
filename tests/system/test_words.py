# SPDX-License-Identifier: MIT
"""The commands of README.md and of the manual pages, run as they are written, on an installed gateway.

A command is looked up in COMMANDS: where it runs, or why it cannot and which test does it instead. One that is not
there fails the test, and so does whatever a manual page displays that is neither a command nor listed in DISPLAYED.
"""
import glob
import os
import re

import image
from lab import check
from machine import Machine, told
from picture import PRIMARY, TARGET
from run import deadline

PROGRAM = re.compile(r"(\$ |# )?(sudo |make |systemd-sysusers |COREDNS=|tsgwctl |tsgwd( |$)|curl |ssh |git |export |dig|"
                     r"psql|nc |systemctl|systemd-creds |journalctl|wg |WG_|modprobe|ip |sbin/tsgwd|tailscale )")
# what manual pages set apart from their text and is no command: pieces of files, and what commands print
DISPLAYED = re.compile(
    r"""\[\w|.*\]|[\w-]+\s+=\s|Host\s|\tProxyCommand|FILE:LINE|NAME\s+STATE|fgpu\s+up\s|(ok|fail)\s+\w+\s|\s*->\s|"""
    r"""\s{4,}|\\&\.\.\.|\tnotify|done$|To log home in|\thttps://login|home is |[;#]|\s*$""")
# (what it looks like, "gateway" or "mac" where it runs, else the reason)
COMMANDS = (
    (r"apt-get|make (deps|demo|install)", "installs on the machine that builds; CI's first step, and the package's tests"),
    (r"^(COREDNS=yes )?make ", "in the tree of the sources, not on a gateway; `make check` and the packages' tests"),
    (r"install -m 600 fgpu.conf", "gateway"),
    (r"^systemd-sysusers", "gateway"),
    (r"systemctl enable --now", "gateway"),
    (r"/etc/resolver", "macOS; tests/net/test_stub_resolvers.py has what Linux can stand in for"),
    (r"^curl -x socks5h://bob:…@", "only the beginning of a command; tests/net/test_users.py"),
    (r"^curl ", "mac"),
    (r"^dig ", "mac"),
    (r"^export ALL_PROXY", "mac"),
    (r"git config --global http", "mac"),
    (r"ProxyCommand|^nc ", "a line of ssh_config; tests/net/test_ctl_real.py and test_clients.py"),
    (r"psql", "tests/net/test_forward.py with a real PostgreSQL"),
    (r"modprobe", "the kernel of the host"),
    (r"^sbin/tsgwd", "of the tarball; tests/system/test_package.py"),
    (r"^tailscale --socket", "needs a tailnet of Tailscale; tests/system/test_tailnet.py"),
    (r"^ip netns exec tsgw-fgpu$|^wg set$", "only the beginning of a command; tests/system/test_start.py, "
     "tests/net/test_wg_uapi.py"),
    (r"^systemctl (restart|stop)$", "a name in a sentence; tests/system/test_resume.py"),
    (r"^wg (genkey|genpsk|show )|^journalctl |^tsgwd --check$", "gateway"),
    (r"WG_QUICK_USERSPACE|^wg set wgl|IFNAME|wgl( |$)", "tests/net/test_wg_alone.py"),
    (r"tsgwctl (events|logs|ping)", "never ends; tests/net/test_events.py, test_ctl_real.py"),
    (r"tsgwctl import", "needs a tree of tsproxy; tests/net/test_import.py"),
    (r"tsgwctl (login|logout|tailscale|add (home|work))", "needs a tailnet of Tailscale; tests/tailnet/test_engine.py"),
    (r"tsgwctl passwd", "asks at a terminal; tests/net/test_users.py"),
    (r"^tsgwctl ping$|^tsgwctl add$|^tsgwctl nc", "a name in a sentence; tests/net/test_ctl_real.py"),
    (r"^tsgwctl add lab", "gateway"),
    (r"^tsgwctl remove lab", "gateway"),
    (r"^tsgwctl remove", "would take away what the rest needs; tests/net/test_add.py"),
    (r"^tsgwctl client-config .*--install", "asks at a terminal; tests/net/test_cards.py"),
    (r"^tsgwctl (list|status|check|wait|exec|why|reload|doctor|ip|peers|clients|help|client-config|up|down|restart)\b", "gateway"),
    (r"^tsgwd( --config /etc/tsgw-lab.*)?$", "runs until it is ended; tests/net/test_gateway.py, test_lifecycle.py"),
)


def plain(line):
    line = re.sub(r"^\s*(\$ |# )?(sudo )?", "", line.strip())
    line = re.sub(r"\\\(dq", '"', line).replace("\\e", "\\").replace("\\-", "-")
    line = re.sub(r"&& sudo ", "&& ", line)
    for word, value in (("COMMAND", "true"), ("HOST", TARGET), ("NAME", "fgpu"), ("KIND", "ssh"),
                        ("TARGET", "http://10.100.10.141.fgpu:3000/"), ("Ar link", "tsgw-fgpu"), ("name.fgpu", TARGET + ".fgpu")):
        line = line.replace(word, value)
    return line


def readme():
    with open(os.path.join(image.ROOT, "README.md"), encoding="utf-8") as f:
        text = f.read()
    for block in re.findall(r"(?ms)^ *```sh\n(.*?)^ *```", text):
        yield from (("README", line) for line in block.replace("\\\n", " ").splitlines() if line.strip())
    # those in sentences and in tables, but for what stands indented: drawings
    text = re.sub(r"(?ms)^ *```.*?^ *```|^    .*?$", "", text)
    for c in re.findall(r"`([^`]+)`", text):
        c = " ".join(c.split())
        if PROGRAM.match(c):
            yield "README", c


def displayed(text):
    """Lines that stand apart from the text: .Dl and literal blocks."""
    yield from re.findall(r"(?m)^\.Dl (.*)$", text)
    for block in re.findall(r"(?ms)^\.Bd -literal.*?\n(.*?)^\.Ed", text):
        yield from block.replace("\\e\n", " ").splitlines()


def manuals():
    for path in sorted(glob.glob(image.ROOT + "/man/*.[158]")):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for line in displayed(text):
            if PROGRAM.match(line.strip()):
                yield os.path.basename(path), line
            else:
                check(DISPLAYED.match(line), f"{path}: neither a command nor in DISPLAYED: {line!r}")
        # and those in sentences
        for line in re.findall(r"(?m)^\.Ql (.*?)(?: [,.:;)]+)*$", text):
            if PROGRAM.match(line.strip('"')):
                yield os.path.basename(path), line.strip('"')


def test_reasons_are_true():
    """Whoever is exempt names a test that is there, or says why there is none."""
    for pattern, how in COMMANDS:
        check(how in ("gateway", "mac") or len(how) > 15, f"{pattern}: no reason")
        for name in re.findall(r"tests/[\w/]+\.py", how):
            check(os.path.exists(os.path.join(image.ROOT, name)), f"{pattern}: there is no {name}")


def judge(m, picture, where, command):
    """None, or what is wrong."""
    how = next((h for pattern, h in COMMANDS if re.search(pattern, command)), None)
    command = command.split("| jq")[0]
    if how == "gateway":
        p = m.run(["sh", "-c", "cd /root && " + command])
    elif how == "mac":
        p = picture.mac.run(["sh", "-c", "cd /tmp && HOME=/tmp; export HOME; " + command.replace("demon", PRIMARY)],
                            env={"GIT_CONFIG_GLOBAL": picture.lab.dir + "/gitconfig", "no_proxy": "", "NO_PROXY": ""})
    elif how:
        return None
    else:
        return f"{where}: {command}: neither run nor says COMMANDS why not"
    if p.returncode:
        return f"{where}: {command}: exit {p.returncode} {p.stdout[-300:]}{p.stderr[-300:]}"
    return None


@deadline(300)
def test_every_command(picture):
    with told(Machine(picture, "bookworm")) as m:
        fgpu, lab = m.add("fgpu", "lab", ssh=False)
        m.tailnets.remove(lab)  # is added by a command
        m.configure(extra="[hosts fgpu]\ngrafana = 10.100.10.141\n")
        m.write("/root/fgpu.conf", fgpu.wg_quick(), 0o600)
        m.write("/root/lab.conf", lab.wg_quick(), 0o600)
        m.systemctl("enable", "--now", "tsgw@fgpu")
        m.wait_state(fgpu, "up")
        found = list(dict.fromkeys((where, plain(line)) for where, line in [*readme(), *manuals()]))
        check(len(found) > 20, f"commands: {found}")
        wrong = [w for w in (judge(m, picture, where, c) for where, c in found) if w]
        check(not wrong, "\n".join(wrong))
        print(f"# {len(found)} commands")
