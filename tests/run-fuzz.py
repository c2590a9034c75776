#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs every fuzz target for a while, as many at once as there are processors: a table of what each did."""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys

SEEDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fuzz/seeds")


COLUMNS = "{:<18} {:>11} {:>8} {:>6} {:>7} {:>9}  {}"


class Result:
    """What libFuzzer says of one target."""

    def __init__(self, name, text, wrong):
        last = re.findall(r"cov: (\d+) ft: \d+ corp: (\d+)/(\w+)", text) or [(0, 0, "0b")]
        counts = {key: int((re.findall(rf"{key}: +(\d+)", text) or [0])[-1])
                  for key in ("number_of_executed_units", "average_exec_per_sec")}
        self.name, self.wrong = name, wrong
        self.row = (name, counts["number_of_executed_units"], counts["average_exec_per_sec"], *last[-1],
                    "not ok" if wrong else "ok")


def run(path, seconds, work):
    name = os.path.basename(path)
    corpus, found = os.path.join(work, name), os.path.join(work, "found-")
    os.makedirs(corpus, exist_ok=True)
    seeds = os.path.join(SEEDS, name)
    args = [path, f"-max_total_time={int(seconds)}", f"-artifact_prefix={found}{name}-", "-timeout=10",
            "-rss_limit_mb=2048", "-print_final_stats=1", corpus] + [seeds] * os.path.isdir(seeds)
    try:
        p = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                           timeout=seconds + 120, errors="replace", stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return Result(name, "", "did not end")
    return Result(name, p.stdout, "" if p.returncode == 0 else p.stdout[-5000:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time", type=float, default=60, help="seconds for each target")
    parser.add_argument("--work", default="build/corpus")
    parser.add_argument("targets", nargs="*")
    a = parser.parse_args()
    results = []
    print(COLUMNS.format("target", "executions", "exec/s", "cov", "corpus", "size", "result"), flush=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(run, t, a.time, a.work) for t in a.targets]
        for job in concurrent.futures.as_completed(jobs):
            results.append(job.result())
            print(COLUMNS.format(*results[-1].row), flush=True)
    for r in results:
        if r.wrong:
            print(f"\nnot ok {r.name}\n{r.wrong}")
    failed = sum(bool(r.wrong) for r in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
