# %% [markdown]
# # 11. Two networks: do they see alike, and what is chance?
#
# Two networks, two lists of layers, one question: is there a layer here that puts the samples side by side as a layer
# there does? An answer is worth nothing without what unrelated networks would give, and for some measures that is
# far from zero.
#
# About 40 minutes. You write numpy; after each exercise a cell checks it. Solutions are folded below the checks.

# %% tags=["setup"]
import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from checks import check, ready

ready("matplotlib", "torch", "transformers", "sklearn", "zarr", "pandas")
import layerscape as ls

warnings.filterwarnings("ignore", "neighbors stand within")  # scans of one writer lie together: see exercise 13
N, K = 400, 10  # samples (797 are all) and neighbors
folder = Path(tempfile.mkdtemp())
options = {"pooling": "flatten", "limit": N, "layers": ["embedding", "block_*"], "progress": False}
trained, untrained = (
    ls.extract(f"demo@{name}", "digits", out=folder / name, **options) for name in ("final", "untrained")
)

# %% [markdown]
# ## 11.1 Chance, before anything else
#
# Shuffle the samples of one side: the two sides have nothing to do with each other any more. Average the overlap over
# many shuffles.


# %% tags=["exercise"]
def overlap(a, b):
    """The mean share of neighbors in common of two arrays of row numbers (N, k)."""
    # BEGIN SOLUTION
    return (a[:, :, None] == b[:, None, :]).sum() / a.size
    # END SOLUTION


# %% tags=["check"]
a, b = (run.graph("block_4", K + 1).indices[:, :K] for run in (trained, untrained))
found = ls.estimate("overlap", trained["block_4"], untrained["block_4"], k=K)
check("11.1 overlap", lambda: overlap(a, b), found.value)


# %% tags=["exercise"]
def relabelled(b, order):
    """The lists that belong to the samples in another order: sample order[i] of before is sample i now."""
    # BEGIN SOLUTION
    place = np.empty_like(order)
    place[order] = np.arange(len(order))  # where each sample has gone
    return place[b[order]]
    # END SOLUTION


# %% tags=["check"]
order = np.random.default_rng(0).permutation(N)
vectors = np.asarray(untrained["block_4"], dtype=float)
wanted = ls.find_neighbors(vectors[order], k=K).indices
check("11.1 other order", lambda: relabelled(b, order), wanted, hint="Rows move, and the numbers in them are rows too.")

# %%
rng = np.random.default_rng(1)
drawn = np.array([overlap(a, relabelled(b, rng.permutation(N))) for _ in range(200)])
print(f"shuffled: {drawn.mean():.4f}, 95 % between {np.quantile(drawn, 0.025):.4f} and {np.quantile(drawn, 0.975):.4f}")
print(f"exact:    {found.chance.value:.4f}, between {found.chance.low:.4f} and {found.chance.high:.4f}")
print(f"measured: {found.value:.4f} [{found.low:.4f}, {found.high:.4f}], p = {found.chance.p:.1g}")

# %% [markdown]
# **Question.** 4th block of a trained and of an untrained network: they share far more neighbors than chance. Do they
# "see alike"?
#
# <details><summary>Answer</summary>
#
# They share an input. Two scans that lie at the same place of the field are near in the pixels, and both networks
# still know of that. "Above chance" is a low bar: ask *how much*, and compare with pairs that you understand, such
# as the pixels themselves.
#
# </details>
#
# ## 11.2 All layers against all

# %%
maps = {
    "trained × untrained": ls.compare(trained, untrained, ["overlap"], k=K, progress=False),
    "trained × itself": ls.compare(trained, trained, ["overlap"], k=K, progress=False),
}
figure, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True)
for ax, (title, table) in zip(axes, maps.items(), strict=True):
    grid = table.pivot(index="layer", columns="other_layer", values="value")
    shown = ax.imshow(grid.loc[list(trained.layers), list(trained.layers)], vmin=0, vmax=1)
    ax.set_xticks(range(8), trained.layers, rotation=45, ha="right")
    ax.set_yticks(range(8), trained.layers)
    ax.set_title(title)
figure.colorbar(shown, ax=axes, label="overlap")
plt.show()


# %% tags=["exercise"]
def closest(grid):
    """For each row of a map, the column of its largest value."""
    # BEGIN SOLUTION
    return grid.argmax(axis=1)
    # END SOLUTION


# %% tags=["check"]
table = maps["trained × untrained"]
grid = table.pivot(index="layer", columns="other_layer", values="value")
grid = grid.loc[list(trained.layers), list(untrained.layers)].to_numpy()
best = table.loc[table.groupby("layer").value.idxmax()].set_index("layer").other_layer[list(trained.layers)]
check("11.2 closest layer", lambda: closest(grid), [untrained.layers.index(name) for name in best])

# %%
for layer, column, row in zip(trained.layers, closest(grid), grid, strict=True):
    print(f"{layer:9} is closest to {untrained.layers[column]:9} {row[column]:.2f}")

# %% [markdown]
# ## 11.3 A measure whose chance is not zero
#
# Linear CKA (Kornblith et al. 2019, arXiv:1905.00414) as most papers print it is
#
# $$\frac{\|A^\top B\|^2}{\|A^\top A\| \cdot \|B^\top B\|}$$
#
# with centered columns and the norm that is the root of the sum of all squares.


# %% tags=["exercise"]
def cka(a, b):
    """Linear CKA of two matrices, biased as it is mostly printed."""
    # BEGIN SOLUTION
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    return np.linalg.norm(a.T @ b) ** 2 / (np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b))
    # END SOLUTION


# %% tags=["check"]
left, right = (np.asarray(run["block_6"], dtype=float) for run in (trained, untrained))
check("11.3 CKA", lambda: cka(left, right), ls.estimate("cka", left, right, estimator="biased").value)

# %% [markdown]
# Now two matrices of pure noise, which share nothing.

# %%
rng = np.random.default_rng(0)
print("units   biased   debiased   SVCCA   overlap (chance)")
for width in (5, 30, 300):
    a_, b_ = rng.standard_normal((2, N, width))
    share = ls.estimate("overlap", a_, b_, k=K)
    try:
        svcca = f"{ls.estimate('svcca', a_, b_, permutations=20).value:.2f}"
    except ls.LayerscapeError:  # too few samples for so many units: unrelated data would look alike
        svcca = "refused"
    print(f"{width:5} {cka(a_, b_):8.2f} {ls.estimate('cka', a_, b_).value:10.2f} {svcca:>7}", end="")
    print(f" {share.value:9.3f} ({share.chance.value:.3f})")

# %% [markdown]
# **Question.** A paper reports CKA 0.5 between two layers of 4,096 units, from 1,000 samples. What do you ask?
#
# <details><summary>Answer</summary>
#
# Whether it is the debiased form. With more units than samples the biased one is above one half for noise. The
# debiased form (Song et al. 2012, J. Mach. Learn. Res. 13:1393) is 0 on average for unrelated data of any width, and
# it is what `ls.estimate("cka", …)` gives unless you ask otherwise.
#
# </details>
#
# ## 11.4 Local and global may disagree
#
# Scale one unit of a layer by 100. CKA and overlap both change, since both read distances. Then add to both networks
# one and the same large unit: guess what each says, and run the cell.

# %%
shared = 100 * left.std() * rng.standard_normal((N, 1))
for name, pair in {
    "as they are": (left, right),
    "with a shared unit": (np.c_[left, shared], np.c_[right, shared]),
}.items():
    print(
        f"{name:19} CKA {ls.estimate('cka', *pair).value:.2f}, overlap {ls.estimate('overlap', *pair, k=K).value:.2f}"
    )

# %% [markdown]
# <details><summary>Answer</summary>
#
# CKA is nearly 1: one direction of large variance decides it. Overlap rises as well, since that unit decides who is
# near. Layers of large language models have such units. Look at the warnings of an estimate, and compare with
# `standardize="units"`, which gives every unit one weight.
#
# </details>
