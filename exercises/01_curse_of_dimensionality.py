# %% [markdown]
# # 1. The curse of dimensionality
#
# In a space of many dimensions our pictures of balls, corners and neighbors fail. Here you compute three of these
# failures, and then see why data escape them: what counts is not the number of units but the number of directions
# in which the data really vary.
#
# About 30 minutes. You write numpy; after each exercise a cell checks it against layerscape. Solutions are folded
# below the checks.

# %% tags=["setup"]
import math

import matplotlib.pyplot as plt
import numpy as np
from checks import check, ready

ready("matplotlib")
import layerscape as ls

N = 1000  # samples; try 5000 later
DIMENSIONS = (1, 2, 5, 10, 20, 50, 100, 200, 500)

# %% [markdown]
# ## 1.1 The ball in the cube
#
# A ball of radius 1 fits into a cube of side 2. Its volume is π^(d/2) / Γ(d/2 + 1), that of the cube 2^d. Which share
# of the cube lies within the ball?
#
# <details><summary>Hint</summary>
#
# `math.gamma` overflows above 171. Take logarithms: `math.lgamma`.
#
# </details>


# %% tags=["exercise"]
def in_ball(d):
    """The share of a cube of d dimensions that lies within its inscribed ball."""
    # BEGIN SOLUTION
    return math.exp(d / 2 * math.log(math.pi) - math.lgamma(d / 2 + 1) - d * math.log(2))
    # END SOLUTION


# %% tags=["check"]
volumes = ls.datasets.cube_volumes(DIMENSIONS, shell=0.05)
check("1.1 share in the ball", lambda: [in_ball(d) for d in DIMENSIONS], volumes["in_ball"])

# %% [markdown]
# **Question.** A search for "all points nearer than 1" sees this share of the cube. How many samples do you need in
# 20 dimensions to expect a single neighbor within the ball?
#
# <details><summary>Answer</summary>
#
# The share is 2.5·10⁻⁸: about forty million. In 2 dimensions it is 0.785: two are enough.
#
# </details>
#
# ## 1.2 The orange that is all peel
#
# Peel a cube from every side: a layer as thick as ε = 0.05 of the half side. Which share of the volume have you taken
# away?


# %% tags=["exercise"]
def in_peel(d, thickness=0.05):
    """The share of the volume within the outer layer, whose thickness is a share of the half side."""
    # BEGIN SOLUTION
    return 1 - (1 - thickness) ** d
    # END SOLUTION


# %% tags=["check"]
check("1.2 share in the peel", lambda: [in_peel(d) for d in DIMENSIONS], volumes["in_shell"])

# %%
ax = plt.figure(figsize=(5, 3.2)).gca()
ax.plot(DIMENSIONS, volumes["in_ball"], "o-", label="in the inscribed ball")
ax.plot(DIMENSIONS, volumes["in_shell"], "o-", label="in a peel of 5 %")
ax.set(xscale="log", xlabel="dimensions", ylabel="share of the volume")
ax.legend()
plt.show()

# %% [markdown]
# ## 1.3 Everyone is equally far
#
# For a query, the *contrast* is (farthest − nearest) / nearest over its distances to all samples. Where it is near 0,
# "the nearest neighbor" says little (Beyer et al. 1999, doi:10.1007/3-540-49257-7_15). Compute the median contrast
# over the queries.


# %% tags=["exercise"]
def contrast(samples, queries):
    """Median over the queries of (d_max − d_min) / d_min."""
    # BEGIN SOLUTION
    found = []
    for query in queries:
        distances = np.sqrt(((samples - query) ** 2).sum(axis=1))
        found.append((distances.max() - distances.min()) / distances.min())
    return np.median(found)
    # END SOLUTION


# %% tags=["check"]
def draw(d):
    """Samples and 100 queries, uniform in a cube of d dimensions: those that layerscape draws with seed 0."""
    random = np.random.RandomState(0)
    return random.random_sample((N, d)), random.random_sample((100, d))


wanted = [ls.datasets.distance_concentration((d,), n_samples=N)["contrast"][0] for d in (2, 20, 200)]
check("1.3 contrast", lambda: [contrast(*draw(d)) for d in (2, 20, 200)], wanted)

# %% [markdown]
# ## 1.4 And yet networks work in 768 units
#
# A sheet of two dimensions, turned at random into 500 units. Is its contrast that of 2 dimensions, or that of 500?
# Guess before you run the next cell.


# %% tags=["exercise"]
def turned(points, n_units, seed=0):
    """The points (n, d) in n_units units, d ≤ n_units: turned at random, with all distances as they were."""
    # BEGIN SOLUTION
    normal = np.random.default_rng(seed).standard_normal((n_units, points.shape[1]))
    directions, _ = np.linalg.qr(normal)  # columns of length 1, at right angles
    return points @ directions.T
    # END SOLUTION


# %% tags=["check"]
samples, queries = draw(2)
check(
    "1.4 distances stay",
    lambda: turned(samples, 500),
    ls.find_neighbors(samples, k=5).distances,
    of=lambda points: ls.find_neighbors(points, k=5).distances,
    hint="The directions must have length 1 and stand at right angles.",
)

# %%
both = turned(np.vstack([samples, queries]), 500)
plane, full = contrast(both[:N], both[N:]), contrast(*draw(500))
print(f"contrast of the sheet in 500 units: {plane:.1f}; of a cube of 500 dimensions: {full:.2f}")
print("TwoNN reads of the sheet:", round(ls.estimate("twonn", both).value, 2))

# %% [markdown]
# <details><summary>Answer</summary>
#
# That of 2. Distances know nothing of the units in which we write points down, only of the directions in which the
# points differ. This is the manifold hypothesis in one line, and the reason why one measures the *intrinsic* dimension
# of a layer rather than count its units.
#
# </details>
#
# ## 1.5 The curse does not spare the estimators
#
# A finite sample of a cloud of many dimensions reads low: its points are nearly all on the border, and a neighbor
# nearby is a rare event.

# %%
truth = [2, 5, 10, 20, 50]
read = [ls.estimate("twonn", ls.datasets.gaussian(N, d).x) for d in truth]
ax = plt.figure(figsize=(4, 3.6)).gca()
ax.plot(truth, truth, color="grey", linewidth=1, label="truth")
ax.errorbar(
    truth,
    [found.value for found in read],
    yerr=[[found.value - found.low for found in read], [found.high - found.value for found in read]],
    fmt="o-",
    label=f"TwoNN, N = {N}",
)
ax.set(xlabel="dimensions of a Gaussian", ylabel="read")
ax.legend()
plt.show()

# %% [markdown]
# **Question.** The interval at 50 is narrow and does not reach the truth. Is it wrong?
#
# <details><summary>Answer</summary>
#
# It says how far the reading would move if you drew other samples, as many. How far the mean reading is from the truth
# (its bias) is another matter: it gets smaller with N, but terribly slowly. Five thousand samples read 33 of 50
# dimensions. `ls.dimension_report` corrects for that where it is moderate, and otherwise names no number.
#
# </details>
