# SPDX-License-Identifier: MIT
"""Completion of tsgwctl in real shells: every command and option that its help names, live names."""
import os
import pty
import re
import select
import subprocess
import time

import lab as L
from lab import BUILD, ROOT, Failure, check, equal, tool

PROMPT = "ready>"
CONFIG = """[gateway]
[tailnet fgpu]
port = 11080
wg-config = fgpu.conf
[hosts fgpu]
grafana = 10.100.10.141
[tailnet home]
port = 11081
wg-config = home.conf
"""


class Shell:
    """An interactive shell on a terminal of its own."""

    def __init__(self, lab, argv, start, env=None):
        self.lab, self.text, self.turn = lab, "", 0
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.chdir(lab.dir)
            os.environ.update(PATH=f"{BUILD}:{os.environ['PATH']}", PS1=PROMPT, TERM="dumb",
                              COLUMNS="200", LINES="200", HOME=lab.dir, **(env or {}))
            os.execvp(argv[0], argv)
        for line in start:
            self.write(line + "\n")
        self.write("echo be''gin\n")
        self.read_until("begin\r\n")
        self.read_until(PROMPT)

    def write(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, what, timeout_s=L.PATIENCE_S):
        """Text up to and with WHAT (a string, or a function of the text so far)."""
        done = what if callable(what) else lambda text: what in text
        end = time.monotonic() + timeout_s
        while not done(self.text):
            if time.monotonic() > end:
                raise Failure(f"never came: {what!r}; there is {self.text[-2000:]!r}")
            if select.select([self.fd], [], [], 0.1)[0]:
                self.text += os.read(self.fd, 65536).decode(errors="replace")
        if callable(what):
            text, self.text = self.text, ""
            return text
        text, self.text = self.text.split(what, 1)
        return text

    def complete(self, line, wanted):
        """What is shown after LINE (which has none of WANTED) and the completion key, until all is there."""
        self.write(line + "\t")
        words = [re.compile(r"(?<![\w-])" + re.escape(w) + r"(?![\w-])") for w in wanted]

        def all_there(text):
            return all(w.search(text) for w in words)
        try:
            return self.read_until(all_there)
        finally:
            self.turn += 1
            self.write(f"\x15echo tu''rn{self.turn}\n")
            self.read_until(f"turn{self.turn}\r\n")
            self.read_until(PROMPT)

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def setup(lab):
    lab.file("tsgw.ini", CONFIG)
    return [os.path.join(ROOT, "completion"), "--config=tsgw.ini --run-dir=run"]


def ctl(lab, *args):
    return lab.run([os.path.join(BUILD, "tsgwctl"), *args]).stdout


def commands(lab):
    found = re.findall(r"^  ([a-z-]+)", ctl(lab, "help"), re.M)
    check(len(found) > 15 and "list" in found, f"commands: {found}")
    return found


def options(lab, command):
    return re.findall(r"^  (--[a-z-]+)", ctl(lab, "help", command), re.M)


def try_shell(lab, complete):
    """COMPLETE(line, wanted words) in one shell, whichever it is."""
    where = "--config=tsgw.ini --run-dir=run"
    complete("tsgwctl ", commands(lab))
    for command in commands(lab):
        complete(f"tsgwctl {command} --", options(lab, command))
    complete(f"tsgwctl {where} status ", ["fgpu", "home"])
    complete(f"tsgwctl {where} status f", ["fgpu"])
    complete("tsgwctl wait fgpu --for=needs-", ["needs-login", "needs-approval"])
    complete("tsgwctl --config t", ["tsgw.ini"])
    complete("tsgwctl --config=t", ["tsgw.ini"])
    complete(f"tsgwctl {where} nc fgpu gra", ["grafana.fgpu"])
    complete("tsgwctl exec fgpu -- seq", ["seq"])


def test_bash(lab):
    where, _ = setup(lab)
    tool("bash")
    sh = Shell(lab, ["bash", "--noprofile", "--norc", "-i"],
               ["bind 'set show-all-if-ambiguous on'", "bind 'set page-completions off'",
                "bind 'set completion-query-items 0'", "bind 'set bell-style none'",
                "bind 'set enable-bracketed-paste off'", f"PS1='{PROMPT}'",
                f"source {where}/tsgwctl.bash"])
    try_shell(lab, sh.complete)
    sh.close()


def test_zsh(lab):
    where, _ = setup(lab)
    tool("zsh")
    sh = Shell(lab, ["zsh", "-f", "-i"],
               [f"fpath=({where} $fpath)", "autoload -U compinit && compinit -D -u", "LISTMAX=10000",
                "setopt no_beep no_prompt_cr no_always_last_prompt", f"PS1='{PROMPT}'", "unsetopt zle_bracketed_paste",
                "stty rows 200 cols 200"], {"ZDOTDIR": lab.dir})
    try_shell(lab, sh.complete)
    sh.close()


def test_fish(lab):
    where, _ = setup(lab)
    env = dict(os.environ, PATH=f"{BUILD}:{os.environ['PATH']}", HOME=lab.dir, TERM="dumb")

    def complete(line, wanted):
        p = subprocess.run([tool("fish"), "--no-config", "-c",
                            f"source {where}/tsgwctl.fish; complete -C '{line}'"], cwd=lab.dir,
                           env=env, capture_output=True, text=True, timeout=60, check=False)
        shown = {w.split("\t")[0].rstrip("=").split("=")[-1] for w in p.stdout.splitlines()}
        check(set(wanted) <= shown, f"{line}: {wanted} not in {shown} {p.stderr}")
    try_shell(lab, complete)


def test_wire(lab):
    """What the shells are told, line by line."""
    setup(lab)

    def told(*words):
        out = lab.run([os.path.join(BUILD, "tsgwctl"), "--complete", "--config",
                       os.path.join(lab.dir, "tsgw.ini"), "--run-dir", lab.dir, *words], ok=0).stdout
        return [line.split("\t")[0] for line in out.splitlines()]
    equal(told("stat"), ["status"], "a command")
    equal(told("status", ""), ["fgpu", "home"], "names")
    equal(told("list", ""), [], "a command that takes nothing")
    equal(told("wait", "--for", "u"), ["up"], "a value behind a blank")
    equal(told("wait", "--for=u"), ["--for=up"], "a value behind =")
    equal(told("list", "--j"), ["--json"], "an option")
    equal(told("up", "fgpu", "--j"), [], "an option of others")
    equal(told("exec", "fgpu", "--", "ls", "-"), [":command 7"], "a command of others")
    equal(told("--config", ""), [":file"], "a file")
    equal(told("nc", "fgpu", ""), ["grafana.fgpu"], "a host")
    equal(told("nc", "home", ""), [], "a host of another tailnet")
    equal(told("nosuch", ""), commands(lab), "nothing known before")
