# SPDX-License-Identifier: MIT
"""Which congestion control TCP has while something is measured. A kernel may have been built with another default than
that of most distributions (CUBIC), and with BBR, which paces, the same bytes cost a fast node a fifth more."""
import contextlib

FILE = "/proc/sys/net/ipv4/tcp_congestion_control"


def argument(parser):
    parser.add_argument("--congestion", default=read(), help="TCP's congestion control (%(default)s)")


def read():
    with open(FILE, encoding="ascii") as f:
        return f.read().strip()


@contextlib.contextmanager
def control(name):
    """NAME for namespaces that are made from now on, and in this one, which gets its own back."""
    before = read()

    def write(value):
        with open(FILE, "w", encoding="ascii") as f:
            f.write(value)
    write(name)
    try:
        yield
    finally:
        write(before)
