# %% [markdown]
# # 6. The hunchback: dimension through a network
#
# In convolutional networks trained on photos the dimension first rises and then falls, and where it falls lower in
# the last layer the network classifies better (Ansuini et al. 2019, arXiv:1905.12784). Untrained networks are flat.
# Here you look at a small network that ships with layerscape: it learned, without labels, to recognize two pictures
# of the same scan of a digit, wherever the digit stands in a noisy field.
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
N = 797  # held-out scans; 400 are faster and read a little less
folder = Path(tempfile.mkdtemp())

# %%
options = {"pooling": "flatten", "limit": N, "layers": ["input", "embedding", "block_*"], "progress": False}
runs = {name: ls.extract(f"demo@{name}", "digits", out=folder / name, **options) for name in ("untrained", "final")}
trained = runs["final"]
trained

# %% [markdown]
# A run maps layer names to matrices, one row per sample. `input` is the pixels, `block_7` the last layer.

# %%
figure, row = plt.subplots(1, 8, figsize=(9, 1.3))
for ax, pixels, digit in zip(row, np.asarray(trained["input"]), trained.samples.labels["digit"], strict=False):
    ax.imshow(pixels.reshape(16, 16), cmap="gray_r")
    ax.set_title(digit)
    ax.axis("off")
plt.show()

# %% [markdown]
# ## 6.1 The profile
#
# Dimension of each layer, from the first to the last. Write TwoNN once more, and take it through the layers.
#
# <details><summary>Hint</summary>
#
# `np.asarray(run[layer], dtype=float)` is a matrix. With ‖a − b‖² = ‖a‖² + ‖b‖² − 2 a·b all distances need one matrix
# product. Subtract the mean first, and work in float64, or rounding will cost you digits.
#
# </details>


# %% tags=["exercise"]
def dimension(x):
    """TwoNN of the rows of x."""
    # BEGIN SOLUTION
    x = x - x.mean(axis=0)
    norms = (x**2).sum(axis=1)
    squares = norms[:, None] + norms - 2 * x @ x.T
    np.fill_diagonal(squares, np.inf)
    near = np.argsort(squares, axis=1)[:, :2]
    nearest, second = (np.sqrt(((x - x[near[:, rank]]) ** 2).sum(axis=1)) for rank in (0, 1))
    return (len(x) - 1) / np.log(second / nearest).sum()
    # END SOLUTION


# %% tags=["check"]
tables = {name: ls.measure(run, ["twonn"], progress=False) for name, run in runs.items()}
layers = list(trained.layers)
wanted = tables["final"].set_index("layer").value[layers]
check(
    "6.1 profile of the trained network",
    lambda: [dimension(np.asarray(trained[layer], dtype=float)) for layer in layers],
    wanted,
)

# %%
figure, ax = plt.subplots(figsize=(6, 3.4))
for name, table in tables.items():
    ax.errorbar(layers, table.value, [table.value - table.low, table.high - table.value], marker="o", label=name)
ax.set(ylabel="dimension (TwoNN)", ylim=(0, None))
ax.tick_params(axis="x", rotation=45)
ax.legend()
plt.show()
{name: table.set_index("layer").value.round(1).to_dict() for name, table in tables.items()}

# %% [markdown]
# **Question.** Is there a hunchback?
#
# <details><summary>Answer</summary>
#
# No. The pixels read 29.5, since every pixel has noise of its own, and from there both networks fall: the trained one
# to 5, the untrained one to 10. A rise needs an input that reads low. Do not look for a hunchback because a paper has
# one: the profile depends on data, network and task.
#
# </details>
#
# ## 6.2 Why photos read low at the input
#
# In photos brightness and contrast vary more than anything else. Along a direction of large variance samples lie far
# apart, and at the scale of the nearest neighbor little else is seen. Ansuini et al. tested this with digits to which
# they added a gradient of luminance. Do the like with clean scans of 8 × 8: add a random brightness to each.

# %%
from sklearn.datasets import load_digits

scans = load_digits().images[:N].reshape(N, -1) / 16


# %% tags=["exercise"]
def brightened(x, strength, seed=0):
    """Each row of x with one random number in 0…strength, by np.random.default_rng(seed), added to all its pixels."""
    # BEGIN SOLUTION
    return x + strength * np.random.default_rng(seed).random((len(x), 1))
    # END SOLUTION


# %% tags=["check"]
one_each = 5 * np.random.default_rng(0).random(N)
check("6.2 brightness", lambda: brightened(scans, 5), scans + one_each[:, None])


# %% tags=["exercise"]
def without_brightness(x):
    """What a first layer could do about it: each row less its mean."""
    # BEGIN SOLUTION
    return x - x.mean(axis=1, keepdims=True)
    # END SOLUTION


# %% tags=["check"]
check("6.2 taken away again", lambda: without_brightness(brightened(scans, 5)), without_brightness(scans))

# %%
print("strength   pixels   less their mean")
for strength in (0, 1, 5, 20, 100):
    bright = brightened(scans, strength)
    pair = [ls.estimate("twonn", one, near_copies=0).value for one in (bright, without_brightness(bright))]
    print(f"{strength:8}   {pair[0]:6.1f}   {pair[1]:6.1f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Brightness lowers what the input reads from 8 to between 6 and 7, though the data now have one dimension *more*. A
# layer that takes the brightness away raises the reading again: that is a rise. It removes what does not matter
# before it can build what does.
#
# </details>
#
# ## 6.3 Does low dimension mean good?
#
# Beside the dimension, draw how many of the 30 nearest neighbors show the same digit (exercise 8).

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.4))
for ax, (name, run) in zip(axes, runs.items(), strict=True):
    hidden = ls.from_arrays({layer: run[layer] for layer in layers[1:]}, labels={"digit": run.samples.labels["digit"]})
    both = ls.measure(hidden, ["twonn", "label_overlap"], k=30, progress=False)
    ls.plot.dimension_labels(both, ax=ax)
    ax.set_title(name)
figure.subplots_adjust(wspace=0.5)
plt.show()

# %% [markdown]
# **Question.** Both networks fall. What does the fall of the untrained one tell?
#
# <details><summary>Answer</summary>
#
# That a falling dimension is no sign of learning by itself: convolutions and averaging lose something in any network.
# In the trained one neighbors come to show the same digit as the dimension falls; in the untrained one they do not.
# Always draw the untrained twin beside the trained network.
#
# </details>
#
# ## To go on
#
# - `pooling="mean"` averages over the map. What happens to the profile of the trained network, and why?
# - `ls.controls("twonn", trained["block_7"])`: is 5 low?
