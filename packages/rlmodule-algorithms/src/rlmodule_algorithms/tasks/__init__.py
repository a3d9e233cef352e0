"""Small environments of our own, one for each kind of space; importing this registers them with Gymnasium.

Each can be solved to a return that is known, as are those of a random policy and of one that is blind. Gymnasium makes
them by their ids, such as "rlmodule/FindTheSpot-v0".
"""

from __future__ import annotations

from rlmodule_algorithms.tasks.registration import register_tasks

__all__ = ["TASKS"]

TASKS = register_tasks()
"""Their ids."""
