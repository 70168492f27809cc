# %% [markdown]
# # 14. The afternoon's lab, in five lines a task
#
# A lab on the geometry of representations hands out three kinds of files: vectors of every layer (.npy), neighbor
# *indices* (N × 51, the sample itself in the first column) and neighbor *distances* (N × 3: zero for the sample
# itself, then its first and second neighbor). Here is each of its tasks in at most five lines. The files are made on
# the spot, of two networks of random weights; put yours in their place and the same lines read them.
#
# About 60 minutes. A check compares every answer with plain numpy. Solutions are folded below the checks.

# %% tags=["setup"]
import tempfile
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from checks import check, ready

ready("matplotlib", "zarr", "pandas")
import layerscape as ls

N = 5000  # samples
FILES = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)
inputs = rng.standard_normal((N, 12))
NETWORKS = {"small": 5, "large": 7}  # layers of each


def hand_out(name, n_layers, seed):
    """Files of one network: vectors, indices and distances of every layer."""
    random = np.random.default_rng(seed)
    hidden = inputs @ random.standard_normal((12, 48)) / 3
    for layer in range(n_layers):
        graph = ls.find_neighbors(hidden, k=50)
        np.save(FILES / f"{name}_vectors_{layer}.npy", hidden.astype(np.float32))
        np.save(FILES / f"{name}_indices_{layer}.npy", np.c_[np.arange(N), graph.indices])
        np.save(FILES / f"{name}_distances_{layer}.npy", np.c_[np.zeros(N), graph.distances[:, :2]])
        hidden = np.tanh(hidden @ random.standard_normal((48, 48)) / 5) + hidden / 2


for seed, (name, n_layers) in enumerate(NETWORKS.items()):
    hand_out(name, n_layers, seed)


def load(name, what):
    """All files of one kind of one network, in the order of its layers."""
    return [np.load(path) for path in sorted(FILES.glob(f"{name}_{what}_*.npy"))]


# %% [markdown]
# ## 14.1 χ between all layers of two networks, k = 10
#
# From the index files. The first column is the sample itself; `ls.Neighbors.from_arrays` sees that and takes it out.

# %% tags=["exercise"]
# BEGIN SOLUTION of chi
small = [ls.Neighbors.from_arrays(indices) for indices in load("small", "indices")]
large = [ls.Neighbors.from_arrays(indices) for indices in load("large", "indices")]
chi = np.array([[ls.estimate("overlap", a, b, k=10).value for b in large] for a in small])
plt.imshow(chi, vmin=0)
plt.colorbar(label="χ")
# END SOLUTION


# %% tags=["check"]
def by_hand(a, b, k=10):
    """The share in common of the neighbors in columns 1 … k."""
    a, b = a[:, 1 : k + 1], b[:, 1 : k + 1]
    return (a[:, :, None] == b[:, None, :]).sum() / a.size


wanted = [[by_hand(a, b) for b in load("large", "indices")] for a in load("small", "indices")]
check("14.1 χ from index files", lambda: chi, wanted)
plt.show()

# %% [markdown]
# The same from the vectors, which also gives intervals and what chance would be. Samples need names, since two tables
# of numbers do not say that row 7 is the same protein in both.

# %% tags=["exercise"]
# BEGIN SOLUTION of table
names = [f"protein {row}" for row in range(N)]
layers = {which: dict(enumerate(load(which, "vectors"))) for which in NETWORKS}
runs = [ls.from_arrays({f"layer_{i}": x for i, x in layers[which].items()}, ids=names) for which in NETWORKS]
table = ls.compare(*runs, ["overlap"], k=10, progress=False)
ls.plot.layers(table, measure="overlap")  # small across, large down
# END SOLUTION


# %% tags=["check"]
order = [f"layer_{i}" for i in range(7)]
check(
    "14.1 χ from vectors",
    lambda: table,
    wanted,
    of=lambda found: found.pivot(index="layer", columns="other_layer", values="value").loc[order[:5], order],
    within=1e-3,  # the vectors are kept in float32, where a few neighbors change places
)
plt.show()

# %% [markdown]
# **Question.** Are layers of like depth alike? What is the chance level, and what does the map of a network with
# itself look like?
#
# <details><summary>Answer</summary>
#
# Two random networks of the same inputs are most alike at their first layers, which still know the input best, and
# every layer makes them more unlike. Chance is 10/4999 = 0.002. In trained networks the question is whether alike
# layers lie along the diagonal (relative depth counts), or fill blocks (the plateaus of dimension).
#
# </details>
#
# ## 14.2 TwoNN from distance files, with and without the largest ratios
#
# Of every other layer: the likelihood of all ratios; that without the largest tenth as the lab's code had it, which
# forgets whom it left out (`method="uncensored"`, exercise 3); and the censored form, which does not. Rows of `dims`
# are layers, columns the three. (`ls.Neighbors.from_arrays(indices, distances)` reads as many columns as both have.
# Who the neighbors are comes from the index files, since intervals count which samples share distances. Of distance
# files alone a line of numpy gives the value, as in the check, and nothing gives the interval.)

# %% tags=["exercise"]
# BEGIN SOLUTION of dims
pairs = list(zip(load("large", "indices"), load("large", "distances"), strict=True))[::2]
graphs = [ls.Neighbors.from_arrays(indices, distances) for indices, distances in pairs]
ways = [{}, {"method": "uncensored", "discard": 0.1}, {"discard": 0.1}]
dims = np.array([[ls.estimate("twonn", graph, **way).value for way in ways] for graph in graphs])
plt.plot(range(0, 7, 2), dims, "o-")
# END SOLUTION


# %% tags=["check"]
def three_ways(distances):
    """(N − 1) / Σ log μ; m / Σ of the m smallest; and with the others counted as the largest of these."""
    x = np.sort(np.log(distances[:, 2] / distances[:, 1]))
    kept = x[: int(0.9 * N)]
    m = len(kept)
    return [(N - 1) / x.sum(), m / kept.sum(), (m - 1) / (kept.sum() + (N - m) * kept[-1])]


check("14.2 TwoNN", lambda: dims, [three_ways(distances) for distances in load("large", "distances")[::2]])
plt.legend(["all ratios", "largest tenth forgotten", "largest tenth censored"])
plt.xlabel("layer")
plt.ylabel("dimension")
plt.show()

# %% [markdown]
# ## 14.3 Profiles before and after the norms
#
# A layer norm brings every vector to mean 0 and standard deviation 1 over its units. Compare the profile of the
# vectors with that of the normed vectors: `before` and `after`, one number per layer.

# %% tags=["exercise"]
# BEGIN SOLUTION of before, after
vectors = load("large", "vectors")
normed = [(x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True) for x in vectors]
before, after = ([ls.estimate("twonn", x).value for x in xs] for xs in (vectors, normed))
plt.plot(before, "o-")
plt.plot(after, "o-")
# END SOLUTION


# %% tags=["check"]
profile = [three_ways(np.c_[np.zeros(N), ls.find_neighbors(x, k=2).distances])[0] for x in load("large", "vectors")]
check("14.3 before", lambda: before, profile)
units = [x - x.mean(axis=1, keepdims=True) for x in load("large", "vectors")]
units = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in units]
check("14.3 after", lambda: after, [ls.estimate("twonn", x).value for x in units], within=1e-4)
plt.legend(["before", "after"])
plt.show()

# %% [markdown]
# **Question.** The norm takes two numbers from each vector. Why can the dimension change by more or less than two?
#
# <details><summary>Answer</summary>
#
# It changes the distances: what differed in length only comes to lie together, and directions of small vectors are
# stretched. In a trained network a few units of large variance often carry the length, and the profile before the norm
# then shows those. Neither is "the" profile: say which one it is. In transformers each block *reads* the normed
# vectors.
#
# </details>
#
# ## 14.4 Overlap with the next layer and with labels, 100 classes × 200
#
# Three layers of 20,000 made pictures, in which the class is more and more visible. For each layer the overlap with
# its label (`seen`), and for each but the last that with the next layer (`kept`), k = 30.

# %%
classes = np.repeat(np.arange(100), 200)
centers, spread = rng.standard_normal((100, 16)), rng.standard_normal((20_000, 16))
pictures = [spread + strength * centers[classes] for strength in (0.3, 0.8, 2.0)]


# %% tags=["exercise"]
# BEGIN SOLUTION of seen, kept
graphs = [ls.find_neighbors(x, k=31) for x in pictures]
seen = [ls.estimate("label_overlap", graph, classes, k=30).value for graph in graphs]
kept = [ls.estimate("overlap", a, b, k=30).value for a, b in pairwise(graphs)]
dimensions = [ls.estimate("twonn", graph).value for graph in graphs]
print(np.round(seen, 3), np.round(kept, 3), np.round(dimensions, 1))
# END SOLUTION


# %% tags=["check"]
lists = [ls.find_neighbors(x, k=30).indices for x in pictures]
check("14.4 with the label", lambda: seen, [(classes[one] == classes[:, None]).mean() for one in lists])
shared = [np.mean([len(set(a) & set(b)) for a, b in zip(*pair, strict=True)]) / 30 for pair in pairwise(lists)]
check("14.4 with the next layer", lambda: kept, shared)

# %% [markdown]
# **Question.** Chance is 199/19,999 = 0.00995. Where is the class encoded, and is the dimension low there?
#
# <details><summary>Answer</summary>
#
# More in each block, here because the data were made so. The dimension reads 15.0, 14.6, 12.9, though every class
# fills 16 dimensions in every block: where classes are apart, a picture finds its neighbors among 200 and no longer
# among 20,000, and few samples of many dimensions read low. "Low dimension where labels are seen" may be no more than
# this; equal numbers of samples per class (`by="class"`) tell.
#
# </details>
#
# ## On the command line
#
# `layerscape estimate overlap small_indices_0.npy large_indices_0.npy --indices --k 10` reads index files as they are,
# `layerscape estimate twonn small_indices_0.npy --indices --distances small_distances_0.npy` both kinds at once,
# `layerscape vectors large_vectors_*.npy --out run` makes a run of vectors, and `layerscape report run` its page.
