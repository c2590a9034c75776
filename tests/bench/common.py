# SPDX-License-Identifier: MIT
"""What the benchmarks share: the laboratory, a fast web server, medians, memory, a Markdown table."""
import os
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "net"))
import lab as L  # noqa: E402

WARM_MEGABYTES = 1024


def start_web(lab, ns, megabytes=4096):
    """nginx in NS on port 3000 with /big and /small; our own service where there is no nginx."""
    if not L.shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin"):
        p = ns.spawn([sys.executable, os.path.join(HERE, "../net/service.py"), "bench"])
        p.wait_line("^ready$")
        return "/bytes/%d" % (megabytes << 20), "python"
    root = os.path.join(lab.dir, "www-" + ns.name)
    os.makedirs(root + "/html")
    with open(root + "/html/big", "wb+") as f:
        f.truncate(megabytes << 20)
        for _ in range(min(megabytes, WARM_MEGABYTES)):  # whoever is measured first must not wait for these pages
            f.read(1 << 20)
    with open(root + "/html/small", "w", encoding="ascii") as f:
        f.write("small\n")
    os.chmod(lab.dir, 0o755)
    temporary = "".join(f"{k}_temp_path {root}/{k};" for k in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    conf = lab.file(f"www-{ns.name}/nginx.conf", f"""
daemon off; master_process off; error_log {root}/error.log; pid {root}/pid;
events {{ worker_connections 4096; }}
http {{ access_log off; sendfile on; tcp_nopush on; {temporary}
  server {{ listen 3000 backlog=4096; root {root}/html; }} }}
""")
    p = ns.spawn(["nginx", "-p", root, "-c", conf], name="nginx")

    def listens():
        if not p.alive():
            raise L.Failure(p.log())
        with L.contextlib.suppress(OSError):
            with L.inside(ns):
                L.socket.create_connection(("127.0.0.1", 3000), 1).close()
            return True
    L.wait_for(listens, "nginx listens")
    return "/big", "nginx"


def pss_kb(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            for line in f:
                if line.startswith("Pss:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def median(values):
    return statistics.median(values)


def table(header, rows):
    rows = [[str(c) for c in r] for r in rows]
    print("\n| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for r in rows:
        print("| " + " | ".join(r) + " |")
    print(flush=True)


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), "?")
    return f"{os.cpu_count()} × {model}, Linux {os.uname().release}"
