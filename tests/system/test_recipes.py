# SPDX-License-Identifier: MIT
"""The recipes for what Debian's tools do not build: an RPM spec, Arch's PKGBUILD, the AppArmor profile. Each is
filled in by `make packaging` and looked at by the tools of those who use it."""
import os
import re
import shutil

import image
from lab import check, equal, tool

NOBODY = "65534"  # makepkg does not run as root
# what rpmlint says and why it stays: rpm has not wanted a BuildRoot for 15 years; the tarball is made by git archive
RPMLINT_STAYS = ("no-buildroot-tag", "invalid-url Source0")
# makepkg reads what the file sets, sets pkgdir and srcdir, and ends at the first command that fails
SHELLCHECK_STAYS = "SC2034,SC2154,SC2164"


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
