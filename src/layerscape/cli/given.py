"""What the stages are given on the command line: options of the model, of its inputs, and of measuring."""

from __future__ import annotations

from pathlib import Path

import click

from layerscape.cli import options as shared
from layerscape.cli.options import together
from layerscape.extraction.answers import FORM as UNITS_AXIS
from layerscape.extraction.grammar import FORMS

of_model = together(
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, mps."),
    click.option(
        "--dtype",
        default="auto",
        help="float32 (the default), float16, bfloat16, float64, autocast (products in bfloat16).",
    ),
    click.option("--revision", help="Version of the model on the hub."),
    click.option(
        "--trust-remote-code", is_flag=True, help="Run code that comes with the model. Never done unless asked."
    ),
    click.option(
        "--factory",
        metavar="MODULE:FUNCTION",
        help="Where MODEL is a file of weights: the function that makes their network, imported from here.",
    ),
    click.option("--random-init", type=int, metavar="SEED", help="Random weights: the untrained twin."),
    click.option("--shuffle-tokens", type=int, metavar="SEED", help="Tokens of every text in random order: a control."),
    click.option(
        "--part", help="vision or text, encoder or decoder, of models that have both; both, where samples are pairs."
    ),
    click.option(
        "--units-axis", help=f"Which axis holds the units, where nothing tells: {UNITS_AXIS}.", metavar="TEXT"
    ),
    click.option("--max-length", type=int, help="Tokens after which a text is cut.  [default: what the model takes]"),
)
of_samples = together(
    click.option("--text-column", help="Column of the text; two, as question,answer, for pairs.  [default: text]"),
    click.option(
        "--image-column", help="Column of paths of pictures; with --text-column a sample is a picture and its text."
    ),
    click.option("--id-column", help="Column that holds the ids.  [default: row number]"),
    click.option("--kind", type=click.Choice(["text", "image", "protein", "array"]), help="What the samples are."),
    click.option(
        "--limit", type=click.IntRange(1), help="So many samples only: the first, or drawn with --sample-seed."
    ),
    click.option("--sample-seed", type=int, help="Seed of the draw."),
    click.option("--follow-links", is_flag=True, help="Follow links that leave a folder of images."),
    click.option("--skip-bad", is_flag=True, help="Leave out images that cannot be read, and record them."),
    click.option("--batch-size", type=click.IntRange(1), help="Samples per batch."),
    click.option("--store", default="float32", show_default=True, help="Precision on disk: float32 or float16."),
)
of_inputs = together(
    click.option(
        "--out", required=True, type=click.Path(path_type=Path), help="Folder of the run; an interrupted one goes on."
    ),
    click.option(
        "--layers", help="Patterns, comma-separated: 'block_*,final_norm'.  [default: embedding, blocks, norm, output]"
    ),
    click.option("--pooling", help=f"{FORMS}; see docs/guide.md.  [default: what suits the model]"),
    click.option("--protocol", help="The recipe of a paper, which fixes pooling: ansuini2019, valeriani2023, …."),
    click.option("--labels", help="Label columns, comma-separated, or a CSV or .npy file of labels."),
    click.option(
        "--features", help="Facts read from the samples as labels: 'luminance,color', or all; see docs/guide.md."
    ),
    click.option("--loss", is_flag=True, help="The loss of each text, by a language model, as a label."),
    of_samples,
    click.option("--compress", is_flag=True, help="Compress the vectors on disk."),
)
of_measuring = together(
    click.option("--measures", help="Names, comma-separated.  [default: the standard ones of `layerscape list`]"),
    click.option("--k", type=click.IntRange(1), help="Number of neighbors.  [default: each measure's own, mostly 30]"),
    click.option("--by", help="A label column: measure each of its groups on its own, at equal size."),
    shared.of_groups,
    shared.of_lag,
    shared.of_repeats,
    click.option("--controls", help="Dimensions of controls too, comma-separated: gaussian,columns."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the choice of samples in groups."),
)
OF_MEASURING = ("measures", "k", "by", "pairs", "queries", "groups", "own_group", "lag", "repeats", "controls", "seed")
OF_READING = ("text_column", "image_column", "id_column", "kind", "limit", "sample_seed", "follow_links", "skip_bad")
