# SPDX-License-Identifier: MIT
"""The laboratory itself: stock tailscaleds behind our control server, without a gateway of ours.

    alice ──┐
            ├── internet: control, DERP, STUN
    gpu  ───┘  routes 10.100.0.0/16, host 10.100.10.141 behind it
"""
from lab import check, equal, wait_for
from tailnet import Internet, Node, Router


def fetch(node, host, port=3000):
    p = node.ns.run(["curl", "-sS", "--max-time", "3", f"http://{host}:{port}/"])
    return p.stdout


def pair(lab, **options):
    net = Internet(lab)
    control = net.control(**options)
    gpu = Router(net, "gpu", "fgpu")
    alice = Node(net, "alice")
    gpu.up(control)
    alice.up(control, "--accept-routes")
    return control, gpu, alice


def test_routes_and_direct_path(lab):
    """Two stock nodes find each other directly, and one reaches the LAN behind the other."""
    control, gpu, alice = pair(lab)
    alice.wait_peer("gpu")
    wait_for(lambda: "direct" in str(alice.ping("gpu", until_direct=True)) or "via 198.18." in
             alice.ping("gpu", until_direct=True), "a direct path")
    equal(fetch(alice, "10.100.10.141"), "this is fgpu, you asked for /\n", "page behind the router")
    equal(control.node("alice")["addresses"][0], alice.ip() + "/32", "address")
    gpu.stop()
    alice.wait_peer("gpu", online=False)


def test_headscale_mode(lab):
    """The same by Headscale's ways: early payload, deltas, null regions."""
    control, gpu, alice = pair(lab, headscale=True)
    alice.wait_peer("gpu")
    alice.ping("gpu", until_direct=True)
    equal(fetch(alice, "10.100.10.141"), "this is fgpu, you asked for /\n", "page behind the router")
    node = control.node("gpu")
    control.post("routes", node=node["id"], routes=[])
    wait_for(lambda: "this is" not in fetch(alice, "10.100.10.141"), "the route to be gone, by a delta")
    check(control.asked(), "registrations are noted")
