# SPDX-License-Identifier: MIT
"""Name servers and resolvers that are unpacked beside the system's programs, not installed (tests/server-deps)."""
import glob
import os

SERVERS = os.environ.get("TSGW_SERVERS", "/usr/local/lib/tsgw-servers")


def program(name):
    """The path of one of them."""
    for where in ("usr/sbin", "usr/bin", "lib/systemd", "usr/lib/systemd"):
        path = os.path.join(SERVERS, where, name)
        if os.path.exists(path):
            return path
    raise FileNotFoundError(f"{name} is not below {SERVERS} (make deps)")


def environment():
    """With their libraries where the system has none of its own."""
    return {"LD_LIBRARY_PATH": ":".join(glob.glob(SERVERS + "/usr/lib/*-linux-gnu"))}
