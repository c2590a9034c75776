# SPDX-License-Identifier: MIT
"""`make check` itself: a part that fails keeps no other from running, and is named at the end."""
import os
import subprocess

import lab as L
from lab import check, equal


def make(*words):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", "--no-print-directory", "O=" + L.BUILD, *words, "check"], cwd=L.ROOT, env=env,
                          capture_output=True, text=True, check=False)


def test_make_check_runs_all_parts(o):
    """The middle one fails: the last one runs, too, and only the one in the middle is blamed."""
    p = make("CHECKS=check-layers no-such-part build-depends")
    equal(p.returncode, 2, f"exit code of make: {p.stdout}{p.stderr}")
    lines = p.stdout.splitlines()
    check(any("libnl-3-dev" in line for line in lines), f"the last part runs:\n{p.stdout}")
    equal(lines[-1], "make check: failed: no-such-part", "the last line")
    p = make("CHECKS=check-layers build-depends")
    equal(p.returncode, 0, f"exit code where nothing fails: {p.stdout}{p.stderr}")
    check("failed" not in p.stdout, p.stdout)
