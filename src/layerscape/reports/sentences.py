"""What a run shows, in sentences that claim no more than the intervals carry."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from layerscape.reports.profile import (
    ReportedRun,
    Row,
    alongside,
    consecutive,
    first_variant,
    label_columns,
    number,
    rows_of,
    said,
    within_chance,
)

# From here on a finite sample reads too low: 2,000 Gaussian samples of dimension 15 give 13.6, of dimension 30 give 23.
HIGH_DIMENSION = 15


def findings(run: ReportedRun, baseline: ReportedRun | None = None) -> list[str]:
    """What a run shows, in sentences: which layer was recommended, if anybody asked, then the three main things.

    "Above", "rises", "most" and the like are said only where the 95 % intervals do not touch. Every comparison is
    given with what chance gives.

    Parameters
    ----------
    run
        A run that has been measured.
    baseline
        A second run, such as the untrained network, that labels are compared with.
    """
    labels = rows_of(run, "label_overlap")
    beside = rows_of(baseline, "label_overlap") if baseline else []
    columns = [_labels(labels, beside, column, baseline.name if baseline else "") for column in label_columns(labels)]
    curves = {name: first_variant(rows) for name, rows in dimension_curves(run).items()}
    finest = next(iter(curves.values()), [])
    thin = _thin(finest)
    dead = {row["layer"] for row in finest if row["value"] is None} | set(thin)
    sentences = [
        run.recommendation["reason"] if run.recommendation else "",
        _dimension({name: [row for row in rows if row["layer"] not in thin] for name, rows in curves.items()}),
        _rearrangement(run, dead),
        *columns,
        _similarity(run),
    ]
    sentences += [_too_high([row for row in finest if row["layer"] not in thin]), *_gaps(finest)]
    sentences += [
        f"Layer {layer!r} has only {n:,} distinct samples, the others being copies of them; the sentences on "
        "dimension and neighborhoods leave it out."
        for layer, n in thin.items()
    ]
    return [sentence for sentence in sentences if sentence] or [
        f"Run {run.name!r} has no dimension and no overlap to speak of; measure them: layerscape measure {run.path}"
    ]


def dimension_curves(run: ReportedRun, read: Callable[[ReportedRun, str], list[Row]] = rows_of) -> dict[str, list[Row]]:
    """Name of an estimator at one scale → its rows: TwoNN first, then Gride from the finest scale to the coarsest."""
    curves = {"TwoNN": read(run, "twonn")}
    gride = read(run, "gride")
    for k in sorted({row["k"] for row in gride if row["k"]}):
        curves[f"Gride, n₁ = {k // 2}"] = [row for row in gride if row["k"] == k]
    return {name: rows for name, rows in curves.items() if rows}


def _dimension(curves: Mapping[str, list[Row]]) -> str:
    curves = {name: _known(rows) for name, rows in curves.items()}
    curves = {name: rows for name, rows in curves.items() if len(rows) > 1}
    if not curves:
        return ""
    name, rows = next(iter(curves.items()))
    shape = _shape(rows)
    survives = all(_shape(others) == shape for others in curves.values())
    words = _in_words(shape, rows, survives)
    return f"The intrinsic dimension ({name}{_asked(rows)}) {words}.{_scales(shape, curves)}"


def _in_words(shape: str, rows: Sequence[Row], survives: bool) -> str:
    first, top, bottom, last = rows[0], _highest(rows), _lowest(rows), rows[-1]
    start = f"{said(first, '95 % interval ')} at {_at(first)}"
    end = f"{said(last)} at {_at(last)}"
    high = f"{said(top)} at {_at(top)}{_not_told_apart(rows, top, _above)}"
    low = f"{said(bottom)} at {_at(bottom)}{_not_told_apart(rows, bottom, _below)}"
    if shape == "peak":
        return f"rises from {start} to {'a peak of ' if survives else ''}{high} and falls to {end}"
    if shape == "dip":
        return f"falls from {start} to {low} and rises to {end}"
    if shape in ("rise", "fall"):
        return f"{shape}s from {start} to {end}"
    if shape == "change":
        return f"is {start} and {end}, which the intervals do not tell apart; its lowest is {low}, its highest {high}"
    return f"is {start} and {end}; the intervals of all layers touch, so that no change with depth can be claimed"


def _shape(rows: Sequence[Row]) -> str:
    """What the intervals allow to say of a profile: peak, dip, rise, fall, change or nothing."""
    first, top, bottom, last = rows[0], _highest(rows), _lowest(rows), rows[-1]
    if _above(top, first) and _above(top, last):
        return "peak"
    if _above(first, bottom) and _above(last, bottom):
        return "dip"
    if _above(last, first):
        return "rise"
    if _above(first, last):
        return "fall"
    return "change" if _above(top, bottom) else "nothing"


def _scales(shape: str, curves: Mapping[str, list[Row]]) -> str:
    """Whether the shape survives the choice of scale."""
    others = {name.removeprefix("Gride, n₁ = "): rows for name, rows in list(curves.items())[1:]}
    if not others or shape == "nothing":
        return ""
    differing = [name for name, rows in others.items() if _shape(rows) != shape]
    moves = ""
    if shape in ("peak", "dip"):
        extreme = _highest if shape == "peak" else _lowest
        at = dict.fromkeys(_at(extreme(rows)) for name, rows in others.items() if name not in differing)
        moves = f", with the {shape} at {' or '.join(at)}" if at else ""
    if not differing:
        return f" The same shape holds at all {len(others)} scales of Gride{moves}."
    claim = f" No {shape} is claimed:" if shape in ("peak", "dip") else ""
    return (
        f"{claim} The shape holds at {len(others) - len(differing)} of {len(others)} scales of Gride{moves}; it does "
        f"not at n₁ = {', '.join(differing)}, so that it depends on the scale at which one looks."
    ).replace(": The", ": the")


def _rearrangement(run: ReportedRun, dead: Collection[str]) -> str:
    rows = _known(consecutive(run, first_variant(rows_of(run, "overlap"))))
    rows = [row for row in rows if row["layer"] not in dead and row["other_layer"] not in dead]
    if not rows:
        return ""
    low, high = _lowest(rows), _highest(rows)

    def step(row: Row) -> str:
        return f"from {_at(row, 'other_layer')} to {_at(row)}"

    what = f"of its k = {low['k']} nearest neighbors{_asked(rows)}"
    if len(rows) == 1:
        return f"A sample keeps a share of {said(low)} {what} {step(low)}{_chance(low)}."
    if not _above(high, low):
        return (
            f"From layer to layer a sample keeps a share {what} between {number(low['low'])} and {number(high['high'])}"
            f"{_chance(low)}; the intervals all touch, so that no step is seen to change neighborhoods most."
        )
    most = f"{step(low)}{_not_told_apart(rows, low, _below, 'the step to ')}"
    least = f"{step(high)}{_not_told_apart(rows, high, _above, 'the step to ')}"
    return (
        f"Neighborhoods change most {most}: a sample keeps a share of {said(low)} {what}{_chance(low)}. "
        f"They change least {least}: {said(high)}."
    )


def _labels(rows: Sequence[Row], beside: Sequence[Row], column: str, other: str) -> str:
    rows = _known(first_variant([row for row in rows if row["label"] == column]))
    if not rows:
        return ""
    top = _highest(rows)
    score = f"label overlap {said(top)} with k = {top['k']}{_asked(rows)}{_chance(top)}"
    if within_chance(top):
        return f"No layer is seen to encode {column!r}: at {_at(top)}, the highest, {score} is not above chance."
    share = "are alike in" if '"kind": "real"' in (top.get("options") or "") else "share"
    text = f"Neighbors {share} {column!r} most at {_at(top)}{_not_told_apart(rows, top, _above)}: {score}."
    raw = next((row for row in rows if row["layer"] == "input"), None)
    if raw is top:
        text += " That is the raw input: no layer is seen to add to it."
    elif raw:
        text += f" The raw input scores {said(raw)}{_relation(top, raw)}."
    beside = _known(alongside(beside, rows))
    if beside:
        best = _highest(beside)
        text += f" The baseline {other!r} reaches {said(best)} at {_at(best)}{_relation(top, best)}."
    words = [warning.rstrip(".") for warning in (top.get("warnings") or "").split("\n") if warning]
    return " ".join([text, *(f"{warning[0].upper()}{warning[1:]}." for warning in words)])


def _similarity(run: ReportedRun) -> str:
    first, last = run.layers[0], run.layers[-1]
    for row in _known(first_variant(rows_of(run, "cka"))):
        if {row["layer"], row["other_layer"]} == {first, last}:
            return f"As wholes, {first!r} and {last!r} have a CKA of {said(row)}{_chance(row)}."
    return ""


def _too_high(rows: Sequence[Row]) -> str:
    """A caution where a dimension is too high for the number of samples."""
    high = [row for row in _known(rows) if row["value"] > HIGH_DIMENSION]
    if not high:
        return ""
    n_samples = min(row["n_samples"] for row in high)
    return (
        f"Dimensions above about {HIGH_DIMENSION} come out too low from {n_samples:,} samples, the more so the higher "
        "they are: compare layers by them, and do not read them as counts."
    )


def _gaps(rows: Sequence[Row]) -> list[str]:
    """Which layers have no dimension, and why."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row["value"] is None:
            reason = (row.get("warnings") or "no reason was recorded").split("\n")[-1]
            reasons.setdefault(reason.rstrip("."), []).append(_at(row))
    return [
        f"No dimension can be given at {', '.join(layers)}, which the sentence on neighborhoods leaves out: {reason}."
        for reason, layers in reasons.items()
    ]


def _thin(rows: Sequence[Row]) -> dict[str, int]:
    """Layers in which most samples are copies, with the number of samples that are not: not to be compared."""
    rows = _known(rows)
    most = max((row["n_samples"] for row in rows), default=0)
    return {row["layer"]: row["n_samples"] for row in rows if row["n_samples"] <= most / 2}


def _known(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["value"] is not None]


def _highest(rows: Sequence[Row]) -> Row:
    return max(rows, key=lambda row: row["value"])


def _lowest(rows: Sequence[Row]) -> Row:
    return min(rows, key=lambda row: row["value"])


def _above(a: Row, b: Row) -> bool:
    """Whether the interval of ``a`` lies wholly above that of ``b``; a missing interval tells nothing."""
    return a["low"] is not None and b["high"] is not None and a["low"] > b["high"]


def _below(a: Row, b: Row) -> bool:
    return _above(b, a)


def _at(row: Row, key: str = "layer") -> str:
    return repr(row[key])


def _asked(rows: Sequence[Row]) -> str:
    """Which of several questions the rows answer, if the measure was asked more than one."""
    return f"; {rows[0]['variant']}" if rows[0]["variant"] else ""


def _chance(row: Row) -> str:
    return "" if row.get("chance") is None else f" (chance {number(row['chance'])}, most possible 1)"


def _relation(top: Row, other: Row) -> str:
    if _above(other, top):
        return ", which is higher"
    return "" if _above(top, other) else ", which the intervals do not tell apart from it"


def _not_told_apart(rows: Sequence[Row], best: Row, beats: Callable[[Row, Row], bool], what: str = "") -> str:
    """Who shares the first place with the best one, as far as the intervals can tell."""
    names = [_at(row) for row in rows if row is not best and not beats(best, row)]
    if not names:
        return ""
    if len(names) > max(4, len(rows) / 2):
        return f" (its interval touches that of {len(names)} of the {len(rows) - 1} others)"
    return f" (its interval touches that of {what}{', '.join(names)})"
