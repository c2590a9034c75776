# SPDX-License-Identifier: MIT
"""What systemd and its journal are told: a worker that hangs, a reload, the journal's fields and explanations."""
import json

from lab import check, equal, wait_for
from machine import Machine, told
from picture import check_page
from run import deadline


def entries(m, *match):
    return [json.loads(line) for line in
            m.out(["journalctl", "-q", "--no-pager", "-o", "json", *match]).splitlines()]


def node(m):
    """The pid of tsgw-wg, as ps sees it in there."""
    return m.out("ps -C tsgw-wg -o pid= || true").strip()


@deadline(300)
def test_watchdog_and_journal(picture, release):
    """SIGSTOP of a worker: ended and started again within two watchdog's halves, the unit lives and says so."""
    m = Machine(picture, release)
    fgpu = m.add("fgpu", ssh=False)[0]
    m.configure()
    with told(m):
        m.write("/etc/systemd/system/tsgw@.service.d/watchdog.conf", "[Service]\nWatchdogSec=10\n")
        m.systemctl("daemon-reload")
        m.systemctl("enable", "--now", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        main, before = m.show("tsgw@fgpu", "MainPID"), node(m)
        m.run(f"kill -STOP {before}", ok=0)
        wait_for(lambda: node(m) not in ("", before), "another tsgw-wg", 60)
        m.wait_state("fgpu", "up")
        check_page(picture, fgpu)
        equal(m.show("tsgw@fgpu", "MainPID"), main, "the unit's main process")
        equal(m.show("tsgw@fgpu", "NRestarts"), "0", "restarts of the unit")
        check("tsgw-wg: does not answer: ended" in m.journal("tsgw@fgpu"), m.journal("tsgw@fgpu"))

        m.systemctl("reload", "tsgw@fgpu")
        wait_for(lambda: m.is_active("tsgw@fgpu") == "active", "the reload has ended")
        wait_for(lambda: "reload: 0 steps" in m.journal("tsgw@fgpu"), lambda: m.journal("tsgw@fgpu"))

        mine = entries(m, "TSGW_TAILNET=fgpu")
        check(mine and all(e.get("TSGW_TAILNET") == "fgpu" for e in mine), "entries by tailnet")
        objects = {e.get("TSGW_OBJECT") for e in mine}
        check("tsgw-wg" in objects, f"objects: {objects}")
        ends = [e for e in mine if e.get("TSGW_OBJECT") == "tsgw-wg" and e.get("MESSAGE_ID")]
        check(ends, f"the worker's end has an id: {mine}")
        text = m.out(["journalctl", "-q", "--no-pager", "-x", "MESSAGE_ID=" + ends[0]["MESSAGE_ID"]])
        check("░░ Subject: " in text or "-- Subject: " in text, f"explained: {text}")
        check("fgpu" in text, text)
