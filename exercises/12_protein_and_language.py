# %% [markdown]
# # 12. A protein and a language model, layer by layer
#
# In large protein models the dimension rises to a peak, falls to a plateau and rises again at the end, and families
# of proteins are told best on the plateau (Valeriani et al. 2023, arXiv:2302.00294). Language models have a phase of
# high dimension in the first half (Cheng et al. 2025, arXiv:2405.15471). You take two small models through the same
# steps: AntiBERTy (antibodies, 8 blocks) on proteins and MiniLM (sentences, 6 blocks) on questions.
#
# About 60 minutes. The models are looked for in the folder that LAYERSCAPE_MODELS names (`tools/real_models.py` makes
# it of ordinary packages) and the data in that of LAYERSCAPE_DATA. Where they are not there, small random networks
# and made data take their place, and the next cell says so.

# %% tags=["setup"]
import tempfile
import warnings
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from checks import check, ready
from networks import model, proteins, questions, words_of

ready("matplotlib", "torch", "transformers", "zarr", "pandas")
import layerscape as ls

warnings.filterwarnings("ignore", "neighbors stand within")  # relatives lie together in some files: see exercise 13
N, K = 150, 10  # samples of each; 1_000 make a real profile, and take some minutes
folder = Path(tempfile.mkdtemp())
data = {"antiberty": proteins(N, folder), "minilm": questions(N, folder)}
models = {name: model(name, words_of(path), folder) for name, (path, _) in data.items()}
LABEL = {"antiberty": "family", "minilm": "label"}

# %% [markdown]
# ## 12.1 One pass each
#
# `random_init` gives the untrained twin: the same network with new random weights. The mean over the tokens stands for
# a sample. The library may warn: of texts that are cut (on purpose, to be fast), of weights that are not used (those
# of a head), of near copies. Read what it says.

# %%
runs, twins = {}, {}
options = {"pooling": "mean", "max_length": 64, "layers": ["embedding", "block_*"], "progress": False}
for name, (path, _) in data.items():
    runs[name] = ls.extract(models[name][0], path, out=folder / f"run_{name}", **options)
    twins[name] = ls.extract(models[name][0], path, out=folder / f"twin_{name}", random_init=0, **options)
runs

# %% [markdown]
# ## 12.2 Four curves of one network
#
# From the lists of neighbors alone: the overlap of each layer with the next, and with the label. (You wrote both in
# exercise 8; here from lists, which layerscape searches.)


# %% tags=["exercise"]
def consecutive(lists):
    """Overlap of each list of neighbors (N, k) with the next one."""
    # BEGIN SOLUTION
    return [(a[:, :, None] == b[:, None, :]).sum() / a.size for a, b in pairwise(lists)]
    # END SOLUTION


# %% tags=["check"]
def lists_of(run):
    return [run.graph(layer, K + 1).indices[:, :K] for layer in run.layers]


run = runs["antiberty"]
graphs = [ls.Neighbors.from_arrays(list_) for list_ in lists_of(run)]  # lists alone, in which no ties are seen
wanted = [ls.estimate("overlap", a, b, k=K).value for a, b in pairwise(graphs)]
check("12.2 consecutive overlap", lambda: consecutive(lists_of(run)), wanted)


# %% tags=["exercise"]
def encoded(lists, labels):
    """For each list of neighbors (N, k) the share of neighbors with the sample's own label."""
    # BEGIN SOLUTION
    return [(labels[list_] == labels[:, None]).mean() for list_ in lists]
    # END SOLUTION


# %% tags=["check"]
family = run.samples.labels["family"]
wanted = [ls.estimate("label_overlap", graph, family, k=K).value for graph in graphs]
check("12.2 overlap with the family", lambda: encoded(lists_of(run), family), wanted)

# %%
figure, axes = plt.subplots(2, 3, figsize=(12, 6), sharex="row")
for row, name in zip(axes, runs, strict=True):
    for which, run in {"trained": runs[name], "untrained twin": twins[name]}.items():
        found = [ls.estimate("twonn", run[layer]) for layer in run.layers]
        value, low, high = np.transpose([(one.value, one.low, one.high) for one in found])
        row[0].errorbar(range(len(value)), value, [value - low, high - value], marker="o", label=which)
        row[1].plot(np.arange(len(value) - 1) + 0.5, consecutive(lists_of(run)), "o-")
        row[2].plot(encoded(lists_of(run), run.samples.labels[LABEL[name]]), "o-")
    real = "" if models[name][1] else " (random weights)"
    for ax, title in zip(
        row, ("dimension (TwoNN)", "overlap with the next layer", f"overlap with {LABEL[name]}"), strict=True
    ):
        ax.set(title=title, xlabel=f"block of {name}{real}", ylim=(0, None))
axes[0, 0].legend()
figure.tight_layout()
plt.show()

# %% [markdown]
# **Question.** Does the label sit where the dimension is lowest? Are both networks alike in this?
#
# <details><summary>Answer</summary>
#
# Look, and say what you see with its interval: at 150 samples most differences between neighboring layers are within
# the bars. What holds for large protein models need not hold for small ones or for language: there the phase of
# high dimension is the one that transfers best (Cheng et al. 2025). If your networks are the random ones, trained and
# untrained must look alike, and anything you read into a bump of one curve is a lesson in itself.
#
# </details>
#
# ## 12.3 Which layer would you use?
#
# Taking the layer with the highest overlap is a choice among many, and the best of many looks good by luck. Write the
# choice that any reader would make, then ask whether it is established.


# %% tags=["exercise"]
def best_layer(layers, values):
    """The name of the layer of the largest value."""
    # BEGIN SOLUTION
    return layers[int(np.argmax(values))]
    # END SOLUTION


# %% tags=["check"]
run = runs["minilm"]
values = encoded(lists_of(run), run.samples.labels["label"])
label = run.samples.labels["label"]
graphs = zip(run.layers, map(ls.Neighbors.from_arrays, lists_of(run)), strict=True)
table = {layer: ls.estimate("label_overlap", graph, label, k=K).value for layer, graph in graphs}
check("12.3 best layer", lambda: best_layer(run.layers, values), max(table.values()), of=lambda name: table[name])

# %%
for name, run in runs.items():
    print(f"{name}: {best_layer(run.layers, encoded(lists_of(run), run.samples.labels[LABEL[name]]))} is the highest.")
    print("  recommend:", ls.recommend(run, labels=LABEL[name], k=K, progress=False).reason)

# %% [markdown]
# ## 12.4 At another scale

# %%
for name, run in runs.items():
    curves = {layer: ls.estimate("gride", run[layer]) for layer in (run.layers[0], run.layers[3], run.layers[-1])}
    ax = ls.plot.dimension_scale(curves)
    ax.set_title(name)
    plt.show()

# %% [markdown]
# **Question.** Is a peak that TwoNN shows still there at 32 neighbors?
#
# <details><summary>Answer</summary>
#
# Only a peak that survives the choice of scale is a peak of the network. At 150 samples the 32nd neighbor is already
# a fifth of the data away: for this question take a thousand or more.
#
# </details>
#
# ## To go on
#
# - `shuffle_tokens=0` of `ls.extract`: the same residues or words in random order. What needs the order?
# - `name = "smollm2"` with `pooling="last"`: a causal model of 30 blocks. Are there two plateaus?
