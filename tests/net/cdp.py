# SPDX-License-Identifier: MIT
"""Chromium by its DevTools protocol over a pipe: pages are opened, asked and photographed."""
import base64
import json
import os
import select
import time

from lab import Failure

PATIENCE_S = 60


class Browser:
    """Chromium in a namespace; one page at a time."""

    def __init__(self, lab, ns, command):
        self.lab, self.number, self.buffer, self.events = lab, 0, b"", []
        to_r, self.to = os.pipe()
        self.back, back_w = os.pipe()
        # the protocol's descriptors are 3 and 4 of the browser
        script = f'exec 3<&{to_r} 4>&{back_w} {to_r}<&- {back_w}>&-; exec "$@"'
        os.set_inheritable(to_r, True)
        os.set_inheritable(back_w, True)
        self.process = self._spawn(ns, ["bash", "-c", script, "bash", *command], (to_r, back_w))
        os.close(to_r)
        os.close(back_w)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Accessibility"):
            self.call(domain + ".enable")

    def _spawn(self, ns, command, fds):
        import subprocess
        import lab as L
        p = L.Process.__new__(L.Process)
        p.name, p.lines, p.changed, p.forgiven = "chromium", [], L.threading.Condition(), True
        p.popen = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "nsenter", "--net=" + ns.path, *command],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   pass_fds=fds)
        p.pid = p.popen.pid
        self.lab.processes.append(p)
        p.reader = L.threading.Thread(target=p._read, daemon=True)
        p.reader.start()
        return p

    def _message(self, end):
        while b"\0" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.back], [], [], left)[0]:
                raise Failure("chromium does not answer:\n" + self.process.log()[-3000:])
            chunk = os.read(self.back, 1 << 20)
            if not chunk:
                raise Failure("chromium has ended:\n" + self.process.log()[-3000:])
            self.buffer += chunk
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        m = {"id": self.number, "method": method, "params": params}
        if hasattr(self, "session"):
            m["sessionId"] = self.session
        os.write(self.to, json.dumps(m).encode() + b"\0")
        end = time.monotonic() + PATIENCE_S
        while True:
            got = self._message(end)
            if got.get("id") == self.number:
                if "error" in got:
                    raise Failure(f"{method}: {got['error']}")
                return got["result"]
            self.events.append(got)

    def open(self, url):
        """Goes there and waits until everything is loaded."""
        self.events.clear()
        result = self.call("Page.navigate", url=url)
        end = time.monotonic() + PATIENCE_S
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self._message(end))
        return result.get("errorText", "")

    def run(self, script):
        """The value of a JavaScript expression."""
        got = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in got:
            raise Failure(f"{script[:200]}: {got['exceptionDetails']}")
        return got["result"].get("value")

    def size(self, width, height, dark=False, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=mobile)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def agent(self, text):
        self.call("Emulation.setUserAgentOverride", userAgent=text)

    def scripts(self, on):
        self.call("Emulation.setScriptExecutionDisabled", value=not on)

    def key(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode={"Tab": 9, "Enter": 13}[key],
                      **({"text": "\r"} if key == "Enter" and kind == "keyDown" else {}))

    def photo(self, path, full=True):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=full)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))
