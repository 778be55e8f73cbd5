"""Train everything once a seed, ask the doctor, and count: faults named, healthy runs alarmed.

python -m benchmarks.doctor [--seeds 11,12] [--only WORD] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.doctor.faults import faults
from benchmarks.doctor.healthy import healthy
from benchmarks.doctor.trial import judged

__all__ = ["figures", "main"]

# The thresholds were chosen while looking at seeds 1 and 2; what is reported has others.
_REPORTED = "11"


def figures(results: list[dict[str, Any]]) -> dict[str, Any]:
    """How many faults are named first, or first or second, and how many healthy runs alarmed."""
    bad = [r for r in results if r["fault"]]
    good = [r for r in results if r["healthy"]]
    first = [r for r in bad if set(r["found"][:1]) & set(r["expected"])]
    second = [r for r in bad if set(r["found"][:2]) & set(r["expected"])]
    alarmed = [r for r in good if r["found"]]
    return {
        "faulty": len(bad),
        "named_first": len(first),
        "named_first_or_second": len(second),
        "share_named": len(second) / max(1, len(bad)),
        "healthy": len(good),
        "not_healthy": sum(not r["fault"] and not r["healthy"] for r in results),
        "false_alarms": len(alarmed),
        "share_alarmed": len(alarmed) / max(1, len(good)),
        "overhead": sum(r["overhead"] * r["seconds"] for r in results)
        / max(1e-9, sum(r["seconds"] for r in results)),
        "seconds": sum(r["seconds"] for r in results),
    }


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.doctor", description=__doc__)
    parser.add_argument("--seeds", default=_REPORTED, help="numbers between commas")
    parser.add_argument("--only", default="", help="part of the names to run")
    parser.add_argument("--json", type=Path, help="where every run and the figures go")
    chosen = parser.parse_args()
    results = []
    for seed in map(int, chosen.seeds.split(",")):
        for trial in [*faults(), *healthy()]:
            if chosen.only in trial.name:
                results.append(judged(trial, seed))
                print(_line(results[-1]), file=sys.stderr, flush=True)
    found = figures(results)
    show(results, found)
    if chosen.json:
        text = json.dumps({"figures": found, "runs": results}, indent=1)
        chosen.json.write_text(text + "\n", "utf-8")


def _line(result: dict[str, Any]) -> str:
    right = (
        bool(set(result["found"][:2]) & set(result["expected"]))
        if result["fault"]
        else not result["found"]
    )
    mark = "ok   " if right else "WRONG"
    if not (result["fault"] or result["healthy"]):
        mark = "weak "
    said = ", ".join(result["found"])
    return f"{mark} {result['seconds']:5.1f} s  {result['name']} [{result['seed']}]: {said}"


def show(results: list[dict[str, Any]], found: dict[str, Any]) -> None:
    """The table by fault and the closing lines."""
    table = Table("what was done", "runs", "first", "first or second", "named first, and how often")
    for fault in dict.fromkeys(r["fault"] for r in results):
        own = [r for r in results if r["fault"] == fault and (fault or r["healthy"])]
        firsts = Counter(r["found"][0] if r["found"] else "nothing" for r in own)
        said = ", ".join(f"{name} {n}" for name, n in firsts.most_common())
        one, two = (
            sum(bool(set(r["found"][:k]) & set(r["expected"])) for r in own) for k in (1, 2)
        )
        named = (str(one), str(two)) if fault else ("", "")
        table.add_row(fault or "nothing", str(len(own)), *named, said)
    console = Console(width=120)
    console.print(table)
    print(
        f"{found['named_first_or_second']} of {found['faulty']} faults named first or second "
        f"({found['share_named']:.0%}), {found['named_first']} first; {found['false_alarms']} of "
        f"{found['healthy']} healthy runs alarmed ({found['share_alarmed']:.0%}; "
        f"{found['not_healthy']} more did not reach what they must); the doctor took "
        f"{found['overhead']:.1%} of {found['seconds']:.0f} CPU seconds"
    )


if __name__ == "__main__":
    main()
