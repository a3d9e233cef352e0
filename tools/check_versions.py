"""Check that each local version satisfies each local requirement."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from packaging.requirements import Requirement

from workspace import Package, packages


def problems(members: Sequence[Package]) -> list[str]:
    """One line for each requirement between our packages that the checkout does not satisfy."""
    versions = {member.name: str(member.about["__version__"]) for member in members}
    found = []
    for member in members:
        for requirement in map(Requirement, member.requirements):
            if not requirement.name.startswith("rlmodule-"):
                continue
            version = versions.get(requirement.name)
            if version is None:
                found.append(f"{member.name} requires {requirement.name}, which is not in packages/")
            elif not requirement.specifier.contains(version, prereleases=True):
                found.append(f"{member.name} requires {requirement}, but packages/ has version {version}")
    return found


def main() -> int:
    """Print the problems; the exit status says whether there were any."""
    found = problems(packages())
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
