# SPDX-License-Identifier: MIT
"""Seed 002 as people build it by hand, in our laboratory: proof that the world is right without us.

    mac ─ home tailnet ─ demon: socat, microsocks, tailscaled in a namespace with NAT ─ fgpu, lab
"""
from lab import equal, wait_for
from run import deadline
from world import GPU, TARGET, Rival, World, check_page


@deadline(180)
def test_seed002_by_hand(lab):
    """Two tailnets with equal addresses through two hand-made chains: pages and ssh of each."""
    world = World(lab, "fgpu", "lab", box=False)
    for slot, work in enumerate(world.works):
        rival = Rival(world, work, 11080 + slot, slot + 1)
        wait_for(lambda r=rival: "pong" in r.node.ping("gpu1"), "a path to gpu1")
        check_page(world, rival.proxy, work.word)
        got = world.ssh(rival.proxy, TARGET, "uname -s; hostname -I")
        equal(got.split()[0], "Linux", "ssh")
        equal(rival.node.ip(), "100.68.152.46", "its address")
        check_page(world, rival.proxy, work.word, host=TARGET)
        equal(work.gpu.ip(), GPU, "the same in both")
