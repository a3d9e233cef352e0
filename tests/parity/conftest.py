"""Puts the parts that the exam of the frameworks is made of where its tests import them from."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))
