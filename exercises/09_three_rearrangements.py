# %% [markdown]
# # 9. Three rearrangements that overlap cannot tell apart
#
# A sample has the neighbors 1, 2, …, 7. In another layer two of them have changed places: 1 and 2, or 6 and 7, or 1
# and 7. The overlap of the seven nearest is 1 in all three cases. Which measures see a difference, and which should
# you use?
#
# About 30 minutes. You write numpy; after each exercise a cell checks it. Solutions are folded below the checks.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
from checks import check, ready

ready("matplotlib")
import layerscape as ls

N, K = 400, 7
rng = np.random.default_rng(0)
x = rng.standard_normal((N, 3))
before = ls.find_neighbors(x, k=K).indices  # row numbers, nearest first

# %% [markdown]
# ## 9.1 Rearrange
#
# Let two neighbors of every sample change places.


# %% tags=["exercise"]
def swapped(indices, first, second):
    """The lists with the neighbors of two ranks (counted from 1) exchanged."""
    # BEGIN SOLUTION
    changed = indices.copy()
    changed[:, [first - 1, second - 1]] = indices[:, [second - 1, first - 1]]
    return changed
    # END SOLUTION


# %% tags=["check"]
check("9.1 swap 1 and 7", lambda: swapped(before, 1, 7), before[:, [6, 1, 2, 3, 4, 5, 0]])

# %%
SWAPS = {"1 ↔ 2": (1, 2), "6 ↔ 7": (6, 7), "1 ↔ 7": (1, 7)}
after = {name: swapped(before, *ranks) for name, ranks in SWAPS.items()}
a = ls.Neighbors.from_arrays(before)
graphs = {name: ls.Neighbors.from_arrays(lists) for name, lists in after.items()}
for name, graph in graphs.items():
    print(name, "overlap:", ls.estimate("overlap", a, graph, k=K).value)

# %% [markdown]
# ## 9.2 Keep every k
#
# Q(m) is the overlap of the first m neighbors, for m = 1, 2, …, 7. Write the whole curve.


# %% tags=["exercise"]
def curve(a, b):
    """Q(1), …, Q(k) of two arrays of neighbors (N, k)."""
    # BEGIN SOLUTION
    same = a[:, :, None] == b[:, None, :]  # same[i, p, q]: the neighbor p + 1 in a is the neighbor q + 1 in b
    return np.array([same[:, :m, :m].sum() / (m * len(a)) for m in range(1, a.shape[1] + 1)])
    # END SOLUTION


# %% tags=["check"]
wanted = [ls.estimate("overlap", a, graph, k=K).details["curve"] for graph in graphs.values()]
check("9.2 Q(1) … Q(7)", lambda: [curve(before, lists) for lists in after.values()], wanted)

# %%
figure, ax = plt.subplots(figsize=(5.5, 3.4))
for name, lists in after.items():
    ax.plot(range(1, K + 1), curve(before, lists), "o-", label=name)
ax.set(xlabel="first m neighbors", ylabel="Q(m)", ylim=(-0.03, 1.05))
ax.legend()
plt.show()

# %% [markdown]
# **Question.** Read the three rearrangements off the three curves.
#
# <details><summary>Answer</summary>
#
# 1 ↔ 2: only Q(1) falls, to 0. 6 ↔ 7: only Q(6) falls, to 5/6. 1 ↔ 7: everything below 7 falls, and Q(m) is
# (m − 1)/m: one of m is wrong until both are in.
#
# </details>
#
# ## 9.3 One number that counts the nearest most
#
# Rank-biased overlap (Webber et al. 2010, doi:10.1145/1852102.1852106) is a mean of Q(m) whose weights fall by a
# factor p from rank to rank. Cut at k, with Q(k) for all that comes after:
#
# $$\mathrm{RBO} = (1 - p) \sum_{m < k} p^{m-1} Q(m) + p^{k-1} Q(k)$$


# %% tags=["exercise"]
def rbo(q, p=0.9):
    """Rank-biased overlap of a curve Q(1), …, Q(k)."""
    # BEGIN SOLUTION
    weights = (1 - p) * p ** np.arange(len(q))
    weights[-1] = p ** (len(q) - 1)
    return weights @ q
    # END SOLUTION


# %% tags=["check"]
wanted = [ls.estimate("rank_overlap", a, graph, k=K).value for graph in graphs.values()]
check("9.3 rank-biased overlap", lambda: [rbo(curve(before, lists)) for lists in after.values()], wanted)

# %% [markdown]
# ## 9.4 Information imbalance
#
# Another way to ask: how far down in B stands the *nearest* neighbor in A? Δ(A→B) = (2/N) · mean rank in B of the
# nearest neighbor in A (Glielmo et al. 2022, doi:10.1093/pnasnexus/pgac039): near 0 if A tells all about B, 1 if it
# tells nothing. It needs the ranks of all samples, not of seven.
#
# <details><summary>Hint</summary>
#
# `np.argsort` of an argsort along the rows is a rank. Put −1 on the diagonal of the distances, so that the sample
# itself has rank 0 and its nearest neighbor rank 1.
#
# </details>


# %% tags=["exercise"]
def ranks(x):
    """Shape (N, N): the rank of j around i, 1 for the nearest other and 0 for i itself."""
    # BEGIN SOLUTION
    distances = ((x[:, None] - x[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distances, -1)
    return np.argsort(np.argsort(distances, axis=1), axis=1)
    # END SOLUTION


# %% tags=["check"]
asked = np.stack([np.zeros(N - 1, dtype=int), np.arange(1, N)], axis=1)
check("9.4 ranks around sample 0", lambda: ranks(x), ls.ranks(x, asked), of=lambda r: r[0, 1:])


# %% tags=["exercise"]
def imbalance(ranks_a, ranks_b):
    """Δ(A→B): 2/N times the mean rank in B of the nearest neighbor in A."""
    # BEGIN SOLUTION
    nearest = (ranks_a == 1).argmax(axis=1)
    return 2 / len(ranks_a) * ranks_b[np.arange(len(ranks_a)), nearest].mean()
    # END SOLUTION


# %% tags=["check"]
plane = x[:, :2]  # B: the same samples, one unit is missing
wanted = [ls.estimate("information_imbalance", *pair).value for pair in ((x, plane), (plane, x))]
check("9.4 both ways", lambda: [imbalance(ranks(x), ranks(plane)), imbalance(ranks(plane), ranks(x))], wanted)

# %%
print(f"solid → plane {imbalance(ranks(x), ranks(plane)):.3f}, plane → solid {imbalance(ranks(plane), ranks(x)):.3f}")
for name, (first, second) in SWAPS.items():
    changed = ranks(x)
    one, other = changed == first, changed == second
    changed[one], changed[other] = second, first
    print(f"{name}: imbalance × N/2 = {imbalance(ranks(x), changed) * N / 2:.0f}")

# %% [markdown]
# **Question.** Which of the three rearrangements does the imbalance miss, and why is solid → plane smaller than the
# other way?
#
# <details><summary>Answer</summary>
#
# It misses 6 ↔ 7, since it follows the first neighbor only: 2, 1, 7. (With `k=7` it sees the mean rank of seven and
# misses all three.) Who is near in the solid is near in its shadow too; who is near in the shadow may be far in
# depth. So the measure has a direction, which overlap has not: it tells which of two layers holds the other.
#
# </details>
#
# ## 9.5 Side by side

# %%
print("            overlap  rank overlap")
for name, graph in graphs.items():
    print(f"{name:10}  {ls.estimate('overlap', a, graph, k=K).value:7.3f}", end="")
    print(f"  {ls.estimate('rank_overlap', a, graph, k=K).value:12.3f}")

# %% [markdown]
# ## To go on
#
# - `ls.plot.overlap_curve(ls.estimate("overlap", x, plane, k=100))`: where is the curve highest above chance?
# - In exercise 8 you used k = 30. Would rank overlap have told another story of the layers?
