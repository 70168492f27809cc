# %% [markdown]
# # 8. Neighborhood overlap by hand
#
# Who is near whom? Two layers that put the same samples side by side see alike, whatever their coordinates are. And if
# neighbors share a label, the layer encodes it. One small matrix answers both questions (Doimo et al. 2020,
# arXiv:2007.03506), for any label φ: the brightness of a picture, the sentiment of a sentence, the family of a protein.
#
# About 50 minutes. You write numpy; after each exercise a cell checks it. Solutions are folded below the checks.

# %% tags=["setup"]
import tempfile
import warnings
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from checks import check, ready

ready("matplotlib", "torch", "transformers", "sklearn", "zarr", "pandas")
import layerscape as ls

warnings.filterwarnings("ignore", "neighbors stand within")  # scans of one writer lie together: see exercise 13
N, K = 400, 30  # samples (797 are all) and neighbors
options = {"pooling": "flatten", "limit": N, "layers": ["embedding", "block_*"], "features": ["luminance"]}
run = ls.extract("demo", "digits", out=Path(tempfile.mkdtemp()) / "demo", progress=False, **options)
layers = {name: np.asarray(run[name], dtype=float) for name in run.layers}
digit, luminance = run.samples.labels["digit"], run.samples.labels["luminance"]
luminance = luminance + 1e-9 * np.random.default_rng(0).random(N)  # no two pictures are equally bright: no ties
{name: x.shape for name, x in layers.items()}

# %% [markdown]
# ## 8.1 Neighbors
#
# For each sample the row numbers of its k nearest others, nearest first.
#
# <details><summary>Hint</summary>
#
# Subtract the mean, then ‖a − b‖² = ‖a‖² + ‖b‖² − 2 a·b. Put ∞ on the diagonal: nobody is their own neighbor.
#
# </details>


# %% tags=["exercise"]
def neighbors(x, k):
    """Shape (N, k): row numbers of the nearest others, nearest first."""
    # BEGIN SOLUTION
    x = x - x.mean(axis=0)
    norms = (x**2).sum(axis=1)
    squares = norms[:, None] + norms - 2 * x @ x.T
    np.fill_diagonal(squares, np.inf)
    return np.argsort(squares, axis=1)[:, :k]
    # END SOLUTION


# %% tags=["check"]
x = layers["block_3"]
check("8.1 neighbors", lambda: neighbors(x, K), ls.find_neighbors(x, k=K).indices, hint="Is a sample its own neighbor?")

# %% [markdown]
# ## 8.2 Overlap of two layers
#
# A[i, j] = 1 if j is among the k nearest of i. With A of one layer and B of another
#
# $$\chi = \frac1N \sum_i \frac1k \sum_j A_{ij} B_{ij}.$$


# %% tags=["exercise"]
def near(x, k):
    """The matrix A, shape (N, N), of zeros and ones."""
    # BEGIN SOLUTION
    a = np.zeros((len(x), len(x)))
    np.put_along_axis(a, neighbors(x, k), 1, axis=1)
    return a
    # END SOLUTION


# %% tags=["check"]
rows = np.repeat(np.arange(N), K)
wanted = np.zeros((N, N))
wanted[rows, ls.find_neighbors(x, k=K).indices.ravel()] = 1
check("8.2 the matrix A", lambda: near(x, K), wanted)


# %% tags=["exercise"]
def overlap(a, b, k):
    """χ of the rows of a and of b."""
    # BEGIN SOLUTION
    return (near(a, k) * near(b, k)).sum() / (k * len(a))
    # END SOLUTION


# %% tags=["check"]
names = list(layers)
pairs = list(pairwise(names))
check(
    "8.2 overlap of each layer with the next",
    lambda: [overlap(layers[a], layers[b], K) for a, b in pairs],
    [ls.estimate("overlap", layers[a], layers[b], k=K).value for a, b in pairs],
)

# %%
table = ls.measure(run, ["overlap"], k=K, progress=False)
ls.plot.layers(table, measure="overlap")
plt.show()

# %% [markdown]
# **Question.** What is the overlap of two layers that have nothing to do with each other?
#
# <details><summary>Answer</summary>
#
# Not 0: of N − 1 others each is among the k nearest with probability k/(N − 1), here 30/399 = 0.075. Always read an
# overlap beside its chance.
#
# </details>
#
# ## 8.3 Overlap with labels
#
# Put the matrix G in the place of B: G[i, j] = 1 if i and j have the same label.


# %% tags=["exercise"]
def label_overlap(x, labels, k):
    """Share of the k nearest neighbors that have a sample's own label."""
    # BEGIN SOLUTION
    same = labels[:, None] == labels
    return (near(x, k) * same).sum() / (k * len(x))
    # END SOLUTION


# %% tags=["check"]
check(
    "8.3 overlap with the digit",
    lambda: [label_overlap(layers[name], digit, K) for name in names],
    [ls.estimate("label_overlap", layers[name], digit, k=K).value for name in names],
)


# %% tags=["exercise"]
def chance(labels):
    """The expected label overlap of unrelated data: the share of all pairs of samples with equal labels."""
    # BEGIN SOLUTION
    _, sizes = np.unique(labels, return_counts=True)
    return (sizes * (sizes - 1)).sum() / (len(labels) * (len(labels) - 1))
    # END SOLUTION


# %% tags=["check"]
check("8.3 chance", lambda: chance(digit), ls.estimate("label_overlap", x, digit, k=K).chance.value)

# %% [markdown]
# ## 8.4 φ may be a number: luminance
#
# The mean brightness of a picture is no class. Then G[i, j] = 1 if j is among the k samples nearest to i *in φ*. You
# have everything you need: a column is a matrix with one unit.


# %% tags=["exercise"]
def number_overlap(x, phi, k):
    """Share of the k nearest neighbors that are among the k nearest in the number φ, shape (N,)."""
    # BEGIN SOLUTION
    return overlap(x, phi[:, None], k)
    # END SOLUTION


# %% tags=["check"]
check(
    "8.4 overlap with luminance",
    lambda: [number_overlap(layers[name], luminance, K) for name in names],
    [ls.estimate("label_overlap", layers[name], luminance, k=K, kind="real").value for name in names],
)

# %%
figure, ax = plt.subplots(figsize=(6, 3.4))
ax.plot(names, [label_overlap(layers[name], digit, K) for name in names], "o-", label="digit")
ax.axhline(chance(digit), color="C0", linestyle=":")
ax.plot(names, [number_overlap(layers[name], luminance, K) for name in names], "o-", label="luminance")
ax.axhline(K / (N - 1), color="C1", linestyle=":")
ax.set(ylabel="overlap (dotted: chance)", ylim=(0, 1))
ax.tick_params(axis="x", rotation=45)
ax.legend()
plt.show()

# %% [markdown]
# **Question.** Where is the digit encoded, and where the luminance?
#
# <details><summary>Answer</summary>
#
# The digit hardly at all at the embedding and more with every block, without any label ever having been shown. The
# luminance is at chance in every layer: it says nothing about who the partner of a picture is, since noise and size
# changed it from one picture of a scan to the other.
#
# </details>
#
# ## 8.5 Sentences and proteins: the same lines
#
# Nothing above knows of pictures. Below are 400 made-up sentences, each as counts of its words, with their sentiment;
# and 400 made-up proteins of 8 families, each as counts of its pairs of residues. Both are generated here, so that no
# download is needed: real models come in exercise 12.

# %%
rng = np.random.default_rng(0)
words = {"good": ["great", "lovely", "clever", "moving", "fine"], "bad": ["dull", "weak", "noisy", "slow", "poor"]}
subjects, nouns = ["the", "this", "that", "her", "his"], ["film", "book", "song", "play", "meal"]
sentiment = rng.choice(["good", "bad"], 400)
sentences = [[*rng.choice(subjects, 2), *rng.choice(nouns, 2), *rng.choice(words[mood], 2)] for mood in sentiment]
vocabulary = sorted({word for sentence in sentences for word in sentence})
counts = np.array([[sentence.count(word) for word in vocabulary] for sentence in sentences], dtype=float)

family = rng.integers(0, 8, 400)
ancestors = rng.integers(0, 20, (8, 120))
residues = np.where(rng.random((400, 120)) < 0.6, rng.integers(0, 20, (400, 120)), ancestors[family])
pairs_of = residues[:, :-1] * 20 + residues[:, 1:]
composition = np.stack([np.bincount(row, minlength=400) for row in pairs_of]).astype(float)


# %% tags=["exercise"]
def above_chance(x, labels, k):
    """How far the label overlap is above chance, as a share of the way from chance to 1."""
    # BEGIN SOLUTION
    expected = chance(labels)
    return (label_overlap(x, labels, k) - expected) / (1 - expected)
    # END SOLUTION


# %% tags=["check"]
# Counts tie often: a little noise decides who comes first, the same for you and for layerscape.
blurred = {
    "sentiment": (counts + 0.01 * rng.standard_normal(counts.shape), sentiment),
    "family": (composition + 0.01 * rng.standard_normal(composition.shape), family),
}
found = [ls.estimate("label_overlap", *pair, k=K) for pair in blurred.values()]
check(
    "8.5 sentiment and family",
    lambda: [above_chance(*pair, K) for pair in blurred.values()],
    [(one.value - one.chance.value) / (1 - one.chance.value) for one in found],
)

# %%
for name, one in zip(blurred, found, strict=True):
    print(f"{name}: {one.value:.2f} [{one.low:.2f}, {one.high:.2f}], chance {one.chance.value:.2f}")

# %% [markdown]
# ## To go on
#
# - k = 5, 10, 100: which of the conclusions change? (A class of fewer than k + 1 members cannot reach 1.)
# - `run.samples.labels` has the digit. Make a label of your own, such as "has a loop", and ask where it is encoded.
