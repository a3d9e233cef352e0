"""`rlmodule list`: what is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rlmodule_algorithms.cli.exit_codes import DONE
from rlmodule_algorithms.cli.formatting import plain_number
from rlmodule_algorithms.cli.installed.plugin_list import GROUPS, Plugin, installed_plugins
from rlmodule_algorithms.cli.options import ListOptions
from rlmodule_algorithms.presets import PRESETS


def list_installed(options: ListOptions, *, console: Console) -> int:
    """Print presets and plugins, and return the exit code."""
    if options.json:
        groups = {title: installed_plugins(group) for title, group in GROUPS.items()}
        console.out(json.dumps(_as_json(groups), indent=2), highlight=False)
        return DONE
    with console.status("Loading what is installed"):
        groups = {title: installed_plugins(group) for title, group in GROUPS.items()}
    _print_presets(console)
    for title, found in groups.items():
        console.print()
        _print_plugins(console, title, found)
    return DONE


def _as_json(groups: Mapping[str, Sequence[Plugin]]) -> dict[str, object]:
    presets = [
        {
            "name": preset.name,
            "algorithm": preset.algorithm,
            "env": preset.env,
            "target": preset.target,
            "max_steps": preset.max_env_steps,
            "description": preset.description,
        }
        for preset in PRESETS.values()
    ]
    return {"presets": presets, **{title: [asdict(plugin) for plugin in found] for title, found in groups.items()}}


def _print_presets(console: Console) -> None:
    console.print("presets", style="bold")
    table = _grid()
    for preset in PRESETS.values():
        target = f"target {plain_number(preset.target)}"
        table.add_row(Text(preset.name, style="cyan"), preset.env, Text(target, style="dim"))
    console.print(Padding(table, (0, 0, 0, 2)))


def _print_plugins(console: Console, title: str, found: Sequence[Plugin]) -> None:
    console.print(title, style="bold", end="" if not found else "\n")
    if not found:
        console.print("  none", style="dim")
        return
    table = _grid()
    for plugin in found:
        source = "unknown" if plugin.distribution is None else f"{plugin.distribution} {plugin.version}"
        usable = plugin.problem is None
        class_name = Text(plugin.value.rpartition(":")[2], style="dim")
        table.add_row(Text(plugin.name, style="cyan" if usable else "red"), source, class_name)
    console.print(Padding(table, (0, 0, 0, 2)))
    for problem in dict.fromkeys(plugin.problem for plugin in found if plugin.problem is not None):
        console.print(f"  {problem}", style="red", markup=False, soft_wrap=True)


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=18, no_wrap=True)
    # Folded where the screen is narrow: what cannot be copied whole is of no use.
    grid.add_column(min_width=26, overflow="fold")
    grid.add_column(overflow="fold")
    return grid
