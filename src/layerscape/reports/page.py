"""The page: a run as one HTML file that opens from disk and touches no network."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from layerscape.core.export import as_csv, check_ending
from layerscape.core.merged import merged
from layerscape.core.options import checking
from layerscape.core.progress import Show, counted
from layerscape.errors import InvalidValue, need, require
from layerscape.figures import drawn
from layerscape.figures.drawing import Drawing
from layerscape.figures.profile import Profile
from layerscape.reports.cautions import Finding, folded
from layerscape.reports.charts import side_by_side, specification, words
from layerscape.reports.facts import facts, history, title
from layerscape.reports.fits import with_fits
from layerscape.reports.reported import ReportedRun, read_once
from layerscape.reports.sentences import found
from layerscape.reports.sparkline import sparkline
from layerscape.reports.strip import near_of, strip
from layerscape.reports.through import ThroughSteps, as_reported, found_through
from layerscape.reports.written import Page, writable, write
from layerscape.runs import Series

MAX_BYTES = 10_000_000
MARGIN = 50_000  # bytes for what the strip's budget does not count
MAX_TABLE = 2_000_000  # bytes of CSV; the rest of a longer table stays in the run folder


@checking
def report(
    run: ReportedRun | Series,
    out: Path | None = None,
    *,
    baseline: ReportedRun | None = None,
    n_neighbors: int = 10,
    n_queries: int = 1000,
    seed: int = 0,
    progress: Show = None,
) -> Page:
    """Write one self-contained HTML page of a measured run, below 10 MB, and return where it is; a notebook shows it.

    Parameters
    ----------
    run
        A run whose layers have been searched and measured; or a series (`layerscape.series`) that was, whose page shows
        every value over step × layer and the neighbors of a sample through the steps.
    out
        Where to write; ``report.html`` in the run folder when left out, or, of a run whose folder is temporary,
        ``NAME.html`` in the working directory, where it stays.
    baseline
        A second run of the same layers, such as the untrained network, drawn beside it in grey.
    n_neighbors
        How many neighbors of a sample the strip shows.
    n_queries
        Of how many samples at most; fewer if the page would become too large, which it then says.
    seed
        Seed of the choice of these samples.
    progress
        As in `layerscape.measure`.

    Raises
    ------
    InvalidValue
        If a number is below 1, the baseline has no layer in common, or one sample's neighbors exceed the page.
    FileProblem
        If the file cannot be written.
    """
    need("report")
    run = as_reported(run, baseline)
    out = Page(_place(run) if out is None else out)
    check_ending(out, ".html", ".htm")
    for name, value in (("n_neighbors", n_neighbors), ("n_queries", n_queries)):
        if value < 1:
            raise InvalidValue(f"{name}={value}; give a number of at least 1.")
    if baseline is not None and not set(baseline.layers) & set(run.layers):
        raise InvalidValue(
            f"the baseline {baseline.name!r} has no layer of {run.name!r}; give a run of the same network, "
            "whose layers have the same names."
        )
    with writable(out), tempfile.TemporaryFile(dir=out.parent):
        pass  # known before anything is searched or drawn
    beside = None if baseline is None else read_once(baseline)
    seen = read_once(run)
    through = run.along_steps(n_neighbors, near_of(seen)) if isinstance(run, ThroughSteps) else seen
    sentences = found_through(run) if isinstance(run, ThroughSteps) else found(seen, beside)
    told = counted(progress, "the page, layer by layer", len(through.layers))
    asked = {"n_neighbors": n_neighbors, "n_queries": n_queries, "seed": seed}
    write(out, _html(seen, beside, sentences, through, asked, told))
    return out


def _place(run: ReportedRun) -> Path:
    return Path(f"{run.name}.html") if run.temporary else run.path / "report.html"


def _html(
    run: ReportedRun,
    baseline: ReportedRun | None,
    sentences: Sequence[Finding],
    through: ReportedRun,
    asked: Mapping[str, int],
    tell: Callable[[int], None] | None,
) -> str:
    """The page; ``through`` is what the strip goes through."""
    table, left_out = _table(run)
    profiles = [Profile.of(each.table, each.layers) for each in (run, baseline) if each]
    sections, not_shown = with_fits(run, profiles[0], drawn(*profiles))
    specs = {name: specification(drawing) for of_section in sections.values() for name, drawing in of_section.items()}
    context = {
        "name": run.name,
        "title": title(run),
        "facts": facts(run),
        "history": history(run),
        "findings": [[(*each.halves, sparkline(each.shown)) for each in some] for some in folded(sentences)],
        "sections": {
            section: [
                [_chart(name, of_section[name], specs[name], baseline) for name in row]
                for row in side_by_side(of_section)
            ]
            for section, of_section in sections.items()
            if of_section or section.absent
        },
        "not_shown": not_shown,
        "warnings": _warnings(run),
        "n_rows": len(run.table) - left_out,
        "left_out": left_out,
        "path": run.path,
        "command": _command(run.record.get("command")),
        "versions": run.record.get("versions") or {},
        "record": json.dumps(run.record, indent=2, ensure_ascii=False, default=str),
        "neighbors_asked": asked["n_neighbors"],
        "queries_asked": min(asked["n_queries"], len(run.samples.ids)),
        "seed": asked["seed"],
    }
    context["times"] = max((spec["usermeta"].get("times", []) for spec in specs.values()), key=len, default=[])
    islands = {"charts": specs, "table": table}
    render = partial(_rendered, context, islands, _scripts())
    # The strip gets what the rest leaves of the page.
    budget = MAX_BYTES - len(render({"n_queries": 0}).encode(errors="backslashreplace")) - MARGIN
    sites = through.steps_of_sites if isinstance(through, ThroughSteps) else None
    along = "step" if sites else "layer"
    return render(strip(through, **asked, budget=budget, tell=tell, along=along, sites=sites))


def _chart(name: str, drawing: Drawing, spec: Mapping[str, Any], baseline: ReportedRun | None) -> dict[str, str]:
    """What the page says of a chart."""
    left_out, (pick, *_) = spec["usermeta"]["left_out"], spec["params"]
    more = f" {left_out} further choices are in the table only." if left_out else ""
    more += (
        f" One in {every} is drawn along the axes; the table has all."
        if (every := spec["usermeta"]["every"]) > 1
        else ""
    )
    return {
        "name": name,
        # What alone is shown is named by no menu.
        "title": f"{drawing.title}: {pick['value']}" if pick["value"] and "bind" not in pick else drawing.title,
        "says": f"{words(drawing, baseline.name if baseline else '')}{more}",
    }


@cache  # the bundle takes seconds to make
def _scripts() -> tuple[str, ...]:
    """Vega, Vega-Lite and Vega-Embed in one script, and the page's own."""
    library = require("vl_convert", "report").javascript_bundle()
    return library, *map(_asset, ("charts.js", "strip.js", "table.js"))


def _rendered(
    context: Mapping[str, Any], islands: Mapping[str, Any], scripts: Sequence[str], shown: Mapping[str, Any]
) -> str:
    jinja2 = require("jinja2", "report")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_asset("template.html")).render(
        context,
        strip=shown,
        style=_asset("page.css"),
        scripts=scripts,
        # Only these scripts may run, and nothing may be loaded: what a label or text smuggled in stays dead.
        hashes=" ".join(f"'sha256-{_sha256(script)}'" for script in scripts),
        islands={name: _island(content) for name, content in {**islands, "strip": shown}.items()},
    )


def _asset(name: str) -> str:
    return files("layerscape.reports").joinpath(name).read_text("utf-8")


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _island(content: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _table(run: ReportedRun) -> tuple[str, int]:
    """The table as CSV, and how many rows of it were left out."""
    text = as_csv(run.table)
    if len(text) <= MAX_TABLE:
        return text, 0
    kept = int(len(run.table) * MAX_TABLE / len(text))
    return as_csv(run.table.head(kept)), len(run.table) - kept


def _warnings(run: ReportedRun) -> dict[str, list[str]]:
    """Text of a warning → where it was given; those that differ in a number or a name are one."""
    table = run.table
    apart = "groups" in table and (table["groups"].fillna("") != "").all()  # nothing takes the samples as independent
    notes = () if apart else run.notes
    found: dict[str, list[str]] = {str(text): [] for text in (*notes, *(run.record.get("warnings") or ()))}
    for row in table[table["warnings"].fillna("") != ""].to_dict("records"):
        names = [
            row["measure"],
            *(row[key] for key in ("layer", "other_layer", "label") if isinstance(row[key], str) and row[key]),
        ]
        for text in filter(None, str(row["warnings"]).split("\n")):
            found.setdefault(text, []).append(" · ".join(names))
    alike = merged(found)
    return {one: list(dict.fromkeys(place for text in texts for place in found[text])) for one, texts in alike.items()}


def _command(command: Any) -> str:
    return shlex.join(map(str, command)) if isinstance(command, (list, tuple)) else str(command or "")
