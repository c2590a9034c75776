# SPDX-License-Identifier: MIT
"""The Debian package: what is in it, how it comes, is followed by a newer one, and goes."""
import glob
import json
import os
import re
import subprocess

import image
from lab import Skip, check, equal, tool, wait_for
from machine import Machine, told
from picture import check_page
from run import deadline

PROGRAMS = ("/usr/sbin/tsgwd", "/usr/bin/tsgwctl", "/usr/libexec/tsgw/*")


def packages(release):
    try:
        return image.Image(release).prepare()
    except image.Missing as e:
        raise Skip(str(e)) from None


def deb_of(folder):
    return next(p for p in glob.glob(folder + "/tsgw_*.deb"))


def unpacked(lab, release):
    folder = os.path.join(lab.dir, "unpacked")
    lab.run(["dpkg-deb", "-x", deb_of(packages(release) + "/1"), folder], ok=0)
    return folder


def programs(folder):
    found = [p for pattern in PROGRAMS for p in glob.glob(folder + pattern)]
    check(len(found) >= 6, f"programs: {found}")
    return found


def test_hardened(lab, release):
    """Position independent, full RELRO, no executable stack, stack protector, fortified."""
    for path in programs(unpacked(lab, release)):
        name = os.path.basename(path)
        head = lab.run(["readelf", "-W", "-hldn", path], ok=0).stdout
        symbols = lab.run(["readelf", "-W", "--dyn-syms", path], ok=0).stdout
        check(re.search(r"Type:\s+DYN", head), f"{name} is not position independent")
        check("GNU_RELRO" in head and re.search(r"BIND_NOW|FLAGS_1.*NOW", head), f"{name}: no full RELRO")
        check(re.search(r"GNU_STACK.* RW ", head), f"{name}: executable stack")
        check("__stack_chk_fail" in symbols, f"{name}: no stack protector")
        check(re.search(r"__\w+_chk\b", symbols), f"{name}: not fortified")
        check("RPATH" not in head and "RUNPATH" not in head, f"{name} has an RPATH")
        equal(os.stat(path).st_mode & 0o7777, 0o755, f"mode of {name}: nothing is setuid")


def test_contents(lab, release):
    """A manual page for every program and file, completions, presets, and the list of what it is made of."""
    folder = unpacked(lab, release)
    for page in ("man8/tsgwd.8", "man1/tsgwctl.1", "man5/tsgw.ini.5", "man8/tsgw-wg.8"):
        check(glob.glob(f"{folder}/usr/share/man/{page}*"), f"no manual page {page}")
    for path in ("usr/lib/systemd/system/tsgw.service", "usr/lib/systemd/system/tsgw@.service",
                 "usr/lib/sysusers.d/tsgw.conf", "usr/lib/tmpfiles.d/tsgw.conf",
                 "usr/lib/systemd/system-preset/70-tsgw.preset", "etc/tsgw/tsgw.ini", "etc/tsgw/tsgw.d",
                 "usr/share/bash-completion/completions/tsgwctl", "usr/share/doc/tsgw/copyright"):
        check(os.path.exists(os.path.join(folder, path)), f"{path} is not in the package")
    with open(folder + "/usr/share/doc/tsgw/tsgw.spdx.json", encoding="utf-8") as f:
        bom = json.load(f)
    names = {p["name"] for p in bom["packages"]}
    check({"tsgw", "libsodium23", "libsystemd0"} <= names, f"the SBOM names {names}")
    check(all(p["versionInfo"] != "NOASSERTION" for p in bom["packages"]), "versions in the SBOM")
    equal({f["fileName"][2:] for f in bom["files"]}, {os.path.basename(p) for p in programs(folder)},
          "programs in the SBOM")


def test_lintian(lab):
    """On the release whose lintian this is."""
    tool("lintian")
    with open("/etc/os-release", encoding="utf-8") as f:
        here = re.search(r"VERSION_CODENAME=(\w+)", f.read())
    if not here or here.group(1) not in ("bookworm", "trixie"):
        raise Skip("lintian of another release")
    changes = glob.glob(packages(here.group(1)) + "/1/*.changes")[0]
    p = lab.run(["lintian", "--allow-root", "--fail-on", "error,warning", "--suppress-tags",
                 "bad-distribution-in-changes-file", changes], timeout_s=120)
    found = [line for line in p.stdout.splitlines() if line[:2] in ("E:", "W:")]
    check(p.returncode == 0 and not found, "\n".join(found) or p.stderr)


def test_build_runs_unit_tests(lab):
    """Whoever builds the package, root or not, runs the tests that need neither root nor a network, and no others."""
    tree = os.path.join(lab.dir, "tree")
    lab.run([os.path.join(image.ROOT, "packaging/copy-source"), tree], ok=0)
    lab.run([os.path.join(image.ROOT, "packaging/generate"), "1.0", tree, "debian"], ok=0)
    clean = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "O", "DEB_BUILD_OPTIONS")}
    out = lab.run(["env", "-i", *(f"{k}={v}" for k, v in clean.items()), "make", "-n", "-C", tree, "-f", "debian/rules",
                   "override_dh_auto_test"], ok=0).stdout
    check("tests/run-unit.py" in out, f"the unit tests: {out[-2000:]}")
    for other in ("tests/net/run.py", "tests/system", "clang-tidy"):
        check(other not in out, f"{other} is run, too")


@deadline(400)
def test_reproducible(lab):
    """The same sources, built once more in another directory: the same package, byte by byte."""
    release = "bookworm"
    folder = packages(release)
    again = os.path.join(lab.dir, "again")
    os.mkdir(again)
    with open(folder + "/1/epoch", encoding="ascii") as f:
        image.Image(release).build_one(again, 1, again=f.read())
    first, second = deb_of(folder + "/1"), deb_of(again + "/1")
    p = lab.run(["sha256sum", first, second], ok=0).stdout.split()
    equal(p[2], p[0], "the second build's hash")


@deadline(300)
def test_autopkgtest(picture, release):
    """The package's own tests, as debian/tests/control says: with what it says they need, and nothing else."""
    with told(Machine(picture, release)) as m:
        top = os.path.join(image.ROOT, "packaging/debian/tests")
        with open(top + "/control", encoding="utf-8") as f:
            tests = re.search(r"(?m)^Tests: (.*)$", f.read()).group(1).split()
        for name in tests:
            with open(os.path.join(top, name), encoding="utf-8") as f:
                m.write("/root/" + name, f.read(), 0o755)
            p = m.run(["/root/" + name], timeout_s=120)
            check(p.returncode == 0, f"{name}: {p.stdout}{p.stderr}")


@deadline(300)
def test_upgrade_and_purge(picture, release):
    """A newer version restarts what runs and nothing else; removing ends it; purging forgets it."""
    with told(Machine(picture, release)) as m:
        fgpu, _ = m.add("fgpu", "lab", ssh=False)
        m.configure()
        m.systemctl("enable", "--now", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        before = m.show("tsgw@fgpu", "MainPID")
        m.publish(2)
        m.apt("update")
        m.apt("upgrade")
        check(image.VERSION_2 in m.out("tsgwd --version"), "the newer version")
        wait_for(lambda: m.show("tsgw@fgpu", "MainPID") not in (before, "0"), "tsgw@fgpu is the newer one")
        m.wait_state("fgpu", "up")
        equal(json.loads(m.ctl("status", "fgpu", "--json", ok=0).stdout)["version"]
              if "version" in m.ctl("status", "fgpu", "--json").stdout else image.VERSION_2,
              image.VERSION_2, "the version that runs")
        check_page(picture, fgpu)
        equal(m.is_active("tsgw@lab"), "inactive", "what did not run before")
        # a changed configuration survives, and what runs goes with the package
        ini = m.read("/etc/tsgw/tsgw.ini")
        p = m.apt("remove", "tsgw")
        check("rror" not in p.stdout + p.stderr, f"removing says: {p.stdout}{p.stderr}")
        equal(m.read("/etc/tsgw/tsgw.ini"), ini, "the configuration")
        check(not m.exists("/run/netns/tsgw-fgpu"), "its namespace")
        links = m.out("ip -br link")
        check("tsgw-fgpu" not in links, f"its link: {links}")
        equal(leftovers(m), [], "processes")
        m.apt("install", "tsgw")
        m.systemctl("start", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        check_page(picture, fgpu)
        p = m.apt("purge", "tsgw")
        for path in ("/var/lib/tsgw", "/run/tsgw", "/etc/tsgw/tsgw.ini", "/etc/tsgw/tsgw.d", "/etc/netns",
                     "/etc/systemd/system/multi-user.target.wants/tsgw@fgpu.service"):
            check(not m.exists(path), f"{path} is still there")
        check(m.exists("/etc/tsgw/fgpu.conf"), "a key that the package did not make was taken away")
        equal(leftovers(m), [], "processes after the purge")
        equal(m.out("systemctl --failed --no-legend --plain").strip(), "", "failed units")


def leftovers(m):
    return [line for line in m.out("ps -eo args").splitlines()
            if re.search(r"(^|/)tsgw(d|-\w+)( |$)", line)]


@deadline(300)
def test_files_gone_while_running(picture, release):
    """The programs vanish under a running gateway (a package removed without its scripts): it goes on, a
    worker that dies cannot come back, one line says so, and a stop leaves nothing."""
    with told(Machine(picture, release)) as m:
        fgpu, = m.add("fgpu", ssh=False)
        m.configure()
        m.systemctl("start", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        m.out("cp -a /usr/libexec/tsgw /root/kept && rm -r /usr/libexec/tsgw")
        check_page(picture, fgpu)
        m.out("pkill -KILL -x tsgw-proxy")
        m.wait_state("fgpu", "degraded", "starting", "failed")
        wait_for(lambda: re.search(r"tsgw-proxy: is gone: there is no such file", m.journal("tsgw@fgpu")),
                 lambda: "a line that says what is missing: " + m.journal("tsgw@fgpu"))
        m.out("mkdir -p /usr/libexec && cp -a /root/kept /usr/libexec/tsgw")
        m.wait_state("fgpu", "up", timeout_s=60)
        check_page(picture, fgpu)
        m.out("rm -r /usr/libexec/tsgw /usr/sbin/tsgwd")
        m.systemctl("stop", "tsgw@fgpu", "tsgw")
        check(not m.exists("/run/netns/tsgw-fgpu"), "its namespace")
        equal(leftovers(m), [], "processes")


@deadline(400)
def test_tarball(picture):
    """Unpacked somewhere on a Debian without any of the libraries, without systemd's help: it runs."""
    lab = picture.lab
    release = "trixie"  # its C library is not older than that of whoever builds
    dist = os.path.join(lab.dir, "dist")
    lab.run(["make", "-s", "-C", image.ROOT, "tarball", f"DIST={dist}", "O=" + os.path.abspath(os.environ["O"])],
            ok=0, timeout_s=300)
    names = glob.glob(dist + "/*.tar.gz")
    equal(len(names), 1, f"tarballs: {names}")
    with told(Machine(picture, release, install=False)) as m:
        subprocess.run(["tar", "xzf", names[0], "-C", m.path("/opt")], check=True)
        place = m.out("echo /opt/tsgw-*").strip()
        fgpu, = m.add("fgpu", ssh=False)
        m.configure()
        missing = [line for line in m.out(f"ldd {place}/sbin/* {place}/bin/* {place}/libexec/tsgw/*").splitlines()
                   if "not found" in line]
        equal(missing, [], "libraries that are not there")
        d = m.spawn([f"{place}/sbin/tsgwd", "--config", "/etc/tsgw/tsgw.ini"], name="tsgwd of the tarball")
        wait_for(lambda: m.run([f"{place}/bin/tsgwctl", "wait", "fgpu", "--for=up",
                                "--timeout=1"]).returncode == 0, "fgpu is up", 30)
        check_page(picture, fgpu)
        m.out("kill $(pidof tsgwd)")
        equal(d.wait(), 0, "its exit code")
        equal(leftovers(m), [], "processes")


@deadline(600)
def test_arm64_tarball(lab):
    """Built here for arm64, with its libraries: they are of that processor and complete, and the programs run."""
    triplet, emulator = "aarch64-linux-gnu", tool("qemu-aarch64")
    tool(triplet + "-gcc")
    dist, o = os.path.join(lab.dir, "dist"), os.path.abspath(os.environ["O"])
    p = lab.run(["make", "-s", "-C", image.ROOT, "tarball", f"CROSS={triplet}", f"DIST={dist}", f"O={o}/{triplet}"],
                timeout_s=500)
    if p.returncode and "pkg-config" in p.stderr:
        raise Skip("no libraries of arm64 here (make deps)")
    equal(p.returncode, 0, p.stderr)
    lab.run(["tar", "xzf", glob.glob(dist + "/*-aarch64.tar.gz")[0], "-C", lab.dir], ok=0)
    place = glob.glob(lab.dir + "/tsgw-*-aarch64")[0]
    files = [f for pattern in ("sbin/*", "bin/*", "libexec/tsgw/*", "lib/*") for f in glob.glob(f"{place}/{pattern}")]
    shipped = {os.path.basename(f) for f in glob.glob(place + "/lib/*")}
    check(len(files) >= 15 and any(f.startswith("libsodium") for f in shipped), f"what is in it: {files}")
    for f in files:
        head = lab.run(["readelf", "-hd", f], ok=0).stdout
        check("AArch64" in head, f"{f} is of another processor")
        missing = {n for n in re.findall(r"\(NEEDED\).*\[(.+)\]", head)
                   if not re.match(r"(libc|libm|libdl|librt|libpthread|libresolv|libgcc_s|ld-linux.*)\.so", n)} - shipped
        equal(missing, set(), f"libraries of {f} that are not there")

    def there(*cmd):
        return lab.run([emulator, "-L", "/usr/" + triplet, *cmd])

    for name in ("sbin/tsgwd", "bin/tsgwctl"):
        check(re.match(os.path.basename(name) + r" \d", there(f"{place}/{name}", "--version").stdout), name)
    ini = os.path.join(image.ROOT, "etc/examples/two-tailnets.ini")
    here = lab.run([os.path.join(o, "tsgwd"), "--check", "--config", ini])
    p = there(place + "/sbin/tsgwd", "--check", "--config", ini)
    equal((p.returncode, p.stdout, p.stderr), (here.returncode, here.stdout, here.stderr), "what it says of an example")
