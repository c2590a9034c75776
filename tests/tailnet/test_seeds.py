# SPDX-License-Identifier: MIT
"""The table of the seeds' lines is whole: every line has a row, every row a line and a test that takes it."""
import seeds
from lab import check


def test_every_line_has_a_row():
    wrong = list(seeds.missing())
    check(not wrong, "\n".join(wrong))
    check(len(seeds.load()) > 150 and len(seeds.table()) > 40, "there are seeds and a table")
