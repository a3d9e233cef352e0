"""A checkpoint on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rlmodule_algorithms.cli.formatting import mean_number, plain_number
from rlmodule_algorithms.cli.inspecting.algorithm_facts import AlgorithmFacts
from rlmodule_algorithms.cli.inspecting.checkpoint_facts import CheckpointFacts, FileFacts
from rlmodule_algorithms.cli.inspecting.module_facts import ModuleFacts
from rlmodule_core.summary import file_size, summary_text

_KINDS = {"rl_module": "modules", "algorithm": "an algorithm"}
_LABEL_WIDTH = 14
_SIZE_WIDTH = 8


def print_checkpoint(console: Console, facts: CheckpointFacts) -> None:
    """Print it, in sections."""
    total = file_size(sum(file.size for file in facts.files))
    console.print(facts.directory, style="bold", markup=False, soft_wrap=True)
    kind = (
        f"checkpoint of {_KINDS.get(facts.kind, facts.kind)}, format {facts.format}, {len(facts.files)} files, {total}"
    )
    console.print(kind, style="dim")
    if facts.algorithm is not None:
        _print_section(console, *_algorithm(facts.algorithm))
    if facts.container is not None:
        _print_section(console, "container", [("class", facts.container)])
    for module in facts.modules:
        _print_module(console, module)
    if facts.shared:
        _print_section(console, "shared weights", list(facts.shared.items()))
    _print_files(console, facts.files)
    versions = dict(facts.versions)
    if facts.algorithm is not None:
        versions["rlmodule-algorithms"] = facts.algorithm.version
    versions_text = ", ".join(f"{name} {version}" for name, version in versions.items())
    console.print()
    console.print(f"written with {versions_text}", style="dim", markup=False)


def _print_section(console: Console, title: str | Text, rows: list[tuple[str, str]]) -> None:
    console.print()
    console.print(title, style="bold", markup=False)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", justify="right", min_width=_LABEL_WIDTH, no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(Text(label), Text(text))
    console.print(table)


def _print_module(console: Console, facts: ModuleFacts) -> None:
    title = Text.assemble("module ", (facts.id, "cyan"))
    if facts.same_as is not None:
        _print_section(console, title, [("same as", facts.same_as)])
        return
    console.print()
    console.print(title, style="bold", markup=False)
    console.print(Text(summary_text(facts.summary)), soft_wrap=True)


def _algorithm(facts: AlgorithmFacts) -> tuple[Text, list[tuple[str, str]]]:
    title = Text.assemble(
        (facts.name, "cyan"), " on ", (facts.env if facts.env is not None else "an own environment", "cyan")
    )
    recent = (
        "none yet"
        if facts.recent_return_mean is None
        else f"{mean_number(facts.recent_return_mean)}, mean of the last episodes"
    )
    counts = f"{facts.iteration:,} iterations, {facts.env_steps:,} steps, {facts.episodes:,} episodes"
    rows = [("trained", counts), ("return", recent)]
    if facts.kept_return is not None:
        rows.append(("kept for", f"{plain_number(facts.kept_return)}, the best mean return of its run"))
    rows.append(("going on", "is exact" if facts.exact else "starts new episodes"))
    rows += [("" if index else "options", text) for index, text in enumerate(_options(facts.options))]
    rows += [("" if index else "pass again", text) for index, text in enumerate(_options(facts.passed_again))]
    return title, rows


def _options(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        yield f"{name} = {value!r}"


def _print_files(console: Console, files: tuple[FileFacts, ...]) -> None:
    console.print()
    console.print("files", style="bold")
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", min_width=_SIZE_WIDTH)
    table.add_column(no_wrap=True)
    table.add_column(style="dim", overflow="fold")
    for file in files:
        table.add_row(file_size(file.size), file.name, ", ".join(file.holds))
    console.print(table)
