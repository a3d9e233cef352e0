"""`rlmodule inspect`: show what a checkpoint holds."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console

from rlmodule_algorithms.cli.exit_codes import DONE
from rlmodule_algorithms.cli.inspecting.checkpoint_facts import checkpoint_facts
from rlmodule_algorithms.cli.inspecting.checkpoint_view import print_checkpoint
from rlmodule_algorithms.cli.options import InspectOptions
from rlmodule_algorithms.cli.saved_checkpoint import saved_checkpoint


def inspect(options: InspectOptions, *, console: Console) -> int:
    """Print it and return the exit code.

    Raises:
        CheckpointError: the checkpoint is missing or damaged, or has no such module.
    """
    facts = checkpoint_facts(saved_checkpoint(options.checkpoint), module_id=options.module)
    if options.json:
        console.out(json.dumps(asdict(facts), indent=2), highlight=False)
    else:
        print_checkpoint(console, facts)
    return DONE
