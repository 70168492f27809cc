import gzip
import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.errors import LayerscapeError
from layerscape.inputs import read_labels, read_matrix
from tests.inputs.opened import opened


def saved(save: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    save(file)
    return file.getvalue()


WHOLE = {
    "x.npy": saved(lambda file: np.save(file, np.eye(3))),
    "x.npz": saved(lambda file: np.savez_compressed(file, x=np.eye(3))),
    "x.csv": b'text,label\n"a, b",x\nc,y\n',
    "x.csv.gz": gzip.compress(b"a,b\n1,2\n3,4\n", mtime=0),
    "x.jsonl": b'{"text": "a", "n": 1}\n{"text": "b", "n": [2]}\n',
    "x.fasta": b">sp|A|B k=v w=x y\nMKV\n>C k=v\nMLL\n",
    "x.txt": b"a\nb\n",
    "x-images-idx3-ubyte": b"\0\0\x08\3" + struct.pack(">3I", 2, 2, 2) + bytes(8),
}


# Damaged names are other columns, of which it is said that they are left out, and a damaged residue may be a gap.
@pytest.mark.filterwarnings("ignore:.*left out:UserWarning")
@pytest.mark.filterwarnings("ignore:.*hold gaps of an alignment:UserWarning")
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.integers(0, 300), st.integers(0, 4), st.binary(max_size=4))
def test_whatever_bytes_a_file_holds_the_error_is_ours_and_one_line(tmp_path_factory, name, start, n_lost, put):
    file = tmp_path_factory.getbasetemp() / name
    file.write_bytes(WHOLE[name][:start] + put + WHOLE[name][start + n_lost :])
    for read in (read_matrix, read_labels, opened):
        try:
            read(file)
        except LayerscapeError as error:
            assert "\n" not in str(error)
