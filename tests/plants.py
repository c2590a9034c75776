#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Would the fuzzers find anything? For each target a bug is planted in a copy of the tree: it must be found.

Each plant is a text of the source, found there exactly once, and what takes its place: a check left out, one
too late, a field of the wrong one. Where the source has changed so that the text is gone, choose another.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PLANTS = {
    "config-ini": ("src/config/lines.c", "\tif (!end) {\n", "\tif (!end && text[1]) {\n"),
    "config-wgquick": ("src/config/wgquick.c", "\tif (!colon || strchr(text, '[') ||", "\tif (strchr(text, '[') ||"),
    "ctl-record": ("src/ipc/record.c", "n_addresses > CONTROL_ADDRS_MAX ||",
                   "n_addresses > 2 * CONTROL_ADDRS_MAX ||"),
    "ctl-dnsask": ("src/ctl/dnsask.c", "\t\tif (!at || at + 10 > len)\n", "\t\tif (!at || at > len)\n"),
    "ctl-tsproxy": ("src/ctl/tsproxylines.c", "!strchr(\"-_.:/,@+%=[]\", *c)", "!strchr(\"-_.:/,@+%=[]; \", *c)"),
    "dns-packet": ("src/dns/packet.c", "\tif (data + n > len)\n\t\treturn -DNS_FORMERR;\n", ""),
    "dns-tcp": ("src/dns/tcp.c", "\tif (at + 2 + n > len)\n", "\tif (at + n > len)\n"),
    "host-http1": ("src/host/http1.c", "n = (size_t)MIN((uint64_t)n, h->left);", "n = n + 0;"),
    "host-ipn": ("src/host/ipnstatus.c", "if (n < IPN_ADDRS_MAX && text &&", "if (n < IPN_ADDRS_MAX + 2 && text &&"),
    "ipc-check": ("src/ipc/ipc.c", " || rule->sender != sender", ""),
    "ipc-resolve": ("src/ipc/resolve.c", "if (at > a->len || (", "if (("),
    "proxy-dnsreply": ("src/proxy/dnsreply.c", "end - data == 20 ?", "end - data <= 20 ?"),
    "proxy-http": ("src/proxy/http.c", "while (t.len && (t.p[t.len - 1]", "while ((t.p[t.len - 1]"),
    "proxy-rrset": ("src/proxy/rrset.c", "return (size_t)end + FIXED + ret->len > len ? -EBADMSG : end",
                    "return (size_t)end + FIXED > len ? -EBADMSG : end"),
    "proxy-socks": ("src/proxy/socks.c", "len < 6u + (size_t)size)", "len < 5u + (size_t)size)"),
    "proxy-socksudp": ("src/proxy/socksudp.c", "len < at + size + 2)", "len < at + size)"),
    "supervisor-netmap": ("src/supervisor/netmap.c", "if (!p || s->n > MSG_PREFIXES)", "if (!p)"),
    "supervisor-store": ("src/supervisor/store.c", " ||\n\t\tmemcmp(text, again, len))", ")"),
    "web-request": ("src/web/request.c", "if (low >= 0 && (high || low))", "if (low >= 0)"),
    "wg-cmsg": ("src/wg/udpio.c", "segment > 0 && (uint32_t)segment < m->len", "segment > 0"),
    "wg-cookie": ("src/wg/cookie.c", "\tm->has_last_mac1 = false;\n\tsodium_memzero", "\tsodium_memzero"),
    "wg-dispatch": ("src/wg/receive.c", "\t\t\tp->ok = 0;\n\t\t\treplayed++;\n\t\t\tcontinue;\n",
                    "\t\t\treplayed++;\n"),
    "wg-gro": ("src/wg/candidate.c", "return a[1] == b[1] && !memcmp(a + 6", "return !memcmp(a + 6"),
    "wg-gso": ("src/wg/gso.c", "total < *ret_header || total > g->len", "total < *ret_header"),
    "wg-icmp": ("src/wg/icmp.c", "header > len || ", ""),
    "wg-uapi": ("src/wg/uapi-request.c", "? *p - 64 : *p;", "? *p - 63 : *p;"),
}


def copy_tree(to):
    for name in ("src", "tests", "Makefile"):
        path = os.path.join(ROOT, name)
        (shutil.copytree if os.path.isdir(path) else shutil.copy2)(path, os.path.join(to, name))


def fuzzed(to, target, seconds):
    """-> seconds until the fuzzer stopped with a finding, None if it found nothing."""
    make = ["make", "-s", "-C", to, f"-j{os.cpu_count()}", "O=build", f"build/fuzz/{target}"]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "MAKEFLAGS": ""})
    corpus = os.path.join(to, "corpus", target)
    os.makedirs(corpus, exist_ok=True)
    start = time.monotonic()
    p = subprocess.run([f"{to}/build/fuzz/{target}", f"-max_total_time={seconds}", "-timeout=10",
                        f"-artifact_prefix={to}/corpus/{target}-", corpus,
                        os.path.join(to, "tests/fuzz/seeds", target)], check=False, errors="replace",
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    found = p.returncode and re.search(r"deadly signal|ERROR: \w+Sanitizer|runtime error|libFuzzer: ", p.stdout)
    return time.monotonic() - start if found else None


def planted(to, target, seconds):
    """-> (whether it was found, what to say)."""
    path, old, new = PLANTS[target]
    path = os.path.join(to, path)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if text.count(old) != 1:
        return False, f"{PLANTS[target][0]} has the text {text.count(old)} times: {old!r}"
    try:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))
        took = fuzzed(to, target, seconds)
    except subprocess.CalledProcessError:
        return False, "it does not compile"
    finally:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    return took is not None, f"not found in {seconds} s" if took is None else f"found after {took:.1f} s"


def check(targets, seconds):
    """Prints a line for each target; the names of those that find nothing."""
    bad = [t for t in targets if t not in PLANTS]
    for t in bad:
        print(f"not ok planted {t}: there is no plant", flush=True)
    with tempfile.TemporaryDirectory(prefix="tsgw-plants-") as to:
        copy_tree(to)
        for t in targets:
            if t in PLANTS:
                good, what = planted(to, t, seconds)
                bad += [] if good else [t]
                print(f"{'ok' if good else 'not ok'} planted {t}: {what}", flush=True)
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--time", type=int, default=60, help="seconds that each may take")
    parser.add_argument("targets", nargs="*")
    a = parser.parse_args()
    targets = [os.path.basename(t) for t in a.targets] or sorted(PLANTS)
    bad = check(targets, a.time)
    print(f"{len(targets) - len(bad)} passed, {len(bad)} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
