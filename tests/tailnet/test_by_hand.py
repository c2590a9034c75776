# SPDX-License-Identifier: MIT
"""The seeds by hand, as their authors do it, with nothing of ours: proof that the laboratory's world is right.

    mac ── home tailnet ── demon: socat, microsocks, tailscaled in a namespace with NAT ──┬── fgpu
                                                                                          └── lab
    sandbox: tailscaled without a TUN, curl and git by its SOCKS server ── cook, a development host
"""
import os

import seeds
from lab import check, equal, wait_for
from run import deadline
from tailnet import Internet, Node
from test_clients import commit_something
from world import GPU, INNER, TARGET, Rival, World, check_page, shell


@deadline(180)
def test_seed002(lab):
    """Two hand-made chains, socat to microsocks to tailscaled in a namespace with NAT."""
    world = World(lab, "fgpu", "lab", box=False)
    rivals = []
    for slot, work in enumerate(world.works):
        key = work.control.key()
        up = seeds.text("002:105-107", {
            "tsFGPU tailscale": f"{lab.prefix}ts-{work.word} tailscale",
            "/run/tailscale-tsFGPU/tailscaled.sock": f"{lab.dir}/ts-demon-{work.word}/tailscaled.sock",
            "--authkey=tskey-xxxxx": f"--authkey={key} --login-server={work.control.url} --hostname=demon-{work.word}"})
        rival = Rival(world, work, 11080 + slot, slot + 1, lambda up=up: shell(lab, world.demon, up))
        rivals.append(rival)
        wait_for(lambda r=rival: "pong" in r.node.ping("gpu1"), "a path to gpu1")
        equal(rival.node.ip(), INNER, "its address")
        equal(work.gpu.ip(), GPU, "the same in both")
    for rival in rivals:
        check_page(world, rival.proxy, rival.work.word)
        equal(world.ssh(rival.proxy, TARGET, "uname -s"), "Linux\n", "ssh")
    check("<html" in shell(lab, world.mac, seeds.text("002:181")).stdout, "the service address")
    check("gpu1" in shell(lab, world.demon, seeds.text("002:174", {
        "tsFGPU tailscale": f"{lab.prefix}ts-fgpu tailscale",
        "/run/tailscale-tsFGPU/tailscaled.sock": f"{lab.dir}/ts-demon-fgpu/tailscaled.sock"})).stdout, "status")


def test_seed003(lab):
    """The sandbox's own commands, line by line: look around, start, log in, verify, reach, list a repository."""
    net = Internet(lab)
    control = net.control()
    cook, sandbox = Node(net, "cook"), lab.ns("sandbox")
    net.attach(sandbox)
    cook.up(control)
    serve_cook(lab, cook)
    script = "\n".join((
        seeds.text("003:17-22"),
        seeds.text("003:44-57", {"/tmp/": lab.dir + "/sandbox-", "sleep 1": "until [ -S $TS_SOCK ]; do :; done"}),
        seeds.text("003:63-69", {'--accept-dns=false': f"--accept-dns=false --login-server={control.url}"}),
        seeds.text("003:75-76"), f"until tailscale --socket=$TS_SOCK ping --c 1 {cook.ip()}; do :; done",
        seeds.text("003:82-88", {"<owner>/<repo>": "alice/something"}), 'tailscale --socket="$TS_SOCK" down; kill %1'))
    p = shell(lab, sandbox, script, ok=0, env={
        "TS_AUTHKEY": control.key(), "COOK_TAIL_IP": cook.ip(), "COOK_PORT": "7420", "HOSTNAME": "one",
        "TS_NO_LOGS_NO_SUPPORT": "true", "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": "/dev/null"})
    check("healthy" in p.stdout and "refs/heads/main" in p.stdout, p.stdout)
    check(control.node("sprites-one"), "the name that the seed gives it")


def serve_cook(lab, node, health=True):
    """The development host of seed 003: /healthz, or not, and a repository below /git."""
    root = lab.dir + "/cook"
    commit_something(root + "/git/alice/something")
    os.symlink(root + "/git/alice/something/.git", root + "/git/alice/something.git")
    if health:
        lab.file("cook/healthz", "healthy\n", 0o644)
    p = node.ns.spawn(["python3", "-u", "-m", "http.server", "-d", root, "7420"], "cook")
    p.wait_line("Serving HTTP")
