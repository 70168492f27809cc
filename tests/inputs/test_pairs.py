"""Files of pairs: what is read, and what is refused in one line."""

import re

import pytest

from layerscape.errors import LayerscapeError
from layerscape.inputs.pairs import read_pairs, rows_by_id


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pairs.csv", "query,relevant\nq1,p1\nq1,p2\nq2,p3\n"),
        ("pairs.csv", "relevant,query,note\np1,q1,x\np2,q1,x\np3,q2,x\n"),
        ("pairs.csv", "Query,Relevant,Grade\nq1,p1,1\nq1,p2,1.0\nq2,p3,1\n"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\tp1\t1\nq1\tp2\t1\nq2\tp3\t1\n"),
        (
            "pairs.jsonl",
            '{"query": "q1", "relevant": "p1"}\n{"query": "q1", "relevant": "p2"}\n{"query": "q2", "relevant": "p3"}\n',
        ),
    ],
)
def test_tables_name_a_query_and_what_answers_it(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    found = read_pairs(tmp_path / name)
    assert (list(found.queries), list(found.partners)) == (["q1", "q1", "q2"], ["p1", "p2", "p3"])
    assert found.grades.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("pairs.csv", "", "is empty"),
        ("pairs.csv", "query,relevant\n", "has no rows below its header"),
        ("pairs.csv", "q1,p1\nq2,p2\n", "has the columns 'q1', 'p1'; name two of them query and relevant"),
        ("pairs.csv", "query,relevant,grade\nq1,p1,good\n", "with grades that are no numbers"),
        ("pairs.csv", "query,relevant,grade\nq1,p1,\n", "with grades that are no numbers"),
        ("pairs.csv", "query,relevant,grade\nq1,p1,-2\n", "pair 0 has the grade -2.0"),
        ("pairs.csv", "query,relevant,grade\nq1,p1,nan\n", "pair 0 has the grade nan"),
        ("pairs.txt", "q1 0 p1 1\n", "holds no pairs"),
    ],
)
def test_what_holds_no_pairs_is_one_line(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(LayerscapeError, match=re.escape(words)) as refused:
        read_pairs(tmp_path / name)
    assert "\n" not in str(refused.value)


def test_ids_that_are_numbers_are_found_as_in_files():
    assert rows_by_id([3.0, 1, "2"], ["1", "2", "3"], "the run").tolist() == [2, 0, 1]
