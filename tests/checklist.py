# SPDX-License-Identifier: MIT
"""Which tests WG-CHECKLIST.md names, and which of them did not pass."""
import os
import re

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "WG-CHECKLIST.md")


def named(net):
    """The names "program::test", or with NET "file::test", in order."""
    with open(PATH, encoding="utf-8") as f:
        names = re.findall(r"`(net:)?([\w-]+::\w+)`", f.read())
    return list(dict.fromkeys(name for prefix, name in names if bool(prefix) == net))


def missing(net, passed):
    """Lines to print, one for each that is named but not among PASSED."""
    return [f"not ok {name}: named in WG-CHECKLIST.md, but did not run or pass"
            for name in named(net) if name not in passed]
