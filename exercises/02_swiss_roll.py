# %% [markdown]
# # 2. Four ways to ask a rolled-up sheet for its dimension
#
# A sheet of two dimensions, rolled up in three. PCA counts directions of variance, Isomap unrolls the sheet, an
# autoencoder looks for the narrowest bottleneck, TwoNN asks only who is near. You write PCA and the heart of Isomap.
#
# About 40 minutes. You write numpy; after each exercise a cell checks it. Solutions are folded below the checks.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
from checks import check, ready

ready("matplotlib", "torch")
import layerscape as ls

N = 600  # samples; try 2000 later
roll = ls.datasets.swiss_roll(N)
x, flat = roll.x, roll.coordinates  # in 3 units; and the sheet before it was rolled up, which we pretend not to know

# %%
ax = plt.figure(figsize=(5, 4)).add_subplot(projection="3d")
ax.scatter(*x.T, c=flat[:, 0], s=6)
ax.set_title("color: place along the sheet")
plt.show()

# %% [markdown]
# ## 2.1 PCA
#
# The eigenvalues of the covariance are the variances along the principal directions. How many of them, the largest
# first, hold 90 % of the variance?
#
# <details><summary>Hint</summary>
#
# Subtract the mean. `np.linalg.svd(centered, compute_uv=False) ** 2 / (N − 1)` are the eigenvalues, largest first.
#
# </details>


# %% tags=["exercise"]
def eigenvalues(x):
    """The eigenvalues of the covariance (with N − 1), the largest first."""
    # BEGIN SOLUTION
    centered = x - x.mean(axis=0)
    return np.linalg.svd(centered, compute_uv=False) ** 2 / (len(x) - 1)
    # END SOLUTION


# %% tags=["check"]
pca = ls.estimate("pca", x)
check("2.1 eigenvalues", lambda: eigenvalues(x), pca.details["spectrum"], hint="N − 1, and the largest first.")


# %% tags=["exercise"]
def components(values, share=0.9):
    """How many of the eigenvalues, the largest first, hold this share of their sum."""
    # BEGIN SOLUTION
    return int(np.searchsorted(np.cumsum(values) / values.sum(), share)) + 1
    # END SOLUTION


# %% tags=["check"]
check("2.1 components", lambda: components(eigenvalues(x)), pca.value)

# %%
ls.plot.spectrum(pca)
plt.show()

# %% [markdown]
# **Question.** Why 3, and what would PCA say of a sheet with ten bends, each in a new direction?
#
# <details><summary>Answer</summary>
#
# PCA sees variance along straight lines. A bend takes the sheet out of its plane, and every new direction counts. So
# the linear dimension is an upper guess: of a curved line in ten units it may say ten.
#
# </details>
#
# ## 2.2 The way along the sheet
#
# Isomap (Tenenbaum et al. 2000, doi:10.1126/science.290.5500.2319) joins every point with its nearest neighbors, and
# takes as distance of two points the shortest way along these edges. The matrix below holds the length of each edge,
# and ∞ where there is none. Find the shortest ways.
#
# <details><summary>Hint</summary>
#
# Floyd's method: for every point m, a way from i to j may be shorter through m. One line of numpy for all i and j at
# once: `np.minimum(ways, ways[:, m, None] + ways[m])`.
#
# </details>

# %%
graph = ls.find_neighbors(x, k=10)
edges = np.full((N, N), np.inf)
edges[np.arange(N)[:, None], graph.indices] = graph.distances
edges = np.minimum(edges, edges.T)  # a way can be walked both ways
np.fill_diagonal(edges, 0)


# %% tags=["exercise"]
def shortest_ways(edges):
    """Shape (N, N): the length of the shortest way between every two points."""
    # BEGIN SOLUTION
    ways = edges.copy()
    for m in range(len(ways)):
        ways = np.minimum(ways, ways[:, m, None] + ways[m])
    return ways
    # END SOLUTION


# %% tags=["check"]
from scipy.sparse.csgraph import shortest_path

check("2.2 shortest ways", lambda: shortest_ways(edges), shortest_path(edges))

# %% [markdown]
# ## 2.3 Unroll it
#
# Distances between points are drawn as straight lines by *classical scaling*: B = −½ J W² J, with J = 1 − 11ᵀ/N, has
# the coordinates √λ · v of its largest eigenvalues. The residual variance 1 − R² says how badly the straight
# distances in so many coordinates follow the ways along the graph.


# %% tags=["exercise"]
def residual_variance(ways, n_dimensions):
    """1 − R² between the ways and the straight distances of the first n_dimensions coordinates, over all pairs."""
    # BEGIN SOLUTION
    squares = ways**2
    b = -0.5 * (squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean())
    values, vectors = np.linalg.eigh(b)
    largest = np.argsort(values)[::-1][:n_dimensions]
    drawn = vectors[:, largest] * np.sqrt(values[largest])
    straight = np.sqrt(((drawn[:, None] - drawn[None]) ** 2).sum(axis=-1))
    pairs = np.triu_indices(len(ways), 1)
    return 1 - np.corrcoef(ways[pairs], straight[pairs])[0, 1] ** 2
    # END SOLUTION


# %% tags=["check"]
isomap = ls.estimate("isomap", x, n_landmarks=N, max_dimension=6)
check(
    "2.3 residual variance",
    lambda: [residual_variance(shortest_ways(edges), d) for d in (1, 2, 3)],
    isomap.details["residual_variance"][:3],
)

# %%
auto = ls.estimate("autoencoder", x, max_width=3, steps=1000)  # a few seconds
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
left.plot(isomap.details["dimensions"], isomap.details["residual_variance"], "o-")
left.set(xlabel="dimensions", ylabel="residual variance", title=f"Isomap: {isomap.value:.0f}")
right.plot(auto.details["widths"], auto.details["pca_error"], "o-", label="PCA")
right.plot(auto.details["widths"], auto.details["error"], "o-", label="autoencoder")
right.set(xlabel="width of the bottleneck", ylabel="variance left unexplained", title=f"autoencoder: {auto.value:.0f}")
right.legend()
plt.show()

# %% [markdown]
# **Question.** An autoencoder of width 2 leaves about a tenth unexplained. Does the sheet have a little of a third
# dimension?
#
# <details><summary>Answer</summary>
#
# No: the network is small and trained for seconds. Its errors are upper bounds, of this recipe. PCA of two components
# leaves more than twice as much, and that is what to compare with.
#
# </details>
#
# ## 2.4 TwoNN
#
# It neither unrolls nor trains. You will write it in exercise 3; here is what it says.

# %%
for name, value in {"roll": x, "flat sheet": flat}.items():
    found = ls.estimate("twonn", value)
    print(f"{name}: {found.value:.2f} [{found.low:.2f}, {found.high:.2f}]")

# %% [markdown]
# ## 2.5 Where each of them fails
#
# Two turns of the roll are about 6 apart. Add noise and ask again. Who changes their mind, and why?


# %% tags=["exercise"]
def with_noise(x, size, seed=0):
    """The points with Gaussian noise of this standard deviation in every unit, drawn by np.random.default_rng."""
    # BEGIN SOLUTION
    return x + size * np.random.default_rng(seed).standard_normal(x.shape)
    # END SOLUTION


# %% tags=["check"]
check("2.5 noise", lambda: with_noise(x, 0.5), x + 0.5 * np.random.default_rng(0).standard_normal(x.shape))

# %%
print("noise  PCA  Isomap  TwoNN")
for size in (0, 0.2, 0.5, 1.5):
    noisy = with_noise(x, size)
    found = [ls.estimate(name, noisy).value for name in ("pca", "isomap", "twonn")]
    print(f"{size:5}  {found[0]:3.0f}  {found[1]:6.0f}  {found[2]:5.2f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# TwoNN looks at the smallest scale there is: noise smaller than the distance to the first neighbor changes little,
# noise larger than that fills all three dimensions. Isomap looks at the whole: it keeps 2 until noise makes a few short
# cuts between the turns. Ways with short cuts fit no straight drawing, and it may say 4, more than there are units:
# a sign that the graph is wrong. PCA said 3 all along. They look at different scales, which is the subject of
# exercise 4.
#
# </details>
