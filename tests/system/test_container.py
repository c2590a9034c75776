# SPDX-License-Identifier: MIT
"""packaging/container: the recipe's steps, done in a root tree, and the container booted in bridge mode with the
rights that it says it needs and no others."""
import os
import re
import subprocess

import image
from lab import check, equal, wait_for
from machine import Machine, told
from picture import PRIMARY, check_page
from run import deadline

RIGHTS = "CAP_NET_ADMIN,CAP_SYS_ADMIN"
# what systemd-nspawn gives beyond what podman and docker give to every container
MORE = ("CAP_AUDIT_CONTROL,CAP_DAC_READ_SEARCH,CAP_IPC_OWNER,CAP_LEASE,CAP_LINUX_IMMUTABLE,CAP_NET_BROADCAST,"
        "CAP_SYS_BOOT,CAP_SYS_NICE,CAP_SYS_PTRACE,CAP_SYS_RESOURCE,CAP_SYS_TTY_CONFIG")


def recipe():
    with open(os.path.join(image.ROOT, "packaging/container/Containerfile"), encoding="utf-8") as f:
        text = re.sub(r"(?m)^#.*\n", "", f.read()).replace("\\\n", " ")
    return [line.split(None, 1) for line in text.splitlines() if line.strip()]


def build(m):
    """Does what the recipe says, in the tree of M: COPY, RUN, ENTRYPOINT."""
    entry = None
    for word, rest in recipe():
        if word == "COPY":
            source, target = rest.split()
            if source.endswith(".deb"):
                m.out("cp /srv/tsgw/tsgw_*.deb " + target)
            else:
                with open(os.path.join(image.ROOT, source.replace("dist/packaging", "packaging")), encoding="utf-8") as f:
                    m.write(target, f.read(), 0o755)
        elif word == "RUN":
            m.out(rest.replace(" ca-certificates", ""))  # the machine's repository has only what ours wants
        elif word == "ENTRYPOINT":
            entry = re.search(r'"(.*)"', rest).group(1)
    return entry


@deadline(300)
def test_container(picture):
    lab, release = picture.lab, "bookworm"
    check(("FROM", "debian:bookworm-slim") in [tuple(s) for s in recipe()], "the recipe's base")
    with told(Machine(picture, release, install=False)) as m:
        entry = build(m)
        fgpu, = m.add("fgpu", ssh=False)
        m.configure(primary=PRIMARY)
        m.poweroff()

        def start(*args, rights=RIGHTS):
            return lab.spawn(
                ["nsenter", f"--mount=/proc/{m.holder.pid}/ns/mnt", "systemd-nspawn", "-q", "-D", m.place,
                 "--register=no", "--keep-unit", "--network-namespace-path=" + picture.demon.path, "--as-pid2",
                 "--drop-capability=" + MORE, "--capability=" + rights, "--machine=" + m.name, "--console=pipe",
                 "--resolv-conf=off", "--timezone=off", "--hostname=nas",
                 "--bind=/dev/net/tun", entry, *args], name="container",
                env={"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"})

        # what is missing is said in a line
        p = start(rights="CAP_SYS_ADMIN")
        equal(p.wait(60), 1, f"without a right: {p.log()}")
        check("--cap-add NET_ADMIN" in p.log(), p.log())
        c = start()
        wait_for(lambda: "ready" in c.log() or not c.alive(), lambda: "it is up: " + c.log(), 60)
        check(c.alive(), c.log())
        wait_for(lambda: "fgpu: up" in c.log(), lambda: c.log(), 40)
        check_page(picture, fgpu)
        pid = [p for p in lab.mine() if os.path.basename(os.readlink(f"/proc/{p}/exe")) == "tsgwd"]
        equal(len(pid), 1, "supervisors")
        subprocess.run(["kill", str(pid[0])], check=True)
        equal(c.wait(), 0, f"the container's exit code: {c.log()}")
        check("tsgw-fgpu" not in picture.demon.links(), "its link")
