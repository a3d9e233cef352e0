"""The exam of a backend."""

from __future__ import annotations

from rlmodule_core.testing.ops_suite import OpsSuite
from rlmodule_core.testing.randomness_suite import RandomnessSuite
from rlmodule_core.testing.training_suite import TrainingSuite
from rlmodule_core.testing.weights_suite import WeightsSuite


class BackendSuite(OpsSuite, RandomnessSuite, WeightsSuite, TrainingSuite):
    """Everything a backend owes to core; a subclass names the backend as `backend_name`.

    The training tests are skipped for a backend that runs forwards only.
    """
