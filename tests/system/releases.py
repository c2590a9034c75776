# SPDX-License-Identifier: MIT
"""The Debian releases that the system tests boot; RELEASES="trixie" in the environment picks some."""
import os

RELEASES = tuple(os.environ.get("RELEASES", "bookworm trixie").split())
