# SPDX-License-Identifier: MIT
"""Each worker of a gateway that runs, taken over: it is made to try what an intruder would try.

common-puppet stops the process and makes it do one system call. So what refuses it is what the worker has: its
uid, its namespaces, its filter, as tsgwd and the worker itself have set them up; test_sandbox.py tries more, in a
program that only enters the same sandbox.
"""
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from lab import check, equal, wait_for
from picture import check_page
from puppet import PLAIN, attempt, attempts, settled
from run import deadline

# looking up names needs files of the host, which Landlock lists
MAY = {"tsgw-host": {"passwd", "access", "stat"}}


def test_of_a_plain_process(lab):
    """What the test itself is worth: in root's own process, everything that needs no helper works."""
    names = attempts(lab)
    victim = lab.spawn(["sleep", "600"], name="victim")
    puppet = lab.spawn([sys.executable, "-c", PLAIN, lab.dir + "/sock"], name="puppet")
    puppet.wait_line("^listens$")
    for name in names:
        if name not in ("setns", "exec"):  # needs a descriptor of a namespace; ends what the process was
            word = attempt(puppet.pid, victim.pid, lab.dir + "/sock", name)
            equal(word, "worked", f"{name} {attempt.why}")
    equal(attempt(puppet.pid, victim.pid, "", "exec"), "worked", "exec")
    check(puppet.alive() and victim.alive(), "both live")


@deadline(240)
def test_every_worker(picture):
    """Open a file, raw sockets, ptrace, setns, exec, a signal to another, another tailnet's socket."""
    names = attempts(picture.lab)
    red = picture.tailnet("red", 11080, ssh=False)
    blue = picture.tailnet("blue", 11081, ssh=False)
    # an endpoint by name needs the looking-up worker too
    red.wg_text = red.wg_quick().replace(f"Endpoint = {red.peer.underlay}:", "Endpoint = localhost:")
    g = picture.gateway().start()
    g.wait_up(blue)
    g.worker("tsgw-host", red)
    front = [name for program, name in g.workers() if program == "tsgw-dns"][0]
    kinds = [("tsgw-wg", red.name), ("tsgw-proxy", red.name), ("tsgw-host", red.name), ("tsgw-dns", front),
             ("tsgw-web", front)]
    other, sock = g.worker("tsgw-wg", blue), f"{g.run_dir}/{blue.name}/control.sock"
    check(os.path.exists(sock), sock)

    def confined(kind):
        pid = g.workers().get(kind)
        return pid if pid and settled(pid) else None

    def take_over(kind):
        got = {}
        for name in names:
            pid = wait_for(lambda: confined(kind), f"a {kind[0]} in its sandbox", 60)
            got[name] = attempt(pid, other, sock, name)
            if got[name] == "killed":
                wait_for(lambda p=pid: g.workers().get(kind) != p, "it is gone")
        return got

    with ThreadPoolExecutor(len(kinds)) as pool:
        results = dict(zip(kinds, pool.map(take_over, kinds)))
    for kind, got in results.items():
        print(f"# {kind[0]}: " + ", ".join(f"{name} {how}" for name, how in got.items()))
    wrong = [f"{kind[0]}: {name}" for kind, got in results.items() for name, how in got.items()
             if how == "worked" and name not in MAY.get(kind[0], ())]
    check(not wrong, f"what an intruder can do: {wrong}")
    equal(g.worker("tsgw-wg", blue), other, "the other tailnet's node")
    g.wait_up(blue)
    check_page(picture, blue)
