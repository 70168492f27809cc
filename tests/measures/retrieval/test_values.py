"""What is found, against the plain definition: every order in which ties may be broken, and all places at random."""

from dataclasses import replace
from itertools import combinations, pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t
from sklearn.metrics import ndcg_score, roc_auc_score

import layerscape as ls
from layerscape.core.pairs import Pairs
from layerscape.core.queries import clusters
from layerscape.core.ranking import Ranking
from layerscape.core.representation import Representation
from layerscape.measures import catalog
from layerscape.measures.retrieval import ndcg, partner_rank, recall
from layerscape.measures.retrieval.by_query import interval
from layerscape.measures.retrieval.places import chances_of_first

RANKED = {"recall": {"k": 2}, "reciprocal_rank": {}, "ndcg": {"k": 3}, "partner_rank": {}}


def plain(name, order, grades, k):
    """One query's score where candidates stand in this order; ``grades`` of candidates, 0 for none."""
    found = np.array([grades[candidate] for candidate in order], float)
    places = np.flatnonzero(found)
    if name == "recall":
        return (places < k).sum() / len(places)
    if name == "reciprocal_rank":
        return 1 / (1 + places[0])
    if name == "ndcg":
        discount = np.where(np.arange(len(found)) < k, 1 / np.log2(np.arange(len(found)) + 2), 0)
        return found @ discount / (np.sort(found)[::-1] @ discount)
    others = np.flatnonzero(found == 0)
    return np.mean([(others < place).sum() / len(others) for place in places])


def by_hand(name, x, pairs, candidates_of, k=None):
    values = []
    for query in sorted({pair[0] for pair in pairs}):
        candidates = candidates_of(query)
        distance = {one: np.sqrt(((x[one] - x[query]) ** 2).sum()) for one in candidates}
        grades = dict.fromkeys(candidates, 0) | {p: g for q, p, g in pairs if q == query}
        every = permutations(candidates)
        orders = [one for one in every if all(distance[a] <= distance[b] for a, b in pairwise(one))]
        values.append(np.mean([plain(name, order, grades, k) for order in orders]))
    return np.mean(values)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), levels=st.sampled_from([2, 3, 1000]), name=st.sampled_from(list(RANKED)))
def test_is_the_mean_over_the_ways_to_break_ties(seed, levels, name):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, levels, (7, 2)).astype(float)
    every = [(q, p) for q in range(7) for p in range(7) if q != p]
    chosen = [every[i] for i in rng.permutation(len(every))[: rng.integers(1, 9)]]
    pairs = [(q, p, float(rng.integers(1, 4))) for q, p in chosen]
    asking = {q for q, _ in chosen} - {p for _, p in chosen}

    def candidates_of(query):
        return [row for row in range(7) if row != query and row not in asking]

    if any(len([1 for q, _ in chosen if q == query]) >= len(candidates_of(query)) for query, _ in chosen):
        with pytest.raises(ls.LayerscapeError, match=r"could find are its partners"):
            ls.estimate(name, x, pairs)
        return
    k = RANKED[name].get("k")
    if k and min(len(candidates_of(query)) for query, _ in chosen) < k:
        return
    found = ls.estimate(name, x, pairs, **RANKED[name])
    assert found.value == pytest.approx(by_hand(name, x, pairs, candidates_of, k), abs=1e-12)


@pytest.mark.parametrize("levels", [3, 10**6])
def test_agrees_with_scikit_learn(levels):
    """nDCG@k and the area under the ROC curve of many queries among many references, with and without ties."""
    rng = np.random.default_rng(levels)
    x = rng.integers(0, levels, (260, 3)).astype(float)
    grades = np.where(rng.random((60, 200)) < 0.05, rng.integers(1, 4, (60, 200)), 0)
    grades[np.arange(60), rng.integers(0, 200, 60)] = 2
    queries, references = np.nonzero(grades)
    pairs = np.stack([queries, 60 + references, grades[queries, references]], axis=1)
    distance = np.sqrt(((x[:60, None] - x[None, 60:]) ** 2).sum(axis=2))
    for k in (5, 10, None):
        assert ls.estimate("ndcg", x, pairs, k=k).value == pytest.approx(ndcg_score(grades, -distance, k=k), abs=1e-12)
    area = np.mean([roc_auc_score(own > 0, -far) for own, far in zip(grades, distance, strict=True)])
    assert ls.estimate("partner_rank", x, pairs).value == pytest.approx(1 - area, abs=1e-12)


@pytest.mark.parametrize("name", ["recall", "ndcg", "partner_rank"])
@pytest.mark.parametrize("partners", [[(0, 1, 1.0)], [(0, 1, 1.0), (0, 2, 3.0), (0, 3, 2.0)]])
def test_the_law_of_one_query_is_that_of_all_places(name, partners):
    """Mean, variance and third moment over every way in which the partners of one query can be placed."""
    n = 6
    pairs = Pairs.of(partners, n + 1)
    grades = [grade for _, _, grade in partners]
    scores = []
    for places in permutations(range(n), len(grades)):
        of = np.zeros(n)
        of[list(places)] = grades
        scores.append(plain(name, range(n), of, RANKED[name].get("k")))
    law = law_of(name, pairs)
    off = np.array(scores) - np.mean(scores)
    expected = np.mean(scores), (off**2).mean(), (off**3).mean()
    np.testing.assert_allclose([law.mean[0], law.variance[0], law.third[0]], expected, atol=1e-12)


def law_of(name, pairs):
    if name == "partner_rank":
        gain, shift = partner_rank._gain(pairs)
        return replace(gain.law(), mean=gain.law().mean - shift)
    return (recall if name == "recall" else ndcg)._gain(pairs, RANKED[name]["k"]).law()


@pytest.mark.parametrize(("n", "several"), [(1, 1), (5, 1), (6, 3), (4, 4)])
def test_where_the_first_partner_is_by_chance(n, several):
    first = [min(places) for places in combinations(range(n), several)]
    expected = np.bincount(first, minlength=n - several + 1) / len(first)
    np.testing.assert_allclose(chances_of_first(n, several), expected, atol=1e-15)


def test_chance_of_reciprocal_rank_is_that_of_all_placements():
    x = np.random.default_rng(0).standard_normal((7, 2))
    found = ls.estimate("reciprocal_rank", x, [(0, 1), (0, 2)])
    expected = np.mean([1 / (1 + min(places)) for places in combinations(range(6), 2)])
    assert found.chance.value == pytest.approx(expected, abs=1e-15)


EACH = ["recall", "reciprocal_rank", "ndcg", "partner_rank", "alignment"]


@pytest.mark.parametrize("name", EACH)
def test_a_partner_that_is_the_same_is_found_at_once(name):
    x = np.random.default_rng(1).standard_normal((60, 4))
    pairs = [(row, 60 + row) for row in range(60)]
    found = ls.estimate(name, np.vstack([x, x]), pairs)
    assert found.value == pytest.approx(float(name in ("recall", "reciprocal_rank", "ndcg")), abs=1e-15)
    assert found.low <= found.value <= found.high
    assert found.chance.p == 1e-6


def ranking(x, pairs):
    """By all distances."""
    far = ((x[:, None] - x[None]) ** 2).sum(axis=2)
    np.fill_diagonal(far, np.inf)
    far[:, pairs.asking] = np.inf
    order = np.argsort(np.argsort(far, axis=1), axis=1) + 1.0
    return Ranking(len(x), x.shape[1], None, None, lambda rows: np.stack([order[rows[:, 0], rows[:, 1]]] * 2, axis=1))


KINDS = {
    "one to one": [(row, 30 + row) for row in range(30)],
    "both ways": np.arange(60) // 2,
    "shared": [(row, 30 + row % 5) for row in range(30)],
    "groups": np.arange(60) // 6,
}


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("kind", KINDS)
def test_unrelated_vectors_give_chance(name, kind):
    """The mean over many draws is chance, and p < 0.05 no more often than that."""
    rng, pairs, found = np.random.default_rng(3), Pairs.of(KINDS[kind], 60), []
    for _ in range(100):
        x = rng.standard_normal((60, 6))
        found.append(catalog()[name](Representation(x) if name == "alignment" else ranking(x, pairs), pairs))
    values = np.array([each.value for each in found])
    expected = np.mean([each.chance.value for each in found])
    assert abs(values.mean() - expected) < 4 * values.std() / 10
    assert np.mean([each.chance.p < 0.05 for each in found]) <= 0.1


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("one to one", 0.8, 1.3), ("both ways", 0.8, 1.7), ("groups", 0.9, 4)]
)
def test_the_spread_of_chance_is_that_of_exchanged_partners(kind, low, high):
    """Exact for queries that share no partner, and no less than it is for those that do."""
    pairs = Pairs.of(KINDS[kind], 60)
    x = ranking(np.random.default_rng(4).standard_normal((60, 6)), pairs)
    for name, options in RANKED.items():
        options = {"k": 10} if options else {}
        found = catalog()[name](x, pairs, **options)
        drawn = catalog()[name].score_of(x, pairs, **options)(list(pairs.orders(300, 0)))
        assert drawn.mean() == pytest.approx(found.chance.value, abs=5 * drawn.std() / np.sqrt(300))
        assert low < (found.chance.high - found.chance.low) / (2 * 1.96 * drawn.std()) < high


def test_alignment_and_its_chance_are_means_over_directions():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((30, 4)) + 1
    units = x / np.linalg.norm(x, axis=1, keepdims=True)
    far = ((units[:, None] - units[None]) ** 2).sum(axis=2)
    found = ls.estimate("alignment", x, [(0, 20), (0, 21), (1, 22), (2, 20), (3, 23), (4, 24), (5, 25), (6, 26)])
    expected = np.mean([(far[0, 20] + far[0, 21]) / 2, far[1, 22], far[2, 20], *(far[q, q + 20] for q in range(3, 7))])
    assert found.value == pytest.approx(expected)
    assert found.chance.value == pytest.approx(far[:7, 7:].mean())
    both = ls.estimate("alignment", x, np.arange(30) // 2)
    assert both.chance.value == pytest.approx(far.sum() / (30 * 29))


def test_uniformity_is_the_log_of_the_mean_over_pairs():
    x = np.random.default_rng(6).standard_normal((40, 3))
    units = x / np.linalg.norm(x, axis=1, keepdims=True)
    near = np.exp(-3 * ((units[:, None] - units[None]) ** 2).sum(axis=2))[np.triu_indices(40, 1)]
    assert ls.estimate("uniformity", x, t=3.0).value == pytest.approx(np.log(near.mean()))


@pytest.mark.parametrize("n_units", [2, 30])
def test_the_interval_of_uniformity_counts_what_pairs_add_together_once(n_units):
    clouds = (np.random.default_rng(seed).standard_normal((100, n_units)) for seed in range(200))
    found = [ls.estimate("uniformity", x) for x in clouds]
    reported = np.mean([one.high - one.low for one in found]) / 2 / 1.96
    assert 0.9 < reported / np.std([one.value for one in found]) < 1.25  # 1.3 and 1.4 by the jackknife alone


def test_pair_imbalance_is_that_of_the_two_ends():
    rng = np.random.default_rng(7)
    a = rng.standard_normal((80, 3))
    x, order = np.vstack([a, a**3 + rng.standard_normal((80, 3))]), rng.permutation(80)
    pairs = [(int(row), 80 + int(row)) for row in order]
    there = ls.estimate("information_imbalance", x[:80], x[80:], k=3)
    back = ls.estimate("information_imbalance", x[80:], x[:80], k=3)
    found = ls.estimate("pair_imbalance", x, pairs, k=3)
    assert found.value == pytest.approx(there.value)
    np.testing.assert_allclose(found.per_sample[:80], there.per_sample)
    assert ls.estimate("pair_imbalance", x, pairs, direction="to queries", k=3).value == pytest.approx(back.value)
    both_ways = ls.estimate("pair_imbalance", x, np.arange(160) % 80, k=3)
    assert both_ways.value == pytest.approx(there.value)
    with pytest.raises(
        ls.LayerscapeError, match=r"sample 80 has several partners; give pairs of samples that have one"
    ):
        ls.estimate("pair_imbalance", x, [(0, 80), (1, 80)])


def test_the_interval_counts_what_is_asked_and_not_both_ways():
    """Each pair said both ways tells hardly more than said once: an interval of 200 queries is that of 100 pairs."""
    rng = np.random.default_rng(8)
    a = rng.standard_normal((150, 4))
    x = np.vstack([a, a + 0.7 * rng.standard_normal((150, 4))])
    both = ls.estimate("partner_rank", x, np.arange(300) % 150)
    pairs = Pairs.of(np.arange(300) % 150, 300)
    assert len(np.unique(clusters(pairs))) == 150
    one = both.per_sample[:150] + both.per_sample[150:]
    assert (both.high - both.low) == pytest.approx(1.976 * one.std(ddof=1) / np.sqrt(150), rel=0.1)


def test_queries_that_share_a_partner_are_no_two():
    """As five captions of a picture are not: the interval is that of the pictures."""
    rng = np.random.default_rng(10)
    pictures = rng.standard_normal((40, 3))
    x = np.vstack([np.repeat(pictures + 0.5 * rng.standard_normal((40, 3)), 5, axis=0), pictures])
    given = [(row, 200 + row // 5) for row in range(200)]
    pairs = Pairs.of(given, 240)
    assert len(np.unique(clusters(pairs))) == 40
    every = ls.estimate("partner_rank", x, given)
    one = ls.estimate("partner_rank", np.vstack([x[:200:5], pictures]), [(row, 40 + row) for row in range(40)])
    assert (every.high - every.low) == pytest.approx(one.high - one.low, rel=0.01)


def test_queries_that_are_joined_to_all_others_stand_alone_and_that_is_said():
    x = np.random.default_rng(11).standard_normal((60, 3))
    found = ls.estimate("recall", x, [(row, 40) for row in range(40)] + [(row, 41 + row % 19) for row in range(40)])
    told = ("queries share partners, most of them with all others: the interval takes them to be independent",)
    assert found.warnings[1:] == told
    assert found.low < found.value < found.high


@pytest.mark.parametrize(("n", "least"), [(8, 0.9), (10, 0.9), (30, 0.88)])
def test_few_queries_that_may_not_show_what_is_rare_have_intervals_that_hold_the_mean(n, least):
    """One over ranks of which one in ten is the first; Student's t holds the mean in 68 to 87 % of such draws."""
    rng, ranks = np.random.default_rng(n), np.arange(1, 101)
    law = ranks**-0.5 / (ranks**-0.5).sum()
    pairs, truth = Pairs.of([(query, n + query) for query in range(n)], 2 * n + 100), float((law / ranks).sum())
    ends = np.array([interval(pairs, 1 / rng.choice(ranks, n, p=law), (0, 1))[:2] for _ in range(400)])
    assert ((ends[:, 0] < truth) & (truth < ends[:, 1])).mean() > least
    hits = np.arange(n) % 3 == 0
    assert interval(pairs, hits.astype(float), (0, 1))[0] == pytest.approx(wilson_of(hits))


def wilson_of(hits):
    """The lower end of Wilson's interval for as many trials as have the spread of these, by Student's law."""
    n, share = len(hits), hits.mean()
    z = t.ppf(0.975, n - 1) * np.sqrt(hits.var(ddof=1) / n)
    z, n = 1.959964, share * (1 - share) / (z / 1.959964) ** 2
    return (share + z**2 / (2 * n) - z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))) / (1 + z**2 / n)


def test_few_queries_have_no_interval_and_that_is_said():
    x = np.random.default_rng(9).standard_normal((30, 3))
    found = ls.estimate("recall", x, [(0, 10), (1, 11), (2, 12)])
    assert np.isnan(found.low)
    assert found.warnings == ("no interval: 3 queries are independent of each other, and it takes 6",)
    assert found.chance.value == pytest.approx(1 / 27)
