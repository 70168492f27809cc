# %% [markdown]
# # 13. Statistics honestly
#
# Four ways to be sure of something that is not so: intervals that are too narrow, comparisons without chance, samples
# that belong together, and a metric that nobody chose. You commit each of these errors once, on purpose.
#
# About 50 minutes. You write numpy; after each exercise a cell checks it. Solutions are folded below the checks.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
from checks import check, ready

ready("matplotlib", "zarr", "pandas")
import layerscape as ls

DRAWS = 200  # clouds per experiment; 1_000 are smoother
rng = np.random.default_rng(0)

# %% [markdown]
# ## 13.1 An interval that is too narrow
#
# If the N ratios of TwoNN were independent, d̂ would spread around its mean with the standard deviation d/√N. Draw many
# clouds, look at how far the readings really spread, and compare.


# %% tags=["exercise"]
def independent_sd(d, n):
    """The standard deviation of TwoNN if the n ratios were independent."""
    # BEGIN SOLUTION
    return d / np.sqrt(n)
    # END SOLUTION


# %% tags=["check"]
check("13.1 formula", lambda: independent_sd(4.0, 400), 0.2)

# %%
N, D = 300, 4
found = [ls.estimate("twonn", rng.standard_normal((N, D))) for _ in range(DRAWS)]
values, low, high = np.transpose([(one.value, one.low, one.high) for one in found])
formula = independent_sd(values.mean(), N)
print(
    f"readings spread by {values.std():.3f}; the formula says {formula:.3f}: {values.std() / formula:.2f} times as much"
)


# %% tags=["exercise"]
def coverage(low, high, truth):
    """The share of intervals that hold the truth."""
    # BEGIN SOLUTION
    return np.mean((low <= truth) & (truth <= high))
    # END SOLUTION


# %% tags=["check"]
truth = values.mean()  # the mean reading at this N; how far it is from D is bias, another matter
inside = sum(one.low <= truth <= one.high for one in found)
check("13.1 coverage", lambda: coverage(low, high, truth), inside / DRAWS)

# %%
print(
    f"intervals of the formula hold the mean in {coverage(values - 1.96 * formula, values + 1.96 * formula, truth):.0%}"
)
print(f"those of layerscape in {coverage(low, high, truth):.0%}; 95 % is what they promise")

# %% [markdown]
# **Question.** Why are the ratios not independent?
#
# <details><summary>Answer</summary>
#
# If i is the first neighbor of j, j is often the first neighbor of i, and both read the same distance. So N samples
# say less than N independent numbers would. layerscape counts which samples share distances.
#
# </details>
#
# ## 13.2 A comparison without chance
#
# Ten classes, 20 units, no relation at all between them. How large is the label overlap, and how often is it as large
# as that when labels are shuffled?

# %%
N, K = 300, 10
noise = rng.standard_normal((N, 20))
labels = rng.choice(10, N, p=[0.55] + [0.05] * 9)  # one class is frequent
graph = ls.find_neighbors(noise, k=K + 1)
measured = ls.estimate("label_overlap", noise, labels, k=K)
print(f"label overlap {measured.value:.2f} with ten classes. Is 0.1 what chance gives?")


# %% tags=["exercise"]
def shuffled_overlaps(indices, labels, draws, rng):
    """Label overlaps of lists of neighbors (N, k) with the labels in ``draws`` random orders."""
    # BEGIN SOLUTION
    found = []
    for _ in range(draws):
        order = rng.permutation(labels)
        found.append((order[indices] == order[:, None]).mean())
    return np.array(found)
    # END SOLUTION


# %% tags=["check"]
lists = graph.indices[:, :K]
check(
    "13.2 mean of the shuffles",
    lambda: shuffled_overlaps(lists, labels, 500, np.random.default_rng(1)),
    measured.chance.value,
    of=np.mean,
    within=0.005,  # 500 shuffles know the mean to about 0.001
)


# %% tags=["exercise"]
def p_value(value, drawn):
    """Share of draws as large as the value, the value itself counted as one of them."""
    # BEGIN SOLUTION
    return (1 + np.sum(drawn >= value)) / (1 + len(drawn))
    # END SOLUTION


# %% tags=["check"]
check("13.2 p", lambda: p_value(3, np.array([1, 2, 3, 4])), 0.6, hint="Count the value itself: no p is ever 0.")

# %%
drawn = shuffled_overlaps(lists, labels, 500, np.random.default_rng(1))
print(f"chance {drawn.mean():.3f}, exact {measured.chance.value:.3f}; measured {measured.value:.3f}")
print(f"p by 500 shuffles {p_value(measured.value, drawn):.2f}, by layerscape {measured.chance.p:.2f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Chance is not 1/10 but the share of pairs with equal labels, about 0.55² + 9 · 0.05² = 0.325. A frequent class makes
# any layer look good. `weight="class"` gives every class the same weight.
#
# </details>
#
# ## 13.3 Samples that belong together
#
# Thirty patients, ten recordings each. Recordings of one patient are alike; which drug a patient got was drawn by a
# coin. The layer knows nothing of the drug.

# %%
patient = np.repeat(np.arange(30), 10)
recordings = rng.standard_normal((30, 12))[patient] + 0.5 * rng.standard_normal((300, 12))
drug = rng.integers(0, 2, 30)[patient]
naive = ls.estimate("label_overlap", recordings, drug, k=5)
print(f"overlap with the drug {naive.value:.2f}, chance {naive.chance.value:.2f}, p = {naive.chance.p:.1g}")

# %% [markdown]
# p is one in a million, and wrong. The nearest neighbors of a recording are those of the same patient, who of course
# got the same drug. Leave them out: neighbors may only be recordings of *other* patients.


# %% tags=["exercise"]
def neighbors_of_others(x, groups, k):
    """Shape (N, k): the nearest samples of other groups, nearest first."""
    # BEGIN SOLUTION
    distances = ((x[:, None] - x[None]) ** 2).sum(axis=-1)
    distances[groups[:, None] == groups] = np.inf
    return np.argsort(distances, axis=1)[:, :k]
    # END SOLUTION


# %% tags=["check"]
wanted = ls.find_neighbors(recordings, k=5, groups=patient).indices
check("13.3 neighbors of other patients", lambda: neighbors_of_others(recordings, patient, 5), wanted)

# %%
honest = ls.estimate("label_overlap", recordings, drug, k=5, groups=patient)
print(f"counted by patients: {honest.value:.2f}, chance {honest.chance.value:.2f}, p = {honest.chance.p:.2f}")

# %% [markdown]
# **Question.** The digits of exercises 6 to 11 come with a warning that we silenced: neighbors stand near each other
# in the order of the rows. What is behind it?
#
# <details><summary>Answer</summary>
#
# The scans are listed writer by writer, and one writer's hand is alike. The data set does not say who wrote what, so
# that one cannot group by it. The intervals there are for "other scans by these writers", not for new writers. Tokens
# of a text, frames of a film and relatives in a family of proteins are of this kind.
#
# </details>
#
# ## 13.4 A metric that nobody chose
#
# Cosine distance compares directions, Euclidean distance lengths as well. For vectors of length 1 they order
# neighbors alike: ‖a − b‖² = 2 − 2 cos.


# %% tags=["exercise"]
def cosine_neighbors(x, k):
    """Shape (N, k): nearest others by cosine distance, nearest first."""
    # BEGIN SOLUTION
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    likeness = unit @ unit.T
    np.fill_diagonal(likeness, -np.inf)
    return np.argsort(-likeness, axis=1)[:, :k]
    # END SOLUTION


# %% tags=["check"]
check("13.4 by cosine", lambda: cosine_neighbors(noise, 5), ls.find_neighbors(noise, k=5, metric="cosine").indices)

# %% [markdown]
# Two layers encode the same topic. In the first it is in the direction and the length is noise; in the second it is in
# the length.

# %%
topic = rng.integers(0, 3, N)
direction = rng.standard_normal((3, 10))[topic] + 0.7 * rng.standard_normal((N, 10))
directed = direction * rng.lognormal(0, 1.5, (N, 1))
lengths = rng.standard_normal((N, 2))
lengths *= (3.0**topic * rng.lognormal(0, 0.1, N) / np.linalg.norm(lengths, axis=1))[:, None]
run = ls.from_arrays({"first": directed, "second": lengths}, labels={"topic": topic})
for metric in ("euclidean", "cosine"):
    table = ls.measure(run, ["label_overlap"], k=K, metric=metric, progress=False)
    print(f"{metric:9}", {row.layer: f"{row.value:.2f} [{row.low:.2f}, {row.high:.2f}]" for row in table.itertuples()})

# %% [markdown]
# **Question.** Which layer is better?
#
# <details><summary>Answer</summary>
#
# By Euclidean distance the second, by cosine the first. A verdict that turns with the metric is none until you say
# how the vectors will be used: a search engine that normalizes them wants the first. `ls.recommend` asks under both.
#
# </details>
#
# ## 13.5 The best of many
#
# Twenty layers of noise, and a label. Take the layer with the smallest p.

# %%
p = np.array([ls.estimate("label_overlap", rng.standard_normal((N, 8)), topic, k=K).chance.p for _ in range(20)])


# %% tags=["exercise"]
def bonferroni(p):
    """Each p times how many there are, at most 1."""
    # BEGIN SOLUTION
    return np.minimum(1, p * len(p))
    # END SOLUTION


# %% tags=["check"]
check("13.5 corrected", lambda: bonferroni(np.array([0.01, 0.2, 0.5, 0.04])), [0.04, 0.8, 1.0, 0.16])

# %%
plt.figure(figsize=(5, 2.6))
plt.plot(np.sort(p), "o", label="p of 20 layers of noise")
plt.axhline(0.05, color="grey", linewidth=1)
plt.ylim(0, 1)
plt.legend()
plt.show()
print(f"smallest p {p.min():.3f}; corrected {bonferroni(p).min():.2f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Of twenty tests of nothing the smallest p is below 0.05 in 64 % of cases (1 − 0.95²⁰). Looking through layers for the
# best one is such a search. `ls.differences` and `ls.recommend` correct for it.
#
# </details>
