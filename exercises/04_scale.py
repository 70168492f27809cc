# %% [markdown]
# # 4. A noisy plane that reads 3, 2, 1
#
# "The" dimension of data does not exist: it depends on how closely one looks. Here is a long narrow strip with a
# little noise. From nearby it is a solid, at arm's length a plane, from afar a line. You look at it at all scales by
# *decimation*: keep fewer and fewer points, so that the first neighbor is farther and farther away
# (Facco et al. 2017, doi:10.1038/s41598-017-11873-y).
#
# About 30 minutes. You write numpy; after each exercise a cell checks it. Solutions are folded below the checks.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
from checks import check, ready

ready("matplotlib")
import layerscape as ls

N = 8000  # samples; 32_000 draws the three steps more clearly, and takes a few seconds
WIDTH, NOISE = 0.02, 0.003  # of a strip of length 1
rng = np.random.default_rng(0)
strip = rng.random((N, 3)) * [1, WIDTH, NOISE]

# %% [markdown]
# ## 4.1 TwoNN of a subset
#
# (N − 1) / Σ log(r₂/r₁), as in exercise 3. Here up to 2,000 points, so do without a matrix of differences in three
# dimensions.
#
# <details><summary>Hint</summary>
#
# ‖a − b‖² = ‖a‖² + ‖b‖² − 2 a·b needs one matrix product only. Rounding costs digits where points are near each other
# and far from the origin; subtract unit by unit if the check complains.
#
# </details>


# %% tags=["exercise"]
def dimension(points):
    """TwoNN by maximum likelihood of these points."""
    # BEGIN SOLUTION
    squares = np.zeros((len(points), len(points)))
    for unit in points.T:
        squares += (unit[:, None] - unit) ** 2
    np.fill_diagonal(squares, np.inf)
    nearest, second = np.sqrt(np.partition(squares, 1, axis=1)[:, :2].T)
    return (len(points) - 1) / np.log(second / nearest).sum()
    # END SOLUTION


# %% tags=["check"]
check("4.1 TwoNN", lambda: dimension(strip[:2000]), ls.estimate("twonn", strip[:2000]).value)

# %% [markdown]
# ## 4.2 Thin out
#
# Cut the points into as many disjoint parts of n points as there are, and average the dimension over the parts. (Parts
# that share no points make a steadier mean than random draws that may.) At most eight parts are enough.


# %% tags=["exercise"]
def decimated(x, n, most=8):
    """Mean dimension of the first ``most`` parts x[:n], x[n:2n], …"""
    # BEGIN SOLUTION
    parts = [x[start : start + n] for start in range(0, len(x) - n + 1, n)][:most]
    return np.mean([dimension(part) for part in parts])
    # END SOLUTION


# %% tags=["check"]
wanted = np.mean([ls.estimate("twonn", strip[start : start + 500]).value for start in range(0, 4000, 500)])
check("4.2 eight parts of 500", lambda: decimated(strip, 500), wanted)

# %%
sizes = [2000, 1000, 500, 250, 125, 62, 31]
by_hand = [decimated(strip, n, most=64) for n in sizes]
found = ls.estimate("decimation", strip, smallest=31, repetitions=64)
ax = plt.figure(figsize=(5, 3.4)).gca()
ls.plot.decimation(found, ax=ax)
ax.plot(sizes, by_hand, "k.", label="by hand")
ax.set(xscale="log")
ax.legend()
plt.show()

# %% [markdown]
# **Question.** Where is the dimension of the strip on this curve? Read off the distance to the first neighbor at each
# step (`found.curve` has it as `scale`) and compare it with NOISE and WIDTH.
#
# <details><summary>Answer</summary>
#
# Nearly 3 where neighbors are nearer than the noise is thick (0.003), about 2 where they lie between 0.003 and the
# width 0.02, and towards 1 beyond. There is no flat piece, since each step is only a few times as long as the one
# before. Where the curve has no plateau the curve is the result, and no single number may be quoted. A plateau over a
# wide range of scales is what one calls the dimension.
#
# </details>

# %%
for point in found.curve:
    print(f"n = {point.n_samples:5}  distance {point.scale:.4f}  dimension {point.value:.2f}")

# %% [markdown]
# ## 4.3 The same from one graph: Gride
#
# Decimation throws points away. Gride (Denti et al. 2022, doi:10.1038/s41598-022-20991-1) looks at farther neighbors
# instead: ratios of the distances to the neighbors n and 2n, for n = 1, 2, 4, … The first step is TwoNN. With
# x = log(r₂ₙ/rₙ) the likelihood is largest where its slope is 0:
#
# $$\frac{N - 1}{d} + (n - 1) \sum_i \frac{x_i}{1 - e^{-d x_i}} - (2n - 1) \sum_i x_i = 0$$
#
# (N − 1 in place of N takes out the bias, as in TwoNN.) Write the slope; the search for its zero is given.


# %% tags=["exercise"]
def slope(d, x, n):
    """The left side of the line above."""
    # BEGIN SOLUTION
    return (len(x) - 1) / d + (n - 1) * np.sum(x / (1 - np.exp(-d * x))) - (2 * n - 1) * x.sum()
    # END SOLUTION


# %% tags=["check"]
def zero(falling, low=0.1, high=20.0):
    """Where a falling function of one number is 0, by halves."""
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return middle


graph = ls.find_neighbors(strip, k=64)
gride = ls.estimate("gride", graph)
x4 = np.log(graph.distances[:, 7] / graph.distances[:, 3])  # the eighth neighbor and the fourth
at_8 = next(point.value for point in gride.curve if point.k == 8)
check("4.3 Gride at n = 4", lambda: slope(2.0, x4, 4) and zero(lambda d: slope(d, x4, 4)), at_8)

# %%
ls.plot.dimension_scale({"decimation": found, "gride": gride})
plt.show()

# %% [markdown]
# ## 4.4 What may be said
#
# Ask the library which number to believe. What does it answer for the strip, and what for a clean plane?

# %%
print("strip:", ls.dimension_report(strip).reason)
print("plane:", ls.dimension_report(strip[:3000, :2] / [1, WIDTH]).reason)

# %% [markdown]
# ## To go on
#
# - Give the third unit *less* noise until the first step reads 2. How does that noise compare with the distance to the
#   first neighbor?
# - A layer of a network reads 12 with 1,000 samples and 15 with 10,000. Has the layer changed?
