"""Tables as labeled arrays: the values of each measure over layers, labels and curves, for xarray."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.quantity import Quantity
from layerscape.errors import InvalidValue, require
from layerscape.figures.measured import in_units, measured, of_itself
from layerscape.figures.profile import Profile, check_table
from layerscape.figures.rows import Row, both_ways, variants

if TYPE_CHECKING:
    import pandas as pd
    import xarray

BESIDE = ("low", "high", "chance", "chance_low", "chance_high", "p", "held", "scale")  # what the table says of a value
ITSELF = ("low", "high")  # of a layer and itself these are the value


def to_xarray(table: pd.DataFrame) -> xarray.Dataset:
    """A table as an xarray Dataset, with a variable per measure: whole maps of pairs of layers, with their diagonal.

    Parameters
    ----------
    table
        Of `measure` or `compare`, with one question per measure: not of two k, metrics or groups, and of no controls.

    Returns
    -------
    xarray.Dataset
        ``NAME`` holds the values of a measure and ``NAME_low``, ``NAME_high``, ``NAME_chance``, … what the table says
        of them. The dimensions are ``layer``; ``other_layer`` for pairs; ``label`` for measures of labels; ``NAME_k``
        or ``NAME_n_samples`` where there is a curve, with its ``NAME_scale``. What was not measured is NaN. A symmetric
        measure has its value both ways; a layer and itself have the value of things that are the same, where the bounds
        of the measure say which that is. Of the table of a series there is the dimension ``step`` too, and
        ``NAME_between_steps`` over (step, other_step, layer).

    Raises
    ------
    MissingExtra
        If xarray is not installed.
    InvalidValue
        If a measure was asked several questions, or the table is of another kind.

    Examples
    --------
    >>> import numpy as np, layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((200, 4))
    >>> table = ls.measure(ls.from_arrays({"a": x, "b": x**3, "c": x**5}), ["overlap", "twonn"], k=10)
    >>> maps = to_xarray(table)
    >>> maps.overlap.dims, maps.overlap.shape, float(maps.overlap.sel(layer="b", other_layer="b"))
    (('layer', 'other_layer'), (3, 3), 1.0)
    """
    library = require("xarray", "xarray")
    if "step" in getattr(table, "columns", ()):
        return _through(table, library)
    _check(table)
    between = "other_run" in table
    profile = Profile.of(table, list(dict.fromkeys(table["layer"])) if between else ())
    variables: dict[str, Any] = {}
    coordinates: dict[str, Any] = {"layer": list(profile.layers)}
    depths = {row["layer"]: row["depth"] for name in profile.measures for row in profile.rows(name)}
    for measure in measured(profile):
        rows = profile.rows(measure.name)
        _check_one_question(measure.name, rows, bool(profile.controls(measure.name)))
        own, axes = _arrays(measure, rows, profile.layers, between=between)
        variables |= own
        for name, values in axes.items():
            coordinates[name] = list(dict.fromkeys([*coordinates.get(name, []), *values]))
    found = library.merge(
        [library.Dataset({name: array}) for name, array in variables.items()], join="outer", compat="no_conflicts"
    )
    found = found.reindex({name: values for name, values in coordinates.items() if name in found.dims})
    places = [np.nan if depths.get(layer) is None else depths[layer] for layer in coordinates["layer"]]
    return found.assign_coords(depth=("layer", np.array(places, float)))


def _through(table: pd.DataFrame, library: Any) -> xarray.Dataset:
    """Of a series: every variable over ``step``, and those between steps over ``other_step`` too."""
    check_table(table)
    found, steps = [], list(dict.fromkeys(table["step"]))
    between = table["other_step"].notna() if "other_step" in table else table["step"].isna()
    columns = [name for name in ("step", "other_run", "other_step") if name in table]
    for step in steps:
        own = table.loc[(table["step"] == step) & ~between].drop(columns=columns)
        found.append(to_xarray(own).expand_dims(step=[step]))
    layers = list(dict.fromkeys(table["layer"]))
    whole = library.concat(found, "step", **TOGETHER).reindex(layer=layers)
    axes = {"step": ("step", steps), "other_step": ("other_step", steps), "layer": ("layer", layers)}
    profile = Profile.of(table[between], layers)
    for measure in measured(profile):
        rows = profile.between(measure.name)
        _check_one_question(measure.name, rows, controls=False)
        facts = {"long_name": in_units(measure), "options": rows[0]["options"] or ""}
        for column in ("value", *BESIDE[:-1]):
            if all(row.get(column) is None for row in rows):
                continue
            array = _filled(rows, column, axes)
            if measure.symmetric:
                array = np.where(np.isnan(array), array.swapaxes(0, 1), array)
            if column in ("value", *ITSELF):
                _itself(array, of_itself(measure))
            name = f"{measure.name}_between_steps"
            whole[name if column == "value" else f"{name}_{column}"] = _labeled(array, axes, facts)
    return whole


# Steps of networks of other depth have other layers, and other depths for the same.
TOGETHER: dict[str, Any] = {
    "join": "outer",
    "coords": "different",
    "compat": "equals",
    "combine_attrs": "drop_conflicts",
}


def _check(table: Any) -> None:
    check_table(table)
    for name in ("run", "other_run"):
        runs = list(dict.fromkeys(table[name])) if name in table else []
        if len(runs) > 1:
            raise InvalidValue(
                f"a table of {len(runs)} runs, {', '.join(map(repr, runs[:5]))}; select one: "
                f"table[table.{name} == {runs[0]!r}]."
            )
    if len(table) == 0:
        raise InvalidValue("a table without rows; measure something first.")


def _check_one_question(name: str, rows: Sequence[Row], controls: bool) -> None:
    asked = variants(rows)
    if len(asked) > 1:
        raise InvalidValue(
            f"{name!r} was asked {len(asked)} questions: {'; '.join(each or 'all' for each in asked[:5])}; select one, "
            f"as in table[table.k == 30] or table[table.group == '']."
        )
    if controls:
        raise InvalidValue(f"{name!r} has rows of controls too; select: table[table.group == ''], or one control.")


def _arrays(
    measure: Quantity, rows: Sequence[Row], layers: Sequence[str], *, between: bool
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The variables of one measure, and the values along their dimensions."""
    name = measure.name
    pairs, labels = any(row.get("other_layer") for row in rows), any(row.get("label") for row in rows)
    if pairs and measure.symmetric and measure.compares and not between:
        rows = both_ways(rows)
    axes: dict[str, tuple[str, list[Any]]] = {"layer": ("layer", list(layers))}  # dimension → column, values
    if pairs:
        others = list(dict.fromkeys(row["other_layer"] for row in rows)) if between else list(layers)
        axes["other_layer"] = ("other_layer", others)
    if labels:
        axes["label"] = ("label", list(dict.fromkeys(row["label"] for row in rows)))
    if any(row["point"] for row in rows):
        column = "k" if any(row["point"].startswith("k") for row in rows) else "n_samples"
        axes[f"{name}_{column}"] = (column, sorted({row[column] for row in rows}))
    found: dict[str, Any] = {}
    facts = {"long_name": in_units(measure), "options": rows[0]["options"] or "", "n_samples": rows[0]["n_samples"]}
    for column in ("value", *BESIDE):
        if any(row.get(column) is not None for row in rows):
            array = _filled(rows, column, axes)
            if pairs and not between and column in ("value", *ITSELF):
                _itself(array, of_itself(measure))
            found[name if column == "value" else f"{name}_{column}"] = _labeled(array, axes, facts)
    return found, {dimension: values for dimension, (_, values) in axes.items()}


def _filled(rows: Sequence[Row], column: str, axes: dict[str, tuple[str, list[Any]]]) -> np.ndarray:
    places = [(of, {value: place for place, value in enumerate(values)}) for of, values in axes.values()]
    array = np.full([len(values) for _, values in axes.values()], np.nan)
    for row in rows:
        value = row.get(column)
        array[tuple(place[row[of]] for of, place in places)] = np.nan if value is None else value
    return array


def _itself(array: np.ndarray, value: float | None) -> None:
    if value is not None:
        diagonal = np.arange(min(array.shape[:2]))
        array[diagonal, diagonal] = value


def _labeled(array: np.ndarray, axes: dict[str, tuple[str, list[Any]]], facts: dict[str, Any]) -> Any:
    library = require("xarray", "xarray")
    return library.DataArray(array, {name: values for name, (_, values) in axes.items()}, list(axes), attrs=facts)
