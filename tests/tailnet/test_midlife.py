# SPDX-License-Identifier: MIT
"""What happens to a tailnet that was up: its control server or relay goes, its clock or certificate is wrong.

    demon: tsgwd on 127.0.0.1 ─┬─ internet: control, relay of the first ── gpu1 ── 10.100.0.0/16
                               └─ and of the second, which does not notice
"""
from lab import check, equal, wait_for
from run import deadline
from test_failures import Small
from world import Joined, Tailnet

DAY_S = 86400


class Two(Small):
    """Another tailnet beside it."""

    def start(self, up=True, **values):
        self.other = Joined(Tailnet(self.net.control(), "lab"), 11081, hostname="demon")
        self.t = Joined(Tailnet(self.control, "fgpu"), 11080, hostname="demon", **values)
        self.g = self.host.gateway([self.t, self.other]).start()
        if up:
            self.g.wait_up()
        return self

    def check_other(self):
        row = self.g.list()[self.other.name]
        equal((row["state"], row["reason"]), ("up", ""), "the other tailnet")


@deadline(180)
def test_control_server_gone(lab):
    """Said within seconds; what is known goes on, the other tailnet does not notice, and it heals by itself."""
    s = Two(lab).start()
    s.check_page()
    s.control.running(False)
    s.wait("degraded", "login server is not reached", 40)
    s.check_page()
    s.check_other()
    s.control.running(True)
    s.wait("up", timeout_s=90)
    equal(s.row()["reason"], "", "reason")


@deadline(400)
def test_control_server_swallows_everything(lab):
    """No refusal and no answer: the node itself notices after two minutes of silence, and its own words are passed on."""
    s = Two(lab).start()
    s.check_page()
    at = s.control.url.rsplit("/", 1)[-1].split(":")
    s.net.ns.run(["nft", f"add table ip hole; add chain ip hole in {{ type filter hook prerouting priority -300; }}; "
                  f"add rule ip hole in ip daddr {at[0]} tcp dport {at[1]} drop"], ok=0)
    s.wait("degraded", "server", 240)  # "coordination server" or our "login server"
    s.check_page()
    s.check_other()
    s.net.ns.run(["nft", "delete table ip hole"], ok=0)
    s.wait("up", timeout_s=120)


@deadline(180)
def test_relay_gone(lab):
    s = Two(lab).start()
    s.check_page()
    s.gpu.ping("demon", until_direct=True)
    s.control.post("derp", running=False)
    s.wait("degraded", "relay", 60)
    s.check_page()
    s.check_other()
    s.control.post("derp", running=True)
    s.wait("up", timeout_s=60)


@deadline(240)
def test_clock_is_wrong(lab):
    """A clock that is a day behind or ahead shows by the server's certificate: said in words, at start and later."""
    s = Two(lab, tls=True, router=False)
    s.control.post("certificate", in_s=2 * DAY_S)
    s.start(up=False, login_ca_file=s.control.ca)
    s.wait("failed", "not yet valid", 40)
    wait_for(lambda: all(w in s.row()["reason"] for w in ("is the clock wrong?", "next try at")), s.row, 60)
    s.control.post("certificate", in_s=-2 * DAY_S)
    s.wait("failed", "has expired", 60)
    s.control.post("certificate", in_s=0)
    s.wait("up", timeout_s=90)
    # who is registered needs the certificate only when its process is new
    s.control.post("certificate", in_s=-2 * DAY_S)
    s.g.ctl("restart", s.t.name)
    wait_for(lambda: s.row()["state"] in ("degraded", "failed") and "has expired" in s.row()["reason"], s.row, 60)
    s.check_other()
    s.control.post("certificate", in_s=0)
    s.wait("up", timeout_s=90)
