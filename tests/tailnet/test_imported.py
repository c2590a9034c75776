# SPDX-License-Identifier: MIT
"""A gateway made by hand, taken over by tsgwctl import tsproxy: what is printed joins the tailnet and carries."""
from lab import check
from tailnet import programs
from test_engine import Small
from test_import import SEED, TAILSCALED, imported
from world import TARGET, Tailnet


def test_starts_with_what_is_printed(lab):
    w = Small(lab)
    name = lab.tailnet_name("fgpu")
    lab.tailnet_names.add(name)
    files = {**SEED, "systemd/tailscaled-tsFGPU.service": TAILSCALED.replace(
        " --accept-routes", f" --login-server={w.control.url} --accept-routes")}
    text = imported(lab, {k: v.replace("tsFGPU", "ts" + name.upper()).replace("fgpu:53", name + ":53")
                          .replace(".fgpu", "." + name) for k, v in files.items()}, "tsproxy")
    # the lab's own [gateway] and programs, and the key where its notes say that it belongs
    _, tailnet = text.split(f"[tailnet {name}]\n")
    key = lab.file("fgpu.key", w.control.key() + "\n")
    g = w.gateway()
    g.extra = (f"[tailnet {name}]\ntailscaled-path = {programs()['tailscaled']}\nauth-key-file = {key}\n" + tailnet)
    g.write_config()
    g.start()
    t = Tailnet(w.control, "fgpu")
    t.name, t.port = name, 11080
    g.wait_up(t)
    check(w.control.node("demon-fgpu"), "the node's name is the one of before")
    for host in (TARGET, f"{TARGET}.{name}", f"grafana.{name}"):
        w.check_page(t, host)
