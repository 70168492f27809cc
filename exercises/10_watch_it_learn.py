# %% [markdown]
# # 10. l(t) and l(t + 1): watch a network learn
#
# The same layer of the same network at two moments of its training is a pair of representations like any other. Their
# overlap says when a layer moves and when it is settled. The network that ships with layerscape was kept at five
# moments: before the first step, after 50, 150, 400 and 1,500 steps. It learned without labels.
#
# About 35 minutes. You write numpy; after each exercise a cell checks it. Solutions are folded below the checks.

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
CHECKPOINTS = {0: "untrained", 50: "step_0050", 150: "step_0150", 400: "step_0400", 1500: "final"}
folder = Path(tempfile.mkdtemp())
options = {"pooling": "flatten", "limit": N, "layers": ["embedding", "block_*"], "progress": False}
runs = {
    step: ls.extract(f"demo@{name}", "digits", out=folder / name, step=step, **options)
    for step, name in CHECKPOINTS.items()
}
series = ls.series(runs)
series

# %% [markdown]
# ## 10.1 The lists, once
#
# Ten comparisons per layer need each list of neighbors several times. layerscape searches each graph once and keeps
# it: `run.graph(layer, k).indices`. Write the overlap of two such arrays of row numbers.
#
# <details><summary>Hint</summary>
#
# For each sample, how many of its k neighbors in a are also in b? `a[:, :, None] == b[:, None, :]` compares all with
# all.
#
# </details>


# %% tags=["exercise"]
def overlap(a, b):
    """The mean share of neighbors in common of two arrays of row numbers (N, k)."""
    # BEGIN SOLUTION
    return (a[:, :, None] == b[:, None, :]).sum() / a.size
    # END SOLUTION


# %% tags=["check"]
lists = {
    (step, layer): runs[step].graph(layer, K + 1).indices[:, :K] for step in series.steps for layer in series.layers
}
pair = lists[0, "block_3"], lists[50, "block_3"]
check("10.1 overlap", lambda: overlap(*pair), ls.estimate("overlap", *map(ls.Neighbors.from_arrays, pair), k=K).value)

# %% [markdown]
# ## 10.2 Layer by step
#
# Fill a table: for each layer (rows) and each interval of the training (columns) the overlap of the layer with itself
# at the end of the interval.


# %% tags=["exercise"]
def moved(lists, layers, steps):
    """Shape (layers, steps − 1): χ of l(t) and l(t + 1)."""
    # BEGIN SOLUTION
    return np.array([[overlap(lists[a, layer], lists[b, layer]) for a, b in pairwise(steps)] for layer in layers])
    # END SOLUTION


# %% tags=["check"]
table = ls.measure(series, ["overlap", "label_overlap", "twonn"], k=K, progress=False)
between = table[(table.measure == "overlap") & (table.layer == table.other_layer) & table.other_step.notna()]
wanted = [
    [
        between[(between.layer == layer) & (between.step == a) & (between.other_step == b)].value.item()
        for a, b in pairwise(series.steps)
    ]
    for layer in series.layers
]
check("10.2 l(t) and l(t + 1)", lambda: moved(lists, series.layers, series.steps), wanted)

# %%
figure, ax = plt.subplots(figsize=(5.5, 3.6))
shown = ax.imshow(moved(lists, series.layers, series.steps), vmin=0, vmax=1, aspect="auto")
ax.set_xticks(range(4), [f"{a} → {b}" for a, b in pairwise(series.steps)])
ax.set_yticks(range(len(series.layers)), series.layers)
ax.set_xlabel("steps of training")
figure.colorbar(shown, label="overlap of the layer with itself")
plt.show()

# %% [markdown]
# **Question.** Which layers settle first? When does the network move most?
#
# <details><summary>Answer</summary>
#
# The first layers: the embedding keeps most of its neighbors at every step. The deeper a layer, the more it is
# rearranged, and most of it happens before step 400, though 1,100 of the 1,500 steps come after that. Beware of the
# columns: they are intervals of unlike length. That early layers settle before late ones was found by Raghu et al.
# (2017, arXiv:1706.05806), with another measure.
#
# </details>
#
# ## 10.3 What the movement is for
#
# The overlap with the digit at each step. Which share of the neighbors that a layer gave up between two steps had the
# digit of the sample, and which share of those it took in their place? Write both.


# %% tags=["exercise"]
def exchanged(a, b, labels):
    """Shares of equal labels: among neighbors in a that are not in b, and among those in b that are not in a."""
    # BEGIN SOLUTION
    same = a[:, :, None] == b[:, None, :]
    own = labels[:, None]
    given_up, taken = ~same.any(axis=2), ~same.any(axis=1)
    return (labels[a] == own)[given_up].mean(), (labels[b] == own)[taken].mean()
    # END SOLUTION


# %% tags=["check"]
# What was given up and what was taken must add up to the change of the label overlap, which layerscape knows.
digit = runs[0].samples.labels["digit"]
first, last = lists[0, "block_7"], lists[1500, "block_7"]
change = [ls.estimate("label_overlap", ls.Neighbors.from_arrays(one), digit, k=K).value for one in (first, last)]
check(
    "10.3 exchanged",
    lambda: exchanged(first, last, digit),
    change[1] - change[0],
    of=lambda shares: (1 - overlap(first, last)) * (shares[1] - shares[0]),
)

# %%
print("block_7           kept   digit of those given up, and of those taken")
for a, b in pairwise(series.steps):
    pair = lists[a, "block_7"], lists[b, "block_7"]
    up, taken = exchanged(*pair, digit)
    print(f"{a:5} → {b:5}   {overlap(*pair):6.2f}   {up:6.2f} → {taken:.2f}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.4))
for ax, measure, title in zip(axes, ("label_overlap", "twonn"), ("overlap with the digit", "dimension"), strict=True):
    for step in series.steps:
        rows = table[(table.measure == measure) & (table.step == step)]
        ax.plot(rows.layer, rows.value, "o-", label=f"step {step}")
    ax.set(ylabel=title, ylim=(0, None))
    ax.tick_params(axis="x", rotation=45)
axes[0].legend()
figure.tight_layout()
plt.show()

# %% [markdown]
# **Question.** Which is there first, the fall of the dimension or the digit?
#
# <details><summary>Answer</summary>
#
# The dimension: by step 50 block 7 has made most of its way down, while the digit has only begun to rise. The
# dimension then hardly moves while the overlap with the digit doubles and more. So a dimension that no longer moves
# does not mean that the network has stopped learning.
#
# </details>
#
# ## To go on
#
# - `layerscape demo --training` on the command line makes the page of this series, with a slider.
# - A network of your own: `layerscape.training.Monitor` looks while it learns (docs/training.md).
