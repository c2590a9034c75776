# SPDX-License-Identifier: MIT
"""tsgwctl doctor: the keys of nodes, which expire."""
import json

from lab import check, wait_for
from test_engine import Small

HOUR_S, DAY_S = 3600, 86400


def keys(g):
    """What it says of keys: (result, text, advice) each."""
    checks = json.loads(g.ctl("doctor", "--json", ok=(0, 1)).stdout)["checks"]
    return [(c["result"], c["text"], c["advice"]) for c in checks if c["what"] == "key"]


def wait_key(g, t, result, words, advised):
    def said():
        found = keys(g)
        return len(found) == 1 and found[0][0] == result and words in found[0][1] and (
            f"tsgwctl login {t.name}" in found[0][2] if advised else found[0][2] is None)
    wait_for(said, lambda: f"doctor says {result} of the key: {keys(g)}", 30)


def test_key_expiry(lab):
    w = Small(lab, router=False)
    t = w.joined(key=w.control.key(reusable=False))
    g = w.gateway(t).start()
    g.wait_up()
    check(not keys(g), f"this one does not expire: {keys(g)}")
    me = w.control.node("demon-fgpu")["id"]
    w.control.post("expire", node=me, in_s=30 * DAY_S + HOUR_S)
    wait_key(g, t, "ok", "expires in 30d", False)
    w.control.post("expire", node=me, in_s=6 * DAY_S + HOUR_S)
    wait_key(g, t, "warn", "expires in 6d", True)
    w.control.post("expire", node=me)
    wait_key(g, t, "fail", "has expired", True)
    check("has expired" in g.ctl("doctor", ok=1).stdout, "text")
