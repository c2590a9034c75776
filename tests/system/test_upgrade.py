# SPDX-License-Identifier: MIT
"""What runs goes on: across systemctl restart and apt upgrade an ssh session and a download of a gibibyte."""
import hashlib
import os
import subprocess

from image import VERSION_2
from lab import check, equal, wait_for
from machine import Machine, told
from picture import PRIMARY, TARGET, check_page
from run import deadline

SIZE = 1 << 30


def open_sshd(picture, t):
    """The peer's sshd, without the command that ends every session at once."""
    t.peer.sshd.stop()
    path = os.path.join(picture.lab.dir, f"ssh/{t.peer.name}.conf")
    with open(path, encoding="utf-8") as f:
        text = "\n".join(line for line in f.read().splitlines() if "ForceCommand" not in line)
    picture.lab.file(f"ssh/{t.peer.name}.conf", text + "\n")
    t.peer.sshd = t.peer.ns.spawn(
        ["unshare", "-m", "--propagation", "private", "sh", "-c", "mount -t tmpfs none /run && mkdir -m 755 /run/sshd "
         f"&& exec /usr/sbin/sshd -D -e -f {path}"], name="sshd")
    t.peer.sshd.wait_line("Server listening on")


class Session:
    """A person at an ssh session: what is typed comes back."""

    def __init__(self, picture, t):
        self.p = picture.mac.spawn(
            ["ssh", "-i", picture.ssh_key(), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
             f"ProxyCommand=nc -X 5 -x {PRIMARY}:{t.port} %h %p", f"root@{TARGET}.{t.name}", "cat"],
            name="ssh", stdin=subprocess.PIPE)

    def type(self, text):
        self.p.popen.stdin.write(text.encode() + b"\n")
        self.p.popen.stdin.flush()
        self.p.wait_line(f"^{text}$", 40)

    def end(self):
        self.p.popen.stdin.close()
        return self.p.wait()


@deadline(400)
def test_nothing_drops(picture, release):
    with told(Machine(picture, release)) as m:
        fgpu, = m.add("fgpu", engine="tsgw-wg")
        m.configure()
        m.systemctl("enable", "--now", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        open_sshd(picture, fgpu)
        ssh = Session(picture, fgpu)
        ssh.type("before")
        load = picture.mac.spawn(
            ["sh", "-c", f"curl -sS --noproxy '' --limit-rate 24M --socks5-hostname {PRIMARY}:{fgpu.port} "
             f"http://{TARGET}.fgpu:3000/bytes/{SIZE} | sha256sum"], name="download")
        first = m.show("tsgw@fgpu", "MainPID")
        m.systemctl("restart", "tsgw@fgpu")
        second = m.show("tsgw@fgpu", "MainPID")
        check(second not in (first, "0"), "it was restarted")
        ssh.type("after the restart")
        check(load.alive(), f"the download runs on: {load.log()}")
        m.publish(2)
        m.apt("update")
        m.apt("upgrade")
        wait_for(lambda: m.show("tsgw@fgpu", "MainPID") not in (second, "0"), "the upgrade restarts it")
        check(VERSION_2 in m.out("tsgwd --version"), "the higher version")
        ssh.type("after the upgrade")
        check(load.alive(), f"the download runs across the upgrade: {load.log()}")
        m.wait_state("fgpu", "up")
        check_page(picture, fgpu)
        equal(load.wait(120), 0, "the download's exit code")
        zeros = hashlib.sha256()
        for _ in range(SIZE >> 20):
            zeros.update(bytes(1 << 20))
        equal(load.log().split()[0], zeros.hexdigest(), "the download's hash")
        ssh.type("and still")
        equal(ssh.end(), 0, "the session's exit code")
        # a stop is no restart: everything goes
        m.systemctl("stop", "tsgw@fgpu")
        check(not m.exists("/run/netns/tsgw-fgpu"), "the pin")
        equal([p for p in m.out("ps -eo comm").split() if p in ("tsgw-wg", "tsgw-proxy")], [], "workers")
