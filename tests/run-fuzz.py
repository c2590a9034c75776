#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs every fuzz target for a while, as many at once as there are processors, and says what each found."""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys

SEEDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fuzz/seeds")


def run(path, seconds, work):
    """-> (name, what it did, what went wrong or "")."""
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
        return name, "", "did not end"
    done = re.search(r"number_of_executed_units: (\d+)", p.stdout)
    cover = re.findall(r"cov: (\d+)", p.stdout)
    did = f"{int(done[1]) if done else 0} runs, {cover[-1] if cover else 0} edges"
    return name, did, "" if p.returncode == 0 else p.stdout[-5000:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time", type=float, default=60, help="seconds for each target")
    parser.add_argument("--work", default="build/corpus")
    parser.add_argument("targets", nargs="*")
    a = parser.parse_args()
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(run, t, a.time, a.work) for t in a.targets]
        for job in concurrent.futures.as_completed(jobs):
            name, did, wrong = job.result()
            passed, failed = passed + (not wrong), failed + bool(wrong)
            print(f"not ok {name}: {did}\n{wrong}" if wrong else f"ok {name}: {did}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
