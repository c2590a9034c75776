# SPDX-License-Identifier: MIT
"""node = stock under the unit as it is installed: its filter of system calls, namespaces, devices and capabilities.

    mac ── home0 ── demon: Debian, tsgw@fgpu (tailscaled, pasta) ── eth0 ── internet: control, relay ── gpu1
"""
import contextlib
import os
import shutil
import sys

import image
from client import connect, socks5
from lab import check, equal, tool, wait_for
from machine import Machine, told
from run import deadline

sys.path.insert(2, os.path.join(image.ROOT, "tests/tailnet"))
import tailnet  # noqa: E402
from test_engine import PRIMARY, Small  # noqa: E402
from world import INNER, TARGET  # noqa: E402

# what the node and its uplink run in there
FOREIGN = ("tailscaled", "pasta", "passt.avx2", "pasta.avx2", "tsgw-")


def give_programs(m):
    """tailscaled, tailscale and pasta, none of which the package brings."""
    shutil.copy2(tailnet.programs()["tailscaled"], m.path("/usr/sbin/tailscaled"))
    shutil.copy2(tailnet.programs()["tailscale"], m.path("/usr/bin/tailscale"))
    pasta = tool("pasta")
    for path in (pasta, pasta + ".avx2"):
        if os.path.exists(path):
            shutil.copy2(path, m.path("/usr/bin/" + os.path.basename(path)))


def left(m):
    return [name for name in m.out("ps -eo comm=").split() if name.startswith(FOREIGN)]


@deadline(300)
def test_stock_node(lab):
    """Joined by a key that is a credential; a restart and a reboot keep the node; a stop leaves nothing."""
    w = Small(lab)
    key = w.control.key(reusable=False)
    t = w.joined(key="", name="fgpu", tailscaled_path=None)
    lab.tailnet_names.discard("fgpu")
    with told(Machine(w, "bookworm")) as m:
        give_programs(m)
        m.tailnets.append(t)
        m.configure(primary=PRIMARY)
        m.write("/root/fgpu.key", key + "\n", 0o600)
        m.write("/etc/systemd/system/tsgw@fgpu.service.d/key.conf",
                "[Service]\nLoadCredential=auth-key.fgpu:/root/fgpu.key\n")
        m.systemctl("daemon-reload")
        m.systemctl("enable", "--now", "tsgw@fgpu")
        m.wait_state("fgpu", "up", timeout_s=60)
        row = m.list()["fgpu"]
        check(INNER in row["addresses"], f"its address: {row}")
        w.check_page(t, TARGET)
        w.check_page(t, TARGET + ".fgpu")
        check({"tailscaled", "pasta"} <= {n.replace(".avx2", "").replace("passt", "pasta") for n in left(m)},
              f"what runs: {left(m)}")
        check(INNER in m.out("ip netns exec tsgw-fgpu ip -br addr"), "its address through the pin")
        check(INNER in m.out("tailscale --socket=/run/tsgw/fgpu/tailscaled.sock status"), "as the manual has it")
        wanted = w.control.node("demon-fgpu")["id"]
        held = connect(w.mac, PRIMARY, t.port)
        equal(socks5(held, TARGET, 3000), 0, "a connection that stays open")
        m.systemctl("restart", "tsgw@fgpu")
        with contextlib.suppress(ConnectionResetError):
            equal(held.recv(1), b"", "nobody takes a stock node over: the connection ends")
        held.close()
        m.wait_state("fgpu", "up", timeout_s=60)
        w.check_page(t, TARGET)
        m.systemctl("kill", "-s", "KILL", "--kill-whom=main", "tsgw@fgpu")
        wait_for(lambda: m.show("tsgw@fgpu", "NRestarts") == "1", "it is started again")
        m.wait_state("fgpu", "up", timeout_s=60)
        w.check_page(t, TARGET)
        # the key was for once: the node is the one that it was
        m.reboot()
        m.wait_state("fgpu", "up", timeout_s=60)
        w.check_page(t, TARGET)
        equal(w.control.node("demon-fgpu")["id"], wanted, "the node, as its administrator sees it")
        journal = m.out("journalctl -q --no-pager")
        check(key not in journal, "the key is in the journal")
        check("Operation not permitted" not in m.journal("tsgw@fgpu"), m.journal("tsgw@fgpu"))
        m.systemctl("stop", "tsgw@fgpu", "tsgw")
        wait_for(lambda: not left(m), lambda: f"no process: {left(m)}")
        equal(m.out("ip -br link | grep tsgw- || true"), "", "links")
        equal(m.out("ls /run/netns"), "", "namespaces")
        equal(m.out("find /run/tsgw -name '*.sock' -o -name made"), "", "sockets and records")
        equal(m.out("systemctl --failed --no-legend --plain").strip(), "", "failed units")
