# %% [markdown]
# # 7. Why expand at all? Cover's theorem and the kernel trick
#
# If a network ends in few dimensions, why should it begin by adding some? Because in more dimensions more can be told
# apart by a plane. Cover counted it (1965, doi:10.1109/PGEC.1965.264137), and kernels live from it.
#
# About 40 minutes. You write numpy; after each exercise a cell checks it. Solutions are folded below the checks.

# %% tags=["setup"]
import math

import matplotlib.pyplot as plt
import numpy as np
from checks import check, ready

ready("matplotlib")
import layerscape as ls

N = 400  # samples
rng = np.random.default_rng(0)

# %% [markdown]
# ## 7.1 How many labelings are separable?
#
# p points in general position (no three on a line, and so on) in d dimensions; each gets one of two labels by a coin.
# Of the 2^p labelings a hyperplane separates
#
# $$C(p, d) = 2 \sum_{k=0}^{d} \binom{p - 1}{k}.$$
#
# Write the share C(p, d) / 2^p.


# %% tags=["exercise"]
def separable_share(p, d):
    """The share of all labelings of p points in d dimensions that a hyperplane separates."""
    # BEGIN SOLUTION
    return 2 * sum(math.comb(p - 1, k) for k in range(d + 1)) / 2**p
    # END SOLUTION


# %% tags=["check"]
cloud = rng.standard_normal((N, 8))
measured = ls.estimate("dichotomies", cloud)  # draws labelings, and looks for a plane for each
points = [point.k for point in measured.curve]
check("7.1 Cover's share", lambda: [separable_share(p, 8) for p in points], measured.details["cover"])

# %%
ax = plt.figure(figsize=(5, 3.2)).gca()
ax.plot(points, [separable_share(p, 8) for p in points], label="Cover, d = 8")
ax.plot(points, [point.value for point in measured.curve], ".", label="found for random labels")
for d in (2, 30):
    ax.plot(range(2, 100), [separable_share(p, d) for p in range(2, 100)], color="grey", linewidth=1)
    ax.text(2.1 * d, 0.2, f"d = {d}", color="grey")
ax.set(xlabel="points", ylabel="share of separable labelings", xlim=(0, 100))
ax.legend(loc="upper right")
plt.show()

# %% [markdown]
# **Question.** Where is the share exactly one half?
#
# <details><summary>Answer</summary>
#
# At p = 2(d + 1). So a plane can store about two random labels for each dimension (with its threshold). Twice the
# dimensions, twice the labels.
#
# </details>
#
# ## 7.2 Two rings
#
# Two rings, one in the other: no line separates them. Map each point (x, y) to
#
# $$\varphi = (1,\ \sqrt2 x,\ \sqrt2 y,\ x^2,\ y^2,\ \sqrt2 x y).$$

# %%
inner = np.arange(N) < N // 2
angle, radius = rng.uniform(0, 2 * np.pi, N), np.where(inner, 1.0, 2.0) + 0.15 * rng.standard_normal(N)
rings = np.c_[radius * np.cos(angle), radius * np.sin(angle)]


# %% tags=["exercise"]
def phi(points):
    """Shape (N, 6) of points (N, 2)."""
    # BEGIN SOLUTION
    x, y = points.T
    root = np.sqrt(2)
    return np.stack([np.ones_like(x), root * x, root * y, x**2, y**2, root * x * y], axis=1)
    # END SOLUTION


# %% tags=["check"]
check("7.2 the kernel trick", lambda: phi(rings), (1 + rings @ rings.T) ** 2, of=lambda mapped: mapped @ mapped.T)

# %% [markdown]
# The check compares your scalar products with (1 + a·b)². That is the trick: the products in six dimensions are had
# from those in two, and φ need never be written down. With (1 + a·b)¹⁰ it would have 66 units.

# %%
for name, points_ in {"rings": rings, "φ": phi(rings)[:, 1:]}.items():
    read = ls.estimate("linear_probe", points_, inner)
    print(f"{name:5}: a plane tells {read.value:.2f} of the points apart, chance {read.chance.value:.2f}")

# %% [markdown]
# ## 7.3 Which dimension has grown?
#
# φ maps a plane to a curved surface in six units. Compare what TwoNN says of it with how many directions its variance
# fills. For the second, write the participation ratio of the covariance's eigenvalues, (Σλ)² / Σλ².


# %% tags=["exercise"]
def participation(x):
    """(Σλ)² / Σλ² of the eigenvalues of the covariance of x."""
    # BEGIN SOLUTION
    values = np.linalg.eigvalsh(np.cov(x.T))
    return values.sum() ** 2 / (values**2).sum()
    # END SOLUTION


# %% tags=["check"]
check(
    "7.3 participation ratio",
    lambda: participation(phi(rings)[:, 1:]),
    ls.estimate("participation_ratio", phi(rings)[:, 1:], correction="none").value,
)

# %%
for name, points_ in {"rings": rings, "φ": phi(rings)[:, 1:]}.items():
    print(f"{name:5}: TwoNN {ls.estimate('twonn', points_).value:.2f}, participation {participation(points_):.2f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The sheet stays a sheet: a smooth map cannot raise the intrinsic dimension. What grows is the number of directions
# that the sheet bends into, and planes use those. When TwoNN rises with depth in a real network, something else is
# going on: directions that were too small to be seen beside large ones come up to their scale (exercise 6).
#
# </details>
#
# ## 7.4 Random features
#
# A layer of random weights and ReLU, wider and wider. Does it separate the rings?


# %% tags=["exercise"]
def layer(x, width, seed=0):
    """ReLU of x W + b, with W and then b standard normal by np.random.default_rng(seed)."""
    # BEGIN SOLUTION
    random = np.random.default_rng(seed)
    weights, bias = random.standard_normal((x.shape[1], width)), random.standard_normal(width)
    return np.maximum(x @ weights + bias, 0)
    # END SOLUTION


# %% tags=["check"]
random = np.random.default_rng(0)
wanted = np.maximum(rings @ random.standard_normal((2, 5)) + random.standard_normal(5), 0)
check("7.4 a random layer", lambda: layer(rings, 5), wanted)

# %%
widths = [1, 2, 3, 5, 10, 20, 50, 100]
hidden = {width: layer(rings, width) for width in widths}
accuracy = [ls.estimate("linear_probe", hidden[width], inner, permutations=20).value for width in widths]
linear = [participation(hidden[width]) if width > 1 else 1.0 for width in widths]
curved = [ls.estimate("twonn", hidden[width]).value if width >= 10 else np.nan for width in widths]
figure, ax = plt.subplots(figsize=(5.5, 3.4))
ax.plot(widths, linear, "o-", label="participation ratio")
ax.plot(widths, curved, "o-", label="TwoNN")
ax.set(xscale="log", xlabel="width of the random layer", ylabel="dimensions", ylim=(0, None))
ax.legend(loc="upper left")
other = ax.twinx()
other.plot(widths, accuracy, "k.--")
other.set(ylabel="accuracy of a plane (dashed)", ylim=(0.4, 1.02))
plt.show()

# %% [markdown]
# **Question.** Expansion helps a plane. Why, then, does a network contract again?
#
# <details><summary>Answer</summary>
#
# Where every labeling is separable, the right one is not special: a plane that could learn anything needs many
# examples to learn one thing. Contraction puts together what belongs together, so that few labelings stay
# separable, among them the one that is asked for. Cover's theorem speaks of what could be told apart, not of what
# will be told apart for new samples.
#
# </details>
