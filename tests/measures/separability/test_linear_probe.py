import numpy as np
import pytest

from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.separability import probes
from layerscape.measures.separability.linear_probe import MEASURE, linear_probe

linear = pytest.importorskip("sklearn.linear_model")
LogisticRegression = linear.LogisticRegression
Ridge = linear.Ridge
StandardScaler = pytest.importorskip("sklearn.preprocessing").StandardScaler

rng = np.random.default_rng(3)
N = 200
LABELS = np.arange(N) % 4
X = 0.8 * rng.standard_normal((4, 6))[LABELS] + rng.standard_normal((N, 6)) * np.geomspace(0.1, 10, 6) + 5
WIDE = 0.3 * rng.standard_normal((4, 230))[LABELS] + rng.standard_normal((N, 230))
REAL = X @ rng.standard_normal(6) + rng.standard_normal(N)


def folds(x, labels):
    fold = probes.folds_of(Representation(x), labels, 5, 0)
    return fold, [(fold != f, fold == f) for f in range(5)]


class TestAgainstScikitLearn:
    @pytest.mark.parametrize("x", [X, WIDE], ids=["narrow", "wide"])
    def test_logistic(self, x):
        fold, splits = folds(x, LABELS)
        scores = probes.logistic(Representation(x), LABELS, fold, 4)
        for train, test in splits[:2]:
            scaler = StandardScaler().fit(x[train])
            theirs = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(scaler.transform(x[train]), LABELS[train])
            apart = scores[test] - theirs.decision_function(scaler.transform(x[test]))
            assert np.abs(apart - apart.mean(axis=1, keepdims=True)).max() < 1e-3

    @pytest.mark.parametrize("x", [X, WIDE], ids=["moments", "rows"])
    def test_ridge_at_the_penalty_of_the_least_generalized_error(self, x):
        fold, splits = folds(x, LABELS)
        y = np.stack([REAL, REAL**2], axis=1)
        found = probes.ridge(Representation(x), y, fold)
        for train, test in splits[:1]:
            scaler = StandardScaler().fit(x[train])
            z, n = scaler.transform(x[train]), int(train.sum())
            values = np.linalg.eigvalsh(z.T @ z if n > z.shape[1] else z @ z.T)
            values = values[values > 1e-9 * values.max()]
            for column in range(2):
                errors, models = [], []
                for penalty in probes.PENALTIES * values.mean():
                    models.append(Ridge(alpha=penalty, solver="svd").fit(z, y[train, column]))
                    left = ((y[train, column] - models[-1].predict(z)) ** 2).sum()
                    errors.append(left / (n - 1 - (values / (values + penalty)).sum()) ** 2)
                theirs = models[int(np.argmin(errors))].predict(scaler.transform(x[test]))
                assert found[test, column] == pytest.approx(theirs, rel=1e-6, abs=1e-6)

    def test_streamed_blocks_and_held_rows_agree(self):
        fold, _ = folds(X, LABELS)
        y = np.eye(4)[LABELS]
        rows = probes._from_rows(Representation(X), y, fold, 4)
        # A Gram matrix has the same eigenvalues, so that the grid of penalties is the same too.
        assert probes._from_moments(Representation(X), y, fold, 4) == pytest.approx(rows, abs=1e-8)


class TestKnownAnswers:
    def test_classes_far_apart_are_read_right(self):
        for method in ("logistic", "ridge"):
            found = MEASURE(Representation(X + 1000 * np.eye(6)[LABELS]), LABELS, method=method)
            assert found.value == 1
            assert found.low < 1
            assert found.details["per_class"].tolist() == [1, 1, 1, 1]

    def test_noise_is_chance(self):
        found = linear_probe(Representation(rng.standard_normal((N, 6))), LABELS)
        assert found.chance.value == pytest.approx(0.25, abs=0.02)
        assert found.chance.p > 0.01
        real = linear_probe(Representation(rng.standard_normal((N, 6))), REAL)
        assert real.chance.p > 0.01
        assert real.value < 0.05

    def test_a_linear_function_has_an_r2_of_one(self):
        found = linear_probe(Representation(X), X @ np.arange(1, 7) * 1e-15 + 1e-12)
        assert found.value == pytest.approx(1, abs=1e-6)
        assert found.chance.p == pytest.approx(1 / 101)

    def test_r2_of_signal_and_noise_of_equal_variance_is_half(self):
        x = np.random.default_rng(0).standard_normal((4000, 3))
        y = x[:, 0] + np.random.default_rng(1).standard_normal(4000)
        found = linear_probe(Representation(x), y, permutations=19)
        assert found.low < 0.5 < found.high
        assert found.high - found.low < 0.06

    def test_two_classes_have_the_accuracy_of_the_normal_law(self):
        g, y = np.random.default_rng(0), np.arange(4000) % 2
        found = linear_probe(Representation(g.standard_normal((4000, 2)) + 2.0 * y[:, None] * [1, 0]), y)
        assert found.low < 0.8413447 < found.high

    def test_balanced_accuracy_weighs_classes_alike(self):
        y = (np.arange(N) < 10).astype(int)
        found = linear_probe(Representation(rng.standard_normal((N, 3))), y)
        assert found.value == pytest.approx(0.95, abs=0.01)
        assert found.details["balanced_accuracy"] == pytest.approx(0.5, abs=0.06)


class TestBadInputs:
    @pytest.mark.parametrize(
        ("labels", "options", "said"),
        [
            (np.zeros(N), {}, "all 200 samples have the label 0.0; give at least two classes."),
            (np.arange(N), {}, "each of the 200 samples has a label of its own; give labels that samples share."),
            (LABELS[1:], {}, "labels of shape (199,) for 200 samples; give one label per sample."),
            (np.where(LABELS, REAL, np.inf), {}, "the label of row 0 is infinite; give finite values."),
            (
                REAL,
                {"method": "logistic"},
                "method='logistic' with real values; it reads categories: take 'ridge' or 'auto'.",
            ),
            (LABELS, {"folds": 1}, "folds=1 of 200 samples; give 2 to 200."),
            (
                np.where(LABELS, REAL, np.nan),
                {},
                "50 of 200 labels are missing, the first at row 0; leave these samples out, or give them a label.",
            ),
        ],
    )
    def test_are_said_in_one_line(self, labels, options, said):
        with pytest.raises(InvalidValue) as error:
            linear_probe(Representation(X), labels, **options)
        assert str(error.value) == said

    def test_rare_classes_are_warned_of(self):
        names = np.array(["common", "other"])[np.arange(N) % 2].astype(object)
        names[0], names[1:4] = "single", "few"
        for method in ("logistic", "ridge"):
            found = linear_probe(Representation(X), names, method=method)
            assert found.details["per_class"][3] == 0
            assert found.warnings == (
                "1 of 4 classes have one member, which cannot be read right",
                "1 of 4 classes have fewer members than there are folds, 5",
            )

    @pytest.mark.parametrize("method", ["logistic", "ridge"])
    def test_huge_and_constant_units_single_outliers_and_half_precision_leave_it_finite(self, method):
        plain = linear_probe(Representation(X), LABELS, method=method).value
        huge = np.column_stack([X, np.full(N, 7.0), 1e12 * X[:, 0]])
        outlier = X.copy()
        outlier[5] *= 1e6
        for x in (huge, outlier, X.astype(np.float16), X[:, :1]):
            found = linear_probe(Representation(x), LABELS, method=method)
            assert found.low <= found.value <= found.high
            assert found.value > 0.2
        assert linear_probe(Representation(huge), LABELS, method=method).value == pytest.approx(plain, abs=0.03)


def test_chance_holds_ridge_against_ridge_whatever_the_method(rng):
    """Logistic regression and ridge are of unlike spread where nothing is to be read: one is no chance of the other."""
    x, labels = rng.standard_normal((90, 5)), rng.integers(0, 3, 90)
    by = {method: linear_probe(Representation(x), labels, method=method) for method in ("logistic", "ridge")}
    assert by["logistic"].chance == by["ridge"].chance
