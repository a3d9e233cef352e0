"""Import times, memory and installed size, each in fresh interpreters.

"X over Y" times `import X` in an interpreter that has already imported Y. Memory is the peak of the resident set: after
the imports, and after PPO iterations by the standard setting of ppo_throughput.py. The installed size adds up the files
of rlmodule-core and of everything that it requires, as they lie in this environment.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from installed_size import installed_mb
from measuring import Comparison, Spread, argument_parser, figure, in_turn, markdown_table, write_json
from peers.libraries import LIBRARIES, OURS, SB3

FRAMEWORKS = ("torch", "tensorflow", "keras", "jax", "ray")
IMPORTS = (
    ("gymnasium", None),
    ("rlmodule_core", "gymnasium"),
    ("torch", None),
    ("rlmodule_torch", "torch"),
    ("stable_baselines3", "torch"),
)
"""A package, and what has already been imported."""

_ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_PEAK_MB = "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == 'darwin' else 2**10)"
_IMPORT = f"""
import json, resource, sys, time
{{before}}
modules, started = len(sys.modules), time.{{clock}}()
import {{package}}
seconds = time.{{clock}}() - started
frameworks = [name for name in {FRAMEWORKS!r} if name in sys.modules]
print(json.dumps(dict(seconds=seconds, modules=len(sys.modules) - modules, mb={_PEAK_MB}, frameworks=frameworks)))
"""
_TRAIN = f"""
import json, resource, sys
sys.path.insert(0, {str(Path(__file__).resolve().parent)!r})
from peers.libraries import LIBRARIES
trainer = LIBRARIES[{{name!r}}].make(0)
for _ in range({{iterations}}):
    trainer.iterate()
print(json.dumps(dict(mb={_PEAK_MB})))
"""


@dataclass
class Import:
    """What importing a package takes, measured anew at each call of `measure`.

    Attributes:
        package: what is imported.
        before: what has been imported before.
        figures: of the latest measurement: modules added, peak memory, frameworks loaded.
    """

    package: str
    before: str | None
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"import {self.package}" + ("" if self.before is None else f", over {self.before}")

    def measure(self, clock: str) -> float:
        """Seconds."""
        before = "" if self.before is None else f"import {self.before}"
        self.figures = fresh(_IMPORT.format(before=before, package=self.package, clock=clock))
        return float(self.figures["seconds"])

    def cells(self) -> list[str]:
        """For the table, beside the seconds."""
        frameworks = ", ".join(self.figures["frameworks"])
        return [figure(self.figures["mb"]), str(self.figures["modules"]), frameworks if frameworks else "none"]


def fresh(code: str) -> dict[str, Any]:
    """What `code` prints as JSON in an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=_ENVIRONMENT)
    _succeed(done)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def command_seconds(command: Sequence[str]) -> float:
    """Wall time of a command, its interpreter's start included."""
    started = time.perf_counter()
    _succeed(subprocess.run(command, capture_output=True, text=True, check=False, env=_ENVIRONMENT))
    return time.perf_counter() - started


def _succeed(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(done.args)} failed:\n{done.stderr}")


def training_mb(name: str, *, iterations: int) -> float:
    """Peak memory of training with a library."""
    return float(fresh(_TRAIN.format(name=name, iterations=iterations))["mb"])


def import_table(samples: Mapping[str, Sequence[float]], cells: Mapping[str, Sequence[str]]) -> list[str]:
    """Seconds and further cells by name; a name without samples is not installed."""
    rows = []
    for name, further in cells.items():
        spread = Spread.of(samples[name]) if name in samples else None
        seconds = ["not installed", "", ""] if spread is None else map("{:.3f}".format, vars(spread).values())
        rows.append([name, *seconds, *further])
    return markdown_table(["", "seconds", "least", "greatest", "peak MB", "modules added", "frameworks"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, compare, print."""
    parser = argument_parser(__doc__, rounds=7)
    parser.add_argument("--iterations", type=int, default=20, help="of PPO, for the memory of training")
    options = parser.parse_args(arguments)
    clock = {"wall": "perf_counter", "cpu": "process_time"}[options.clock]

    imports = [Import(package, before) for package, before in IMPORTS]
    installed = [one for one in imports if find_spec(one.package) is not None]
    measures = {one.name: partial(one.measure, clock) for one in installed}
    cli = shutil.which("rlmodule", path=str(Path(sys.executable).parent))
    if cli is not None:
        measures["rlmodule --help"] = partial(command_seconds, [cli, "--help"])
    samples = in_turn(measures, rounds=options.rounds)
    cells = {one.name: one.cells() if one in installed else [""] * 3 for one in imports} | {
        "rlmodule --help": ["", "", ""]
    }
    print("\n".join(["Imports, each in a fresh interpreter", "", *import_table(samples, cells), ""]))

    training = {
        name: partial(training_mb, name, iterations=options.iterations)
        for name in (OURS, SB3)
        if LIBRARIES[name].installed
    }
    memory = Comparison(
        f"Peak memory of {options.iterations} iterations of PPO",
        "MB",
        in_turn(training, rounds=min(3, options.rounds)),
        SB3 if SB3 in training else None,
        [] if SB3 in training else [SB3],
    )
    print("\n".join([*memory.lines(), ""]))

    sizes = installed_mb("rlmodule-core")
    total = sum(sizes.values())
    table = markdown_table(["", "MB"], [*([name, figure(mb)] for name, mb in sizes.items()), ["total", figure(total)]])
    print("\n".join(["Installed files of rlmodule-core and what it requires", "", *table]))
    if options.json is not None:
        imported = {"title": "imports", "samples": samples, "figures": {one.name: one.figures for one in installed}}
        write_json(options, [imported, memory.to_dict(), {"title": "installed MB", "sizes": sizes}])


if __name__ == "__main__":
    main()
