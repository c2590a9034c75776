# SPDX-License-Identifier: MIT
"""Seed 000: programs on a GPU machine reach an orchestrator in a Headscale network by a proxy on localhost:1055.

    gpu machine: tsgwd on 127.0.0.1:1055 ── Headscale's ways ──┬── june-orchestrator:8080
                                                               └── livekit:7880 (WebSocket)
"""
import os

import seeds
from lab import check, equal
from picture import HERE
from run import deadline
from tailnet import Internet, Node
from world import Host, Joined, Tailnet, shell

PYTHON = "/usr/bin/python3"  # the one that Debian's modules belong to
HTTPX = """import asyncio
async def main():
    async with client:
        print((await client.get(os.environ["ORCHESTRATE_URL"] + "/healthz")).text, end="")
asyncio.run(main())
"""


def start(lab):
    """The gateway, with the auth key from the seed's own .env.tailscale."""
    net = Internet(lab)
    control = net.control(headscale=True)
    for name in ("june-orchestrator", "livekit"):
        node = Node(net, name)
        node.up(control)
        node.ns.spawn([PYTHON, os.path.join(os.path.dirname(__file__), "june.py")], name).wait_line("^ready$")
    env = lab.file(".env.tailscale", seeds.text("000:49-51", {"your-headscale-auth-key": control.key()}) + "\n")
    host = Host(net, "gpu")
    key = lab.run(["sh", "-c", f'. {env} && printf %s "$TAILSCALE_AUTH_KEY"'], ok=0).stdout
    june = Joined(Tailnet(control, "june"), 1055, key=key, suffix="june", hostname="gpu-multi")
    g = host.gateway([june]).start()
    g.wait_up()
    return host, g, june, env


@deadline(180)
def test_proxies(lab):
    """curl by SOCKS5, by HTTP and by environment, on one port; status, ping, names; httpx and a WebSocket."""
    host, g, june, env = start(lab)

    def run(script):
        return shell(lab, host.demon, script, nameserver="127.0.0.1", search="june").stdout
    for line in (seeds.text("000:121"), seeds.text("000:124"), seeds.text("000:127")):
        equal(run(line), "healthy\n", line)
    cli = {"tailscale ": f"tailscale --socket={g.run_dir}/{june.name}/tailscaled.sock "}
    got = run(seeds.text("000:112-114", cli))
    check("june-orchestrator" in got and "pong from june-orchestrator" in got, got)
    check(f"{g.state_dir}" in run(seeds.text("000:134")) or "tailscaled" in run(seeds.text("000:134")), "ps")
    check("127.0.0.1:1055" in run(seeds.text("000:137")), "netstat")
    check("june-orchestrator.june" in run(seeds.text("000:140")), "nslookup")
    exports = f"set -a; . {env}; set +a\n" + seeds.text("000:87-89") + "\n"
    program = lab.file("orchestrator_client.py", seeds.text("000:96-104") + "\n" + HTTPX, 0o644)
    equal(run(exports + f"{PYTHON} -W ignore {program}"), "healthy\n", "httpx")
    equal(run(exports + f"{PYTHON} {HERE}/clients/fetch.py websockets socks5h://localhost:1055 $LIVEKIT_WS_URL"),
          "livekit: are you there", "WebSocket")
    equal(seeds.text("000:170-172", {"<headscale-auth-key>": "your-headscale-auth-key"}), seeds.text("000:49-51"),
          "the same file once more")
