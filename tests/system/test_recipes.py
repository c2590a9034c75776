# SPDX-License-Identifier: MIT
"""The recipes for others than Debian: an RPM spec, Arch's PKGBUILD, the AppArmor profile. Each is filled in by `make
packaging`, looked at by the tools of those who use it, and the packages are built of this machine's libraries: they
hold what ours for Debian holds.
"""
import os
import re
import shutil

import image
import test_package
from lab import check, equal, tool
from run import deadline

NOBODY = "65534"  # makepkg does not run as root
# what rpmlint says and why it stays: rpm has not wanted a BuildRoot for 15 years; the tarball is made by git archive
RPMLINT_STAYS = ("no-buildroot-tag", "invalid-url Source0")
# makepkg reads what the file sets, sets pkgdir and srcdir, and ends at the first command that fails
SHELLCHECK_STAYS = "SC2034,SC2154,SC2164"


# macros that Debian's rpm lacks, with Fedora's values; what is started is not tried here
MACROS = {"_unitdir": "/usr/lib/systemd/system", "_tmpfilesdir": "/usr/lib/tmpfiles.d", "_sysusersdir": "/usr/lib/sysusers.d",
          "_presetdir": "/usr/lib/systemd/system-preset", "_docdir": "/usr/share/doc", "tmpfiles_create": "true",
          "systemd_post": "true", "systemd_preun": "true", "systemd_postun_with_restart": "true"}
# of one kind of package alone: its own papers
OWN = re.compile(r"/\.[A-Z]+$|/usr/lib/\.build-id/|/usr/share/(licenses|lintian|bug)/|"
                 r"/usr/share/doc/tsgw/(LICENSE|copyright|changelog)")


def recipes(lab):
    dist = os.path.join(lab.dir, "dist")
    lab.run(["make", "-s", "-C", image.ROOT, "packaging", f"DIST={dist}"], ok=0)
    return dist + "/packaging"


def version():
    with open(os.path.join(image.ROOT, "Makefile"), encoding="utf-8") as f:
        return re.search(r"(?m)^VERSION *:= *(.*)$", f.read()).group(1)


def filled_in(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    equal(re.findall(r"@[A-Z_]+@", text), [], f"what is not filled in of {path}")
    check(version() in text, f"{path} is of another version")
    return text


def test_rpm_spec(lab):
    """rpmspec(8) expands it; rpmlint has nothing to say that is not answered above; it installs what we install."""
    tool("rpmspec")
    tool("rpmlint")
    spec = recipes(lab) + "/rpm/tsgw.spec"
    text = filled_in(spec)
    equal(lab.run(["rpmspec", "-q", "--srpm", "--qf", "%{name} %{version} %{license}", spec], ok=0).stdout,
          f"tsgw {version()} MIT", "what rpm reads")
    lab.run(["rpmspec", "-P", spec], ok=0)
    p = lab.run(["rpmlint", spec])
    said = [line for line in p.stdout.splitlines() if re.search(r": [EW]: ", line)]
    equal([line for line in said if not any(s in line for s in RPMLINT_STAYS)], [], "rpmlint")
    check("1 specfiles checked; 0 errors" in p.stdout, p.stdout + p.stderr)
    listed = text[text.index("%files"):text.index("%changelog")]
    for name in os.listdir(os.path.join(image.ROOT, "units")):
        installed = name if name.endswith((".service", ".catalog")) else "70-tsgw.preset" \
            if name.endswith(".preset") else "tsgw.conf"
        check("/" + installed in listed, f"units/{name} is not among the files")


def test_pkgbuild(lab):
    """makepkg takes it (it lints before it does anything), shellcheck has nothing to say."""
    tool("makepkg")
    folder = os.path.join(lab.dir, "arch")
    os.makedirs(folder)
    shutil.copy(recipes(lab) + "/arch/PKGBUILD", folder)
    filled_in(folder + "/PKGBUILD")
    lab.run(["chown", "-R", NOBODY, folder], ok=0)
    os.chmod(lab.dir, 0o755)
    p = lab.run(["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "env", "-C", folder,
                 "HOME=" + folder, "PACMAN=true", "CARCH=x86_64", "makepkg", "--printsrcinfo"], ok=0)
    equal(p.stderr, "", "makepkg says")
    for line in ("pkgname = tsgw", f"\tpkgver = {version()}", "\tarch = aarch64", "\tbackup = etc/tsgw/tsgw.ini"):
        check(line in p.stdout.splitlines(), f"{line!r} of {p.stdout}")
    p = lab.run(["shellcheck", "-s", "bash", "-e", SHELLCHECK_STAYS, folder + "/PKGBUILD"])
    equal((p.returncode, p.stdout), (0, ""), "shellcheck")


def source(lab, folder):
    """The sources, as the recipes want to find them in FOLDER."""
    name = f"tsgw-{version()}"
    lab.run([image.ROOT + "/packaging/copy-source", f"{lab.dir}/{name}"], ok=0)
    lab.run(["tar", "-C", lab.dir, "-czf", f"{folder}/{name}.tar.gz", name], ok=0)


def build(lab, *command):
    """Without what this run's own make was told. Quickly: how the programs are compiled others look at."""
    told = [w for v in ("MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "O", "SAN", "CFLAGS", "TESTS") for w in ("-u", v)]
    return lab.run(["env", *told, "OPT=-O0", *command], timeout_s=550, ok=0)


def files_below(folder):
    found = ("/" + os.path.relpath(os.path.join(d, f), folder) for d, _, files in os.walk(folder) for f in files)
    return sorted(f.removesuffix(".gz") for f in found if not OWN.search(f))


def check_package(lab, path, workers, moved=()):
    """The package PATH holds the files of the Debian package, as MOVED, and its programs run."""
    folder = path + ".d"
    os.makedirs(folder)
    lab.run(["bsdtar", "-C", folder, "-xf", path], ok=0)
    wanted = files_below(test_package.unpacked(lab, image.RELEASES[0]))
    for of, to in moved:
        wanted = [re.sub("^" + of, to, f) for f in wanted]
    equal(files_below(folder), sorted(wanted), f"files of {os.path.basename(path)}")
    equal(sorted(os.listdir(folder + workers)), [f"tsgw-{w}" for w in ("dns", "host", "proxy", "web", "wg")], "workers")
    for f in files_below(folder):
        if not re.search("/s?bin/tsgw", f):
            continue
        equal(lab.run([folder + f, "--version"], ok=0).stdout.split(), [os.path.basename(f), version()], f"{f} --version")
        with open(folder + f, "rb") as binary:
            check(f.endswith("ctl") or f"\0{workers}\0".encode() in binary.read(), f"{f} knows {workers}")
    with open(folder + "/usr/lib/systemd/system/tsgw@.service", encoding="utf-8") as f:
        program = re.search(r"(?m)^ExecStart=(\S+)", f.read()).group(1)
    check(os.access(folder + program, os.X_OK), f"the unit starts {program}")
    equal(os.stat(folder + "/etc/tsgw/tsgw.ini").st_mode & 0o777, 0o640, "mode of tsgw.ini")
    return folder


@deadline(600)
def test_rpm_is_built(lab):
    """rpmbuild(8) builds it from the sources alone: the same files, the group that may read tsgw.ini, scripts that make it."""
    tool("rpmbuild")
    top = lab.dir + "/rpmbuild"
    os.makedirs(top + "/SOURCES")
    source(lab, top + "/SOURCES")
    macros = [w for k, v in {**MACROS, "_topdir": top, "debug_package": "%{nil}"}.items() for w in ("--define", f"{k} {v}")]
    build(lab, "rpmbuild", "-bb", "--nodeps", "--nocheck", *macros, recipes(lab) + "/rpm/tsgw.spec")
    path = next(os.path.join(d, f) for d, _, files in os.walk(top + "/RPMS") for f in files)
    check_package(lab, path, "/usr/libexec/tsgw")
    dump = lab.run(["rpm", "-qp", "--dump", path], ok=0).stdout.splitlines()
    ini = next(line.split() for line in dump if line.startswith("/etc/tsgw/tsgw.ini "))
    equal(ini[4:8], ["0100640", "root", "tsgw", "1"], "mode, owner, group of tsgw.ini, and that it is kept")
    equal({line.split()[5] for line in dump} - {"root"}, set(), "owners")
    check("groupadd -r tsgw" in lab.run(["rpm", "-qp", "--scripts", path], ok=0).stdout, "the group is made")


@deadline(600)
def test_arch_package_is_built(lab):
    """makepkg(8) builds it from the sources alone, as an ordinary user: the same files at Arch's places."""
    tool("makepkg")
    tool("bsdtar")
    folder = lab.dir + "/arch"
    os.makedirs(folder)
    shutil.copy(recipes(lab) + "/arch/PKGBUILD", folder)
    source(lab, folder)
    lab.run(["chown", "-R", NOBODY, folder], ok=0)
    os.chmod(lab.dir, 0o755)
    build(lab, "setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "env", "-C", folder, "HOME=" + folder,
          "PACMAN=true", "CARCH=x86_64", "PKGEXT=.pkg.tar.gz", f"MAKEFLAGS=-j{os.cpu_count()}", "makepkg", "--nodeps",
          "--nocheck", "--noconfirm")
    path = next(os.path.join(folder, f) for f in os.listdir(folder) if f.endswith(".pkg.tar.gz"))
    unpacked = check_package(lab, path, "/usr/lib/tsgw", [("/usr/libexec/", "/usr/lib/"), ("/usr/sbin/", "/usr/bin/")])
    with open(unpacked + "/.PKGINFO", encoding="utf-8") as f:
        text = f.read()
    for line in (f"pkgver = {version()}-1", "backup = etc/tsgw/tsgw.ini", "license = MIT"):
        check(line in text.splitlines(), f"{line!r} of {text}")


def test_apparmor_profile(lab):
    """apparmor_parser(8) compiles it, and does not load it; a word that it does not know is an error."""
    parser = tool("apparmor_parser")
    profile = os.path.join(image.ROOT, "packaging/apparmor/usr.sbin.tsgwd")
    lab.run([parser, "-Q", "-K", "-T", profile], ok=0)
    with open(profile, encoding="utf-8") as f:
        text = f.read()
    bad = lab.file("bad", text.replace("capability chown,", "capability shown,"))
    check(lab.run([parser, "-Q", "-K", "-T", bad]).returncode != 0, "nonsense is taken for a profile")
    # what the programs' unit leaves to root is there
    with open(os.path.join(image.ROOT, "units/tsgw@.service"), encoding="utf-8") as f:
        kept = re.search(r"(?m)^CapabilityBoundingSet=(.*)$", f.read()).group(1).lower().split()
    equal([c for c in kept if f"capability {c.removeprefix('cap_')}," not in text], [], "capabilities that it lacks")
