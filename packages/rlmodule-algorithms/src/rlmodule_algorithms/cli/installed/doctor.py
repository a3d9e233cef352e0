"""`rlmodule doctor`: check whether everything works that training needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rlmodule_algorithms.cli.exit_codes import DONE, FAILED
from rlmodule_algorithms.cli.health.finding import Finding
from rlmodule_algorithms.cli.health.frameworks import check_frameworks
from rlmodule_algorithms.cli.health.machine import (
    check_directory,
    check_gymnasium,
    check_logs,
    check_terminal,
    check_threads,
)
from rlmodule_algorithms.cli.health.packages import check_packages, check_plugins, check_python

Check = Callable[[], Iterable[Finding]]

_STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


def examine(*, console: Console) -> int:
    """Run all checks, print a line for each, and return the exit code."""
    checks: dict[str, Check] = {
        "python": check_python,
        "packages": check_packages,
        "plugins": check_plugins,
        "framework": check_frameworks,
        "gymnasium": check_gymnasium,
        "threads": check_threads,
        "directory": check_directory,
        "logs": check_logs,
        "terminal": partial(check_terminal, console),
    }
    verdicts = []
    with console.status("Checking") as status:
        for subject, check in checks.items():
            status.update(f"Checking {subject}")
            for finding in _guarded(subject, check):
                verdicts.append(finding.verdict)
                _print(console, finding)
    console.print()
    failures, warnings = verdicts.count("fail"), verdicts.count("warn")
    console.print(_conclusion(failures, warnings), style="bold", markup=False)
    return FAILED if failures else DONE


def _guarded(subject: str, check: Check) -> Iterator[Finding]:
    """The findings, or the error that kept the check from its end."""
    try:
        yield from check()
    except Exception as error:
        advice = "Mend that, then run rlmodule doctor again."
        yield Finding("fail", subject, f"{type(error).__name__}: {error}", advice)


def _print(console: Console, finding: Finding) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=4, no_wrap=True)
    table.add_column(min_width=20, no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    text = Text(" ".join(finding.text.split()))
    if finding.advice is not None:
        text.append(f"\n{finding.advice}", style=_STYLES[finding.verdict])
    table.add_row(Text(finding.verdict, style=_STYLES[finding.verdict]), Text(finding.subject), text)
    console.print(table)


def _conclusion(failures: int, warnings: int) -> str:
    warned = "" if not warnings else f" {warnings} thing{'s' if warnings > 1 else ''} could be better."
    if not failures:
        return f"Everything works that training needs.{warned}"
    return f"{failures} check{'s' if failures > 1 else ''} failed.{warned}"
