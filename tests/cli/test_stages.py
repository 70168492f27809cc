"""What the commands that compose stages leave out, and that they say so."""

import numpy as np

from benchmarks.small_bert import WORDS, small_bert
from layerscape.cli import main


def test_samples_in_time_get_no_recommendation_that_takes_them_as_independent(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    side = np.arange(200) // 100
    texts = [f"{WORDS[row % 4 + 5 * side[row]]} {WORDS[row % 15]} cat" for row in range(200)]
    (tmp_path / "texts.csv").write_text(
        "text,label\n" + "\n".join(f"{t},{'ab'[s]}" for t, s in zip(texts, side, strict=True))
    )
    command = ["run", small_bert(tmp_path / "bert"), "texts.csv", "--labels", "label", "--measures", "label_overlap"]
    said = []
    for more in (["--out", "one"], ["--out", "two", "--lag", "1"]):
        assert main([*command, "--k", "5", *more]) == 0
        said.append(capsys.readouterr().err)
    assert ["no layer is recommended: recommend takes samples as independent" in text for text in said] == [False, True]
    assert [(tmp_path / name / "recommendation.json").exists() for name in ("one", "two")] == [True, False]
    assert (tmp_path / "two" / "report.html").exists()
