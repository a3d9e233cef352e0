"""A summary as text of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from textwrap import wrap

from rlmodule_core.plans import Dims
from rlmodule_core.summary.layer import LayerSummary
from rlmodule_core.summary.module import ModuleSummary
from rlmodule_core.summary.names import dotted, printable
from rlmodule_core.summary.specs import ForwardSummary

_WIDTH = 80
_LABEL_WIDTH = 14
_TEXT_WIDTH = _WIDTH - _LABEL_WIDTH
_NARROWEST_NAME = 24
_GAP = "  "

Row = tuple[str, ...]


def summary_text(summary: ModuleSummary) -> str:
    """The summary in paragraphs: what it is, its networks, its forwards. No line ends in a blank."""
    paragraphs = [_facts(summary), _networks(summary), _forwards(summary.forwards)]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines)


def file_size(size: int) -> str:
    """Bytes in the unit that leaves few digits: `512 B`, `35.9 kB`, `1.2 MB`."""
    if size < 1000:
        return f"{size} B"
    value, units = size / 1000, ["TB", "GB", "MB", "kB"]
    while value >= 999.95 and len(units) > 1:
        value, _ = value / 1000, units.pop()
    return f"{value:.1f} {units[-1]}"


def _facts(summary: ModuleSummary) -> list[str]:
    own = summary.class_name
    rows = [
        ("class", [f"standard ({summary.architecture})" if own is None else own]),
        ("framework", wrap(_runs_on(summary), _TEXT_WIDTH, break_long_words=False)),
        ("observations", _leaves(summary.observations)),
        ("actions", _leaves(summary.actions)),
        ("distribution", _leaves(_by_phase(summary.distributions))),
        ("state", [] if summary.state is None else _leaves(summary.state) if summary.state else ["none"]),
        ("weights", [_total(summary)]),
    ]
    return [line for label, texts in rows for line in _labelled(label, texts)]


def _runs_on(summary: ModuleSummary) -> str:
    if summary.framework is None:
        return "any: it runs on every backend"
    tied_by = summary.tied_by
    return f"{summary.framework}, runs on every backend" if tied_by is None else f"{summary.framework} alone: {tied_by}"


def _leaves(leaves: Mapping[str, str]) -> list[str]:
    widest = max(map(len, leaves), default=0)
    return [_shortened(f"{key:<{widest}}{_GAP}{text}" if key else text) for key, text in leaves.items()]


def _shortened(text: str) -> str:
    # In the middle: a space's shape and dtype come last.
    half = _TEXT_WIDTH // 2
    return text if len(text) <= _TEXT_WIDTH else f"{text[: half - 2]} ... {text[len(text) - half + 3 :]}"


def _by_phase(distributions: Mapping[str, str]) -> Mapping[str, str]:
    different = set(distributions.values())
    return {"": different.pop()} if len(different) == 1 else distributions


def _total(summary: ModuleSummary) -> str:
    weights = summary.weights.values()
    numbers = sum(weight.numbers for weight in weights)
    text = f"{numbers:,} numbers in {len(weights)} arrays, {file_size(sum(weight.size for weight in weights))}"
    if not weights or any(weight.trained is None for weight in weights):
        return text
    trained = sum(weight.numbers for weight in weights if weight.trained)
    return f"{text}, {'all' if trained == numbers else f'{trained:,}'} trainable"


def _labelled(label: str, texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        yield f"{label:<{_LABEL_WIDTH}}{text}"
        label = ""


def _networks(summary: ModuleSummary) -> list[str]:
    if summary.layers:
        leading = ("B", "T") if summary.state else ("B",)
        rows = list(_layer_rows(summary.layers, leading))
        return _table(("network", "input", "output", "numbers", ""), rows)
    rows = [
        (printable(name), _dims(weight.shape), weight.dtype, f"{weight.numbers:,}", _trained(weight.trained))
        for name, weight in summary.weights.items()
    ]
    return _table(("weight", "shape", "dtype", "numbers", ""), rows) if rows else []


def _layer_rows(layers: Sequence[LayerSummary], leading: tuple[str, ...]) -> Iterator[Row]:
    for parents, members in groupby(layers, key=lambda layer: layer.path[:-1]):
        yield (dotted(parents), "", "", "", "")
        for layer in members:
            notes = [_trained(layer.trained), "shared with an earlier layer" if layer.shared else ""]
            yield (
                f"  {dotted(layer.path[-1:])}  {layer.layer}",
                _rows(layer.input_dims, leading),
                _rows(layer.output_dims, leading),
                f"{layer.numbers:,}" if layer.numbers else "",
                ", ".join(note for note in notes if note),
            )


def _trained(trained: bool | None) -> str:
    return "not trainable" if trained is False else ""


def _rows(dims: Dims | None, leading: tuple[str, ...]) -> str:
    return "" if dims is None else _dims((*leading, *dims))


def _dims(dims: Sequence[object]) -> str:
    return f"[{', '.join(map(str, dims))}]"


def _table(header: Row, rows: Sequence[Row]) -> list[str]:
    """Columns: names, where one too long has a line of its own, two of text, one of numbers, and remarks."""
    second, third, fourth = (max(len(row[column]) for row in (header, *rows)) for column in (1, 2, 3))
    longest = max(_NARROWEST_NAME, _WIDTH - second - third - fourth - 3 * len(_GAP))
    first = max(len(row[0]) for row in (header, *rows) if any(row[1:]) and len(row[0]) <= longest)
    lines = []
    for name, *cells, remark in (header, *rows):
        rest = f"{cells[0]:<{second}}{_GAP}{cells[1]:<{third}}{_GAP}{cells[2]:>{fourth}}{_GAP}{remark}".rstrip()
        lines += [name] if rest and len(name) > first else []
        lines.append(f"{name if len(name) <= first or not rest else '':<{first}}{_GAP}{rest}".rstrip())
    return lines


def _forwards(forwards: Mapping[str, ForwardSummary]) -> list[str]:
    phases: dict[ForwardSummary, list[str]] = {}
    for phase, forward in forwards.items():
        phases.setdefault(forward, []).append(phase)
    lines = []
    for forward, names in phases.items():
        lines.append(f"forward {', '.join(names)}")
        lines += _labelled("  takes", _packed(forward.takes))
        lines += _labelled("  returns", _packed(forward.returns))
    return lines


def _packed(parts: Sequence[str]) -> list[str]:
    """The parts joined by commas, as many on a line as fit; none is broken."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 3 <= _TEXT_WIDTH:
            lines[-1] += f", {part}"
        else:
            lines = [*lines[:-1], f"{lines[-1]},", part] if lines else [part]
    return lines
