"""`layerscape list`: the measures that there are."""

from __future__ import annotations

import click

from layerscape.cli import options as shared
from layerscape.cli.show import say
from layerscape.measures import catalog, question


@click.command(name="list")
@shared.as_json
def list_command(as_json: bool) -> None:
    """The measures: what each says, needs and cites."""
    record = {
        name: {
            "question": question(measure),
            "says": measure.says,
            "needs": list(measure.data),
            "options": dict(measure.options),
            "unit": measure.unit,
            "standard": measure.standard,
            "source": measure.source,
        }
        for name, measure in catalog().items()
    }
    lines = []
    for name, facts in record.items():
        options = ", ".join(f"{option}={value}" for option, value in facts["options"].items()) or "none"
        standard = "; in the standard profile" if facts["standard"] else ""
        lines.append(f"{name}  ({facts['question']}; needs {' and '.join(facts['needs'])}{standard})")
        lines.append(f"    {facts['says']}\n    options: {options}\n    source: {facts['source']}")
    say("\n".join(lines), as_json, record)
