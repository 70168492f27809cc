# %% [markdown]
# # 3. TwoNN by hand
#
# How many dimensions does a cloud of points fill? TwoNN (Facco et al. 2017, doi:10.1038/s41598-017-11873-y) answers
# from the distances to the first two neighbors of each point. You write it yourself, in six small steps, and find
# out why a harmless-looking shortcut reads 11 where the truth is 8.
#
# About 40 minutes. Only numpy is needed for what you write. After each exercise a cell checks it against layerscape
# and says by how much you are off. Below the check the solution is folded away: click on the bar to open it.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
from checks import check, ready

ready("matplotlib")
import layerscape as ls

N, D, SEED = 500, 8, 5  # try N = 5000, and other seeds, later
x = ls.datasets.gaussian(N, D, seed=SEED).x  # N points of a Gaussian that fills D dimensions
x.shape

# %% [markdown]
# ## 3.1 Two distances
#
# For every point find the distances to its nearest and to its second nearest neighbor, r₁ and r₂.
#
# <details><summary>Hint</summary>
#
# `x[:, None] - x[None]` holds all differences. A point is at distance 0 from itself, and is not its own neighbor:
# after sorting, leave the first column out.
#
# </details>


# %% tags=["exercise"]
def two_distances(x):
    """Shape (N, 2): the distances to the first and to the second neighbor."""
    # BEGIN SOLUTION
    differences = x[:, None] - x[None]
    distances = np.sqrt((differences**2).sum(axis=-1))
    return np.sort(distances, axis=1)[:, 1:3]
    # END SOLUTION


# %% tags=["check"]
check("3.1 two distances", lambda: two_distances(x), ls.find_neighbors(x, k=2).distances)

# %% [markdown]
# ## 3.2 The ratio, and its law
#
# μ = r₂ / r₁ is at least 1. If the density is about constant as far as the second neighbor, μ follows a Pareto law
# whatever that density is:
#
# $$P(\mu \mid d) = d\,\mu^{-d-1}$$
#
# Write the logarithms of the ratios, smallest first.


# %% tags=["exercise"]
def log_ratios(x):
    """Shape (N,): log μ, sorted increasingly."""
    # BEGIN SOLUTION
    r = two_distances(x)
    return np.sort(np.log(r[:, 1] / r[:, 0]))
    # END SOLUTION


# %% tags=["check"]
nearest, second = ls.find_neighbors(x, k=2).distances.T
check("3.2 log ratios", lambda: log_ratios(x), np.sort(np.log(second / nearest)))

# %% [markdown]
# **Question.** In a space of many dimensions, is μ larger or smaller than in a space of few?
#
# <details><summary>Answer</summary>
#
# Smaller. log μ has the mean 1/d: in 8 dimensions the second neighbor is on average only a few percent farther away
# than the first. That distances become alike is the curse of dimensionality (exercise 1), and TwoNN reads the
# dimension from exactly that.
#
# </details>
#
# ## 3.3 The likelihood
#
# The log-likelihood of all ratios is N log d − (d + 1) Σ log μ. Where is it largest? The answer has N in the
# numerator and is a little too high on average; with N − 1 it is right.


# %% tags=["exercise"]
def likelihood(log_mu):
    """The dimension, (N − 1) / Σ log μ."""
    # BEGIN SOLUTION
    return (len(log_mu) - 1) / log_mu.sum()
    # END SOLUTION


# %% tags=["check"]
check("3.3 likelihood", lambda: likelihood(log_ratios(x)), ls.estimate("twonn", x).value, hint="N or N − 1?")

# %% [markdown]
# ## 3.4 The Pareto plot
#
# A number without a look at its assumption is half a number. Write the density of the law, and see whether the ratios
# follow it.


# %% tags=["exercise"]
def pareto(mu, d):
    """The density of the Pareto law of exponent d at each μ."""
    # BEGIN SOLUTION
    return d * mu ** (-d - 1)
    # END SOLUTION


# %% tags=["check"]
check("3.4 Pareto density", lambda: pareto(np.array([1.0, 1.5, 2.0]), 2.0), [2.0, 2 / 1.5**3, 0.25])

# %%
mu, d = np.exp(log_ratios(x)), likelihood(log_ratios(x))
at = np.linspace(1, mu.max(), 200)
ax = plt.figure(figsize=(5, 3.2)).gca()
ax.hist(mu, bins=40, density=True, alpha=0.4, label="ratios")
ax.plot(at, pareto(at, d), label=f"Pareto law, d = {d:.2f}")
ax.set(xlabel="μ = r₂ / r₁", ylabel="density")
ax.legend()
plt.show()

# %% [markdown]
# ## 3.5 The line
#
# The share of ratios up to μ is F(μ) = 1 − μ^(−d), so that −log(1 − F) = d · log μ: a line through the origin whose
# slope is the dimension. Of the sorted ratios the i-th has F = i/N. The paper leaves out the largest tenth, which lie
# loosely around the line, and fits the slope by least squares.
#
# <details><summary>Hint</summary>
#
# The slope of the best line through the origin is Σ x·y / Σ x². Keep the first int(0.9 N) points.
#
# </details>


# %% tags=["exercise"]
def slope(log_mu, discard=0.1):
    """Slope through the origin of −log(1 − F) against log μ, without the largest ratios."""
    # BEGIN SOLUTION
    n = len(log_mu)
    kept = int(n * (1 - discard))
    y = -np.log(1 - np.arange(1, kept + 1) / n)
    return (log_mu[:kept] @ y) / (log_mu[:kept] @ log_mu[:kept])
    # END SOLUTION


# %% tags=["check"]
fit = ls.estimate("twonn", x, method="fit", discard=0.1)
check("3.5 line", lambda: slope(log_ratios(x)), fit.value, hint="F is i/N with the N of all points, not of those kept.")

# %%
ls.plot.twonn_fit(fit)
plt.show()

# %% [markdown]
# ## 3.6 The shortcut that reads 11 for 8
#
# If the line leaves out the largest tenth, why should the likelihood not do so too? Divide the number of ratios kept
# by the sum of their logarithms.


# %% tags=["exercise"]
def shortcut(log_mu, discard=0.1):
    """m / Σ log μ of the m smallest ratios."""
    # BEGIN SOLUTION
    kept = log_mu[: int(len(log_mu) * (1 - discard))]
    return len(kept) / kept.sum()
    # END SOLUTION


# %% tags=["check"]
wanted = ls.estimate("twonn", x, method="uncensored", discard=0.1)
check("3.6 shortcut", lambda: shortcut(log_ratios(x)), wanted.value)

# %%
all_of_them, line, cut = (of(log_ratios(x)) for of in (likelihood, slope, shortcut))
print(f"all ratios {all_of_them:.2f}, line {line:.2f}, shortcut {cut:.2f}")
print("layerscape says of the last:", *wanted.warnings)

# %% [markdown]
# **Question.** Why does the shortcut read high, and by which factor?
#
# <details><summary>Hint</summary>
#
# log μ has an exponential law of mean 1/d. What is the mean of its lowest nine tenths?
#
# </details>
#
# <details><summary>Answer</summary>
#
# The large ratios are those that speak for a low dimension. The shortcut acts as if they had never been. The lowest
# nine tenths of an exponential law have the mean (1 − 0.1 · ln 10 / 0.9) / d = 0.744 / d, so the shortcut reads
# 1/0.744 = 1.34 times too much, at any N: 11 for 8. More data do not help.
#
# </details>
#
# ## 3.7 Leave out, but do not forget
#
# We do know something of the ratios that are left out: each is at least as large as the largest one kept. The
# likelihood that says so is called *censored*. With m kept,
#
# $$T = \sum_{i \le m} \log\mu_{(i)} + (N - m)\,\log\mu_{(m)}, \qquad d = \frac{m - 1}{T}.$$


# %% tags=["exercise"]
def censored(log_mu, discard=0.1):
    """(m − 1) / T, where each ratio that is left out counts as the largest one kept."""
    # BEGIN SOLUTION
    n = len(log_mu)
    kept = log_mu[: int(n * (1 - discard))]
    return (len(kept) - 1) / (kept.sum() + (n - len(kept)) * kept[-1])
    # END SOLUTION


# %% tags=["check"]
check("3.7 censored", lambda: censored(log_ratios(x)), ls.estimate("twonn", x, discard=0.1).value)

# %%
shares = np.array([0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5])
log_mu = log_ratios(x)
ax = plt.figure(figsize=(5, 3.2)).gca()
ax.plot(shares, [censored(log_mu, share) for share in shares], "o-", label="censored")
ax.plot(shares, [shortcut(log_mu, share) for share in shares], "o-", label="shortcut")
ax.plot(shares[1:], [slope(log_mu, share) for share in shares[1:]], "o-", label="line")
ax.axhline(D, color="grey", linewidth=1)
ax.set(xlabel="share of the largest ratios left out", ylabel="dimension")
ax.legend()
plt.show()

# %% [markdown]
# ## To go on
#
# - Other seeds: at N = 500 all ratios read 7.3 to 8.1 and the shortcut 9.9 to 11.3, over the first eight.
#   Take N = 5000. Which of the two comes nearer to 8?
# - Take `x = ls.datasets.swiss_roll(500).x`, then a Gaussian of 50 dimensions. Which reads what it should? (A finite
#   sample of a cloud of many dimensions reads low, and no estimator of this kind can help it.)
# - Put ten copies of points into the data. What happens to r₁? What does `ls.estimate("twonn", x)` say of it?
