#!/usr/bin/env python3
"""Judges one report of the Autobahn test suite, strictly.

    report.py DIR ROLE      judges DIR/index.json; status 1 if anything in it is not good
                            (ROLE is for the reader: server, client, ...)
    report.py --self-test   proves that it finds bad reports bad

It prints how many cases of each category got which verdict, then every case that is not good.
A case has two verdicts: `behavior`, on what the peer did, and `behaviorClose`, on how the
connection ended. The number of cases is held against the one that the suite announced at its
start, in DIR/suite.log: a report that is empty, or that ends with a crash, is not good either.
"""

import html
import json
import pathlib
import re
import sys

GOOD = ("OK", "INFORMATIONAL")
# The columns of the table. Other verdicts get one when they occur.
BEHAVIOR = (*GOOD, "NON-STRICT", "FAILED")
CLOSING = (*GOOD, "UNCLEAN", "WRONG CODE", "FAILED")
CATEGORIES = {
    1: "framing",
    2: "ping, pong",
    3: "reserved bits",
    4: "opcodes",
    5: "fragmentation",
    6: "UTF-8",
    7: "closing",
    9: "limits",
    10: "auto-fragment",
    12: "compression",
    13: "deflate options",
}


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    directory, role = pathlib.Path(arguments[0]), arguments[1]
    announced = re.search(r"will run (\d+) test cases", (directory / "suite.log").read_text())
    expected = int(announced[1]) if announced else 0
    index = directory / "index.json"
    report = json.loads(index.read_text()) if index.exists() else {}
    for agent, cases in report.items():
        print(f"\n{agent} as {role}: {expected} cases announced, {len(cases)} reported\n")
        print(table(cases), end="\n\n")
    complaints = judge(report, expected)
    for case, complaint, entry in complaints:
        print(f"{role} {case}: {complaint}")
        print_details(directory, entry)
    print(f"{role}: {f'FAILED, {len(complaints)} complaints' if complaints else 'passed'}")
    return 1 if complaints else 0


def judge(report, expected):
    """The complaints: each a case's id (or `report`), a sentence, and the case's entry."""
    if len(report) != 1:
        return [("report", f"it is about {len(report)} agents instead of one", {})]
    [cases] = report.values()
    complaints = []
    if expected < 1 or len(cases) != expected:
        complaints.append(("report", f"{len(cases)} of {expected} cases are in it", {}))
    for case, entry in sorted(cases.items(), key=lambda item: numbers(item[0])):
        behavior, closing = verdicts(entry)
        if behavior not in GOOD or closing not in GOOD:
            complaints.append((case, f"behaviour {behavior}, closing {closing}", entry))
    return complaints


def verdicts(entry):
    return entry.get("behavior", "MISSING"), entry.get("behaviorClose", "MISSING")


def numbers(case):
    return [int(number) for number in case.split(".")]


def table(cases):
    """One line for each category: its cases, and how many of them got each verdict."""
    rows = [(numbers(case)[0], *verdicts(entry)) for case, entry in cases.items()]
    behaviors = dict.fromkeys([*BEHAVIOR, *(row[1] for row in rows)])
    closings = dict.fromkeys([*CLOSING, *(row[2] for row in rows)])

    def counts(name, selected):
        return [
            name,
            str(len(selected)),
            *(str(sum(row[1] == verdict for row in selected) or ".") for verdict in behaviors),
            *(str(sum(row[2] == verdict for row in selected) or ".") for verdict in closings),
        ]

    lines = [["category", "cases", *behaviors, *closings]]
    for category in sorted({row[0] for row in rows}):
        name = f"{category:2} {CATEGORIES.get(category, '')}"
        lines.append(counts(name, [row for row in rows if row[0] == category]))
    lines.append(counts("all", rows))
    aligned = [align(line, lines[0], len(behaviors)) for line in lines]
    bars = [place for place, sign in enumerate(aligned[0]) if sign == "|"]
    return "\n".join([f"{'':{bars[0]}}| {'behaviour':{bars[1] - bars[0] - 2}}| closing", *aligned])


def align(line, heading, behaviors):
    cells = [f"{cell:>{max(len(title), 4)}}" for cell, title in zip(line[1:], heading[1:])]
    cells.insert(1, "|")
    cells.insert(2 + behaviors, "|")
    return f"{line[0]:18} {' '.join(cells)}"


def print_details(directory, entry):
    """What the suite says of a case: its purpose, and what came instead."""
    path = directory / entry.get("reportfile", "")
    if not path.is_file():
        return
    story = json.loads(path.read_text())
    for key in ("description", "expectation", "result", "resultClose"):
        text = re.sub(r"<[^>]*>", " ", html.unescape(story.get(key) or ""))
        print(f"    {key}: {' '.join(text.split())}")


def self_test():
    def report(**changes):
        good = {"behavior": "OK", "behaviorClose": "OK"}
        return {"agent": {"1.1.1": {**good, **changes}, "10.1.1": good}}

    assert judge(report(), 2) == []
    assert judge(report(behavior="INFORMATIONAL", behaviorClose="INFORMATIONAL"), 2) == []
    for verdict in ("NON-STRICT", "UNIMPLEMENTED", "FAILED", "MISSING", ""):
        assert len(judge(report(behavior=verdict), 2)) == 1, verdict
    for verdict in ("WRONG CODE", "UNCLEAN", "FAILED BY CLIENT", "FAILED", "MISSING"):
        assert len(judge(report(behaviorClose=verdict), 2)) == 1, verdict
    assert judge({"agent": {"1.1.1": {}}}, 1), "no verdict"
    assert judge(report(), 3), "a case is missing"
    assert judge(report(), 0), "nothing was announced"
    assert judge({"agent": {}}, 0), "an empty report"
    assert judge({}, 0) and judge({}, 2), "no agent"
    assert judge({**report(), "other": {}}, 2), "two agents"
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
