# SPDX-License-Identifier: MIT
"""Seed 002, a gateway to several tailnets for a Mac at home, by us; test_by_hand.py has it without us.

    mac ── home tailnet ── demon ──┬── fgpu: 10.100.0.0/16 behind gpu1
                                   └── lab:  the very same addresses
"""
import os
import re
import sys

import browser
import seeds
from lab import check, equal, wait_for
from run import deadline
from tailnet import ssh_keypair
from test_clients import commit_something
from world import BOX, DEMON, GPU, INNER, TARGET, Joined, World, check_page, shell


def start(world, **options):
    """Our gateway for both tailnets: the suffixes and ports of the seed."""
    joined = [Joined(w, 11080 + i, suffix=w.word) for i, w in enumerate(world.works)]
    g = world.gateway(joined, **options).start()
    g.wait_up()
    return g, joined


@deadline(240)
def test_story(lab):
    """The whole of it through us, with the seed's own lines: DNS, web, PAC, ssh, ping, status."""
    world = World(lab, "fgpu", "lab")
    before = open("/etc/resolv.conf", "rb").read()
    g, joined = start(world)
    mac_dns(world)
    env = {"ALL_PROXY": f"socks5h://{DEMON}:11080"}
    for line in (seeds.text("002:153"), "curl -sS " + seeds.text("002:12")):
        equal(shell(lab, world.mac, line, env=env).stdout, "this is fgpu, you asked for /\n", line)
    for j in joined:
        check_page(world, f"{DEMON}:{j.port}", j.word, f"{TARGET}.{j.word}")
        check_page(world, f"{DEMON}:{j.port}", j.word)
        check_page(world, f"{DEMON}:{j.port}", f"{j.word}-box", BOX)
        check_page(world, f"{DEMON}:{j.port}", f"{j.word}-box", f"box.tail-{j.word}.ts.net")
        check_page(world, f"{DEMON}:{j.port}", f"{j.word}-box", f"box.{j.word}")
        equal(j.node()["addresses"][0], INNER + "/32", "its address in both")
    config = lab.file("ssh/config", seeds.text("002:143-144") + "\nHost *\n  StrictHostKeyChecking no\n"
                      f"  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n  IdentityFile {ssh_keypair(lab)}\n")
    ssh = seeds.text("002:156", {"ssh user@": f"ssh -F {config} root@"})
    equal(shell(lab, world.mac, ssh + " uname -s").stdout, "Linux\n", ssh)
    pid = "tsgw-" + joined[0].name
    shell(lab, world.demon, seeds.text("002:171", {"tsFGPU": pid, "ping 100.x.x.x": f"ping -c 1 -W 10 {GPU}"}))
    got = shell(lab, world.demon, seeds.text("002:174", {
        "tsFGPU tailscale": pid + " tailscale", "/run/tailscale-tsFGPU/tailscaled.sock": f"{g.run_dir}/{joined[0].name}/tailscaled.sock"}))
    check("gpu1" in got.stdout, f"status: {got.stdout}")
    check("<html" in shell(lab, world.mac, seeds.text("002:181")).stdout, "the service address")
    equal(open("/etc/resolv.conf", "rb").read(), before, "the host's resolv.conf")


def mac_dns(world):
    """macOS asks for *.fgpu whom /etc/resolver/fgpu names; the seed's own dig; a Linux client's libc."""
    directory = os.path.join(world.lab.dir, "resolver")
    shell(world.lab, world.mac, seeds.text("002:117-120", {"/etc/resolver": directory}))
    with open(directory + "/fgpu", encoding="ascii") as f:
        server = f.read().split()[1]
    equal(server, DEMON, "the name server of the Mac's resolver file")
    got = shell(world.lab, world.mac, seeds.text("002:184")).stdout
    check(re.search(rf"^10\.100\.10\.141\.fgpu\.\s+\d+\s+IN\s+A\s+{TARGET}$", got, re.M), f"dig: {got}")
    for name, address in ((f"{TARGET}.fgpu", TARGET), ("box.lab", BOX), ("box", BOX)):
        got = shell(world.lab, world.mac, f"getent ahostsv4 {name}", nameserver=server, search="fgpu").stdout
        equal(got.split()[:1], [address], f"getent {name}")


@deadline(240)
def test_browser(lab):
    """Chromium opens the page behind the subnet router by the seed's PAC file, and by the one that we serve."""
    world = World(lab, "fgpu", box=False)
    start(world)
    for pac in (browser.pac_url(seeds.text("002:128-133")), f"http://{DEMON}:11079/proxy.pac"):
        p = world.mac.run(browser.chromium(lab, pac, seeds.text("002:12"), "--dump-dom"), ok=0, timeout_s=120,
                          env={"HOME": lab.dir})
        check("this is fgpu" in p.stdout, f"the page by {pac[:60]}: {p.stdout}")


@deadline(240)
def test_git(lab):
    """git clone over http and over ssh, both through the listener over the home tailnet."""
    world = World(lab, "fgpu", box=False)
    start(world)
    repository = os.path.join(lab.dir, "files/something")
    head = commit_something(repository)
    world.works[0].gpu.host.spawn([sys.executable, "-m", "http.server", "-d", lab.dir + "/files", "3080"], "files")
    ssh = (f"ssh -i {ssh_keypair(lab)} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
           f"-o ProxyCommand='nc -X 5 -x {DEMON}:11080 %h %p'")
    wait_for(lambda: world.curl("-f", "-x", f"http://{DEMON}:11080", f"http://{TARGET}:3080/").returncode == 0, "files")
    for i, (options, url) in enumerate(((f"-c http.proxy=socks5h://{DEMON}:11080", f"http://{TARGET}.fgpu:3080/something/.git"),
                                        ("", f"ssh://root@{TARGET}.fgpu{repository}"))):
        clone = f"{lab.dir}/clone{i}"
        shell(lab, world.mac, f"git {options} clone -q {url} {clone} && git -C {clone} rev-parse HEAD > {clone}.head",
              env={"GIT_SSH_COMMAND": ssh, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0"})
        with open(clone + ".head", encoding="ascii") as f:
            equal(f.read().strip(), head, url)
