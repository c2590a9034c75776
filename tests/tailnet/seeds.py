# SPDX-License-Identifier: MIT
"""The seeds: documents of people who do by hand what this project does for them, and the table of their lines.

seeds/NNN.txt holds every line of their code blocks, and commands from their text, as "LINE: text".
SEEDS.md says of each line which test runs it, or why none does. A test takes lines by

    seeds.text("002:152-153", {"what is written": "what is here"})

so what runs is the line as written, with addresses, keys and paths put in. missing() holds all of it together.
"""
import ast
import glob
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))


def load():
    """-> {"002:153": text}, comments and all."""
    lines = {}
    for path in sorted(glob.glob(os.path.join(HERE, "seeds", "*.txt"))):
        seed = os.path.basename(path)[:3]
        with open(path, encoding="utf-8") as f:
            for row in f:
                number, text = row.rstrip("\n").split(": ", 1)
                key = f"{seed}:{number}"
                lines[key] = lines[key] + "\n" + text if key in lines else text
    return lines


def expand(ref):
    """"002:152-153" -> ["002:152", "002:153"]."""
    seed, span = ref.split(":")
    first, _, last = span.partition("-")
    return [f"{seed}:{n}" for n in range(int(first), int(last or first) + 1)]


def text(ref, put=None):
    """The lines of REF with every key of PUT replaced; a key that is not there is an error."""
    lines = load()
    found = "\n".join(lines[key] for key in expand(ref) if key in lines)
    if not found:
        raise KeyError(f"no such line: {ref}")
    for old, new in (put or {}).items():
        if old not in found:
            raise KeyError(f"{ref}: {old!r} is not in {found!r}")
        found = found.replace(old, new)
    return found


def table():
    """-> [(ref, how, what)]; HOW is "run" or "no"."""
    rows = []
    with open(os.path.join(HERE, "SEEDS.md"), encoding="utf-8") as f:
        for line in f:
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            if re.fullmatch(r"\d{3}:\d+(-\d+)?", cells[0]) and len(cells) == 3:
                rows.append(tuple(cells))
    return rows


def functions():
    """-> {"seed002::story": every string in that test and in the functions of its file that it uses}."""
    found = {}
    for path in glob.glob(os.path.join(HERE, "test_*.py")):
        with open(path, encoding="utf-8") as f:
            own = {n.name: n for n in ast.parse(f.read()).body if isinstance(n, ast.FunctionDef)}
        for name in own:
            if name.startswith("test_"):
                used, left = set(), {name}
                while left:
                    used |= left
                    left = {n.id for u in left for n in ast.walk(own[u])
                            if isinstance(n, ast.Name) and n.id in own} - used
                found[f"{os.path.basename(path)[5:-3]}::{name[5:]}"] = {
                    n.value for u in used for n in ast.walk(own[u])
                    if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return found


def missing():
    """What is wrong between seeds, table and tests, line by line."""
    lines, tests, seen = load(), functions(), {}
    for ref, how, what in table():
        covered = [key for key in expand(ref) if key in lines]
        if not covered:
            yield f"SEEDS.md: {ref}: no such line in the seeds"
        for key in covered:
            if key in seen:
                yield f"SEEDS.md: {key} stands in two rows, {seen[key]} and {ref}"
            seen[key] = ref
        if how == "no" and len(what) < 10:
            yield f"SEEDS.md: {ref}: no reason"
        elif how == "run":
            for test in what.split(", "):
                if test not in tests:
                    yield f"SEEDS.md: {ref}: no such test: {test}"
                elif not set(covered) & {key for s in tests[test] if re.fullmatch(r"\d{3}:\d+(-\d+)?", s)
                                         for key in expand(s)}:
                    yield f"SEEDS.md: {ref}: {test} does not take that line"
        elif how != "no":
            yield f"SEEDS.md: {ref}: neither run nor no: {how}"
    taken = {key for strings in tests.values() for s in strings if re.fullmatch(r"\d{3}:\d+(-\d+)?", s)
             for key in expand(s)}
    for key in lines:
        if key not in seen:
            yield f"no row in SEEDS.md: {key} {lines[key]!r}"
    for ref, how, what in table():
        for key in expand(ref) if how == "run" else ():
            if key in lines and key not in taken and not lines[key].strip().startswith("#"):
                yield f"SEEDS.md: {key} is taken by no test"
