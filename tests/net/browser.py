# SPDX-License-Identifier: MIT
"""Chromium without a screen, with a PAC file."""
import base64
import shutil
import tempfile

from lab import Skip


def pac_url(text):
    """A PAC file as an URL that holds it."""
    return "data:application/x-ns-proxy-autoconfig;base64," + base64.b64encode(text.encode()).decode()


def chromium(lab, pac, url, *options):
    """Chromium's command line for URL, with the PAC file at the URL PAC."""
    program = shutil.which("chromium")
    if not program:
        raise Skip("chromium is not installed")
    profile = tempfile.mkdtemp(prefix="chromium-", dir=lab.dir)
    return [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", f"--user-data-dir={profile}", f"--proxy-pac-url={pac}", *options, url]
