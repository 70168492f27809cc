"""Clouds of known dimension against their own equations, laws and the measures that read them."""

import math
import re
import subprocess
import sys

import numpy as np
import pytest

import layerscape.datasets as data
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue, UnknownName
from layerscape.measures.dimension.bid import bid
from layerscape.measures.dimension.gride import gride
from layerscape.measures.dimension.twonn import twonn
from layerscape.pipeline.estimate import estimate

NAMES = list(data.manifolds())
SHAPES = (data.ball, data.sphere, data.cube, data.gaussian, data.flat_torus, data.lattice, data.counts, data.bits)


def draw(name, n=500, **options):
    return data.manifold(name, n, **options).x


def rank(x):
    """Of the centered samples."""
    return np.linalg.matrix_rank(x - x.mean(axis=0))


def test_the_benchmark_is_the_24_manifolds_of_the_field():
    expected = {
        "M1_Sphere": (10, 11), "M2_Affine_3to5": (3, 5), "M3_Nonlinear_4to6": (4, 6), "M4_Nonlinear": (4, 8),
        "M5a_Helix1d": (1, 3), "M5b_Helix2d": (2, 3), "M6_Nonlinear": (6, 36), "M7_Roll": (2, 3),
        "M8_Nonlinear": (12, 72), "M9_Affine": (20, 20), "M10a_Cubic": (10, 11), "M10b_Cubic": (17, 18),
        "M10c_Cubic": (24, 25), "M10d_Cubic": (70, 71), "M11_Moebius": (2, 3), "M12_Norm": (20, 20),
        "M13a_Scurve": (2, 3), "M13b_Spiral": (1, 13), "Mbeta": (10, 40), "Mn1_Nonlinear": (18, 72),
        "Mn2_Nonlinear": (24, 96), "Mp1_Paraboloid": (3, 12), "Mp2_Paraboloid": (6, 21), "Mp3_Paraboloid": (9, 30),
    }  # fmt: skip
    assert data.manifolds() == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_manifold_has_the_shape_it_says_its_law_its_source_and_a_seed(name):
    cloud = data.manifold(name, 300, seed=5)
    d, n_units = data.manifolds()[name]
    assert (cloud.name, cloud.dimension, cloud.x.shape, cloud.x.dtype) == (name, d, (300, n_units), np.float64)
    assert np.isfinite(cloud.x).all()
    assert "doi:10." in cloud.source
    assert cloud.description.endswith(".")
    assert "\n" not in cloud.description
    assert (draw(name, 300, seed=5) == cloud.x).all()
    assert (draw(name, 300, seed=6) != cloud.x).any(axis=1).all()
    assert len(np.unique(cloud.x, axis=0)) == 300
    with pytest.raises(ValueError, match="read-only"):
        cloud.x[0, 0] = 0


def differentiated(law, point, step=1e-6):
    """The derivative of a law by each of its parameters."""
    moves = step * np.eye(len(point))
    return np.array([(law(point + move) - law(point - move)) / (2 * step) for move in moves])


def test_affine_manifolds_are_flat():
    assert rank(draw("M2_Affine_3to5")) == 3
    assert rank(draw("M9_Affine")) == rank(draw("M12_Norm")) == 20
    x = draw("M2_Affine_3to5", 20000)
    # The center of the box [0, 4]³ is (2, 2, 2), and its variance 4/3 along each side.
    assert x.mean(axis=0) == pytest.approx([4.4, 1.8, 0.6, -1.2, 9.6], abs=0.05)
    assert x.var(axis=0) == pytest.approx(np.array([1.69, 1.06, 1.29, 0.98, 1.30]) * 4 / 3, rel=0.05)
    assert np.abs(draw("M9_Affine")).max() < 2.5


def test_curved_manifolds_satisfy_their_equations():
    assert np.linalg.norm(draw("M1_Sphere"), axis=1) == pytest.approx(1)
    x, y, z = draw("M5a_Helix1d").T
    assert (np.hypot(x, y) - 2) ** 2 + z**2 == pytest.approx(1)
    assert np.sin(8 * np.arctan2(y, x)) == pytest.approx(z, abs=1e-9)
    x, y, z = draw("M5b_Helix2d").T
    assert x * np.sin(2 * z) == pytest.approx(y * np.cos(2 * z), abs=1e-9)
    x, h, z = draw("M7_Roll").T
    assert np.cos(np.hypot(x, z)) == pytest.approx(x / np.hypot(x, z))
    assert h.min() >= 0
    assert h.max() < 21
    x, y, z = draw("M11_Moebius").T
    angle = np.arctan2(y, x)
    assert (np.hypot(x, y) - 1) * np.sin(5 * angle) == pytest.approx(z * np.cos(5 * angle), abs=1e-12)
    x, h, z = draw("M13a_Scurve").T
    assert x**2 + (1 - np.abs(z)) ** 2 == pytest.approx(1)
    x = draw("M13b_Spiral")
    assert x[:, 0] == pytest.approx(100 * np.cos(x[:, 2]))
    assert x[:, 1] == pytest.approx(100 * np.sin(x[:, 2]))
    assert (x[:, 3:] == 0).all()


@pytest.mark.parametrize("name", ["M10a_Cubic", "M10b_Cubic", "M10c_Cubic", "M10d_Cubic"])
def test_cubic_samples_lie_on_every_face_alike(name):
    x = draw(name, 20000)
    faces = np.stack([x == 0, x == 1], axis=2)
    assert (faces.sum(axis=(1, 2)) == 1).all()
    counts = faces.sum(axis=0).ravel()
    assert ((counts - counts.mean()) ** 2 / counts.mean()).sum() < len(counts) + 5 * math.sqrt(2 * len(counts))


@pytest.mark.parametrize(("name", "copies"), [("M4_Nonlinear", 1), ("M6_Nonlinear", 3), ("M8_Nonlinear", 3)])
def test_chains_hold_the_radius_of_each_pair_as_the_angle_of_the_next(name, copies):
    x, d = draw(name), data.manifolds()[name][0]
    parts = x.reshape(len(x), copies, d, 2)
    assert (parts == parts[:, :1]).all()
    pairs = parts[:, 0]
    radius = np.linalg.norm(pairs, axis=2)
    angle = np.arctan2(pairs[:, :, 1], pairs[:, :, 0]) / (2 * np.pi) % 1
    assert np.roll(angle, -1, axis=1) == pytest.approx(radius, abs=1e-12)


def test_the_laws_of_the_later_manifolds():
    x = draw("Mp2_Paraboloid")
    y = x[:, :7]
    assert y[:, 6] == pytest.approx((y[:, :6] ** 2).sum(axis=1))
    assert x[:, 7:14] == pytest.approx(np.sin(y))
    assert x[:, 14:] == pytest.approx(y**2)
    assert np.sort(draw("Mp2_Paraboloid", 20000)[:, 0]) == pytest.approx(np.linspace(0, 1, 20000), abs=0.015)
    x = draw("Mbeta")
    assert (x[:, :20] == x[:, 20:]).all()
    p = np.linspace(0, 1, 100001)
    curve = np.column_stack([p * np.sin(np.cos(2 * np.pi * p)), p * np.cos(np.sin(2 * np.pi * p))])
    nearest = np.array([np.linalg.norm(curve - point, axis=1).argmin() for point in x[:200, [0, 10]]])
    assert np.linalg.norm(curve[nearest] - x[:200, [0, 10]], axis=1).max() < 1e-4
    assert p[nearest].mean() == pytest.approx(10 / 10.5, abs=0.015)
    x = draw("Mn1_Nonlinear")
    assert (x[:, :36] == x[:, 36:]).all()
    # Of the parameters a and b of a pair there are tan(a·cos b), arctan(b·sin a), tan(b·cos a) and arctan(a·sin b).
    p, q, r, s = np.arctan(x[:, 0]), np.tan(x[:, 18]), np.arctan(x[:, 17]), np.tan(x[:, 35])
    a, b = np.hypot(p, s), np.hypot(q, r)
    assert ((a < 1) & (b < 1)).all()
    assert p == pytest.approx(a * np.cos(b))
    assert q == pytest.approx(b * np.sin(a))
    for parameter in (a, b):
        assert np.sort(parameter) == pytest.approx(np.linspace(0, 1, 500), abs=0.1)


def test_the_strange_figure_of_four_dimensions():
    def law(p):
        return np.array(
            [
                p[1] ** 2 * math.cos(2 * math.pi * p[0]),
                p[2] ** 2 * math.sin(2 * math.pi * p[0]),
                p[1] + p[2] + (p[1] - p[3]) ** 2,
                p[1] - 2 * p[2] + (p[0] - p[3]) ** 2,
                -p[1] - 2 * p[2] + (p[2] - p[3]) ** 2,
                p[0] ** 2 - p[1] ** 2 + p[2] ** 2 - p[3] ** 2,
            ]
        )

    stream = np.random.RandomState(0).random_sample((50, 4))
    assert draw("M3_Nonlinear_4to6", 50, seed=0) == pytest.approx(np.array([law(p) for p in stream]))
    assert all(np.linalg.matrix_rank(differentiated(law, p)) == 4 for p in stream)


# Made with scikit-dimension 0.5.0: the mean over three draws of 2,500 of its BenchmarkManifolds, its TwoNN with
# discard_fraction=0.1; the standard deviation of one draw is about 2.5 %.
REFERENCE = {
    "M1_Sphere": 9.315,
    "M2_Affine_3to5": 2.865,
    "M3_Nonlinear_4to6": 3.868,
    "M4_Nonlinear": 3.847,
    "M6_Nonlinear": 6.008,
    "M8_Nonlinear": 13.009,
    "M10b_Cubic": 14.207,
    "M12_Norm": 16.614,
    "Mbeta": 6.503,
    "Mn1_Nonlinear": 14.597,
    "Mp3_Paraboloid": 7.16,
    "M7_Roll": 1.966,
}


@pytest.mark.parametrize("name", REFERENCE)
def test_twonn_reads_what_scikit_dimension_reads_on_its_own_draws(name):
    values = [estimate("twonn", draw(name, 2500, seed=seed), method="fit").value for seed in (0, 1)]
    assert np.mean(values) == pytest.approx(REFERENCE[name], rel=0.08)


def test_samples_are_those_that_were_published():
    """A change here changes every figure that was ever read from these clouds."""
    assert draw("M1_Sphere", 2)[0, :3].tolist() == pytest.approx(
        [0.4582347930315609, 0.10394586984642855, 0.2542395063298431], abs=1e-15
    )
    assert data.line_disk_ball(8).per_sample.tolist() == [1, 2, 1, 2, 2, 3, 1, 3]


def test_noise_fills_all_units_and_leaves_the_dimension():
    clean = data.manifold("M5a_Helix1d", 20000)
    cloud = data.manifold("M5a_Helix1d", 20000, noise=0.05, extra_units=4)
    assert cloud.x.shape == (20000, 7)
    assert cloud.dimension == 1
    noise = cloud.x - np.hstack([clean.x, np.zeros((20000, 4))])
    assert noise.std(axis=0) == pytest.approx(np.full(7, 0.05), rel=0.03)
    assert np.abs(np.corrcoef(noise.T) - np.eye(7)).max() < 0.04
    assert cloud.description == f"{clean.description[:-1]}; 4 more units; Gaussian noise of size 0.05."
    assert (clean.noisy(0.05, extra_units=4).x == cloud.x).all()
    assert (clean.noisy(0.05, extra_units=4, seed=1).x != cloud.x).all()
    assert (clean.noisy(0).x == clean.x).all()


def test_noise_is_not_the_cloud_itself_again():
    cloud = data.gaussian(2000, 3)
    assert np.abs(np.corrcoef(cloud.x.T, (cloud.noisy(1.0).x - cloud.x).T)[:3, 3:]).max() < 0.1


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_shape_knows_its_name_and_dimension_and_has_a_seed(shape):
    cloud = shape(200, 4)
    assert cloud.name == shape.__name__
    assert cloud.dimension == 4
    assert len(cloud.x) == 200
    assert (shape(200, 4).x == cloud.x).all()
    assert (shape(200, 4, seed=1).x != cloud.x).any()


def test_the_laws_of_the_shapes():
    radius = np.linalg.norm(data.ball(20000, 5).x, axis=1)
    assert np.sort(radius**5) == pytest.approx(np.linspace(0, 1, 20000), abs=0.015)
    x = data.sphere(20000, 5).x
    assert np.linalg.norm(x, axis=1) == pytest.approx(1)
    assert np.cov(x.T) == pytest.approx(np.eye(6) / 6, abs=0.005)
    assert np.cov(data.cube(20000, 3).x.T) == pytest.approx(np.eye(3) / 12, abs=0.003)
    assert np.cov(data.gaussian(20000, 3).x.T) == pytest.approx(np.eye(3), abs=0.05)
    torus = data.flat_torus(2000, 3)
    circles = torus.x.reshape(2000, 2, 3) * 2 * np.pi
    assert (circles**2).sum(axis=1) == pytest.approx(1)
    assert np.arctan2(circles[:, 1], circles[:, 0]) / (2 * np.pi) % 1 == pytest.approx(torus.coordinates)


def test_the_swiss_roll_is_a_rectangle_rolled_up():
    roll = data.swiss_roll(20000)
    x, h, z = roll.x.T
    t = np.hypot(x, z)
    assert np.cos(t) == pytest.approx(x / t)
    assert (1.5 * np.pi <= t).all()
    assert (t <= 4.5 * np.pi).all()
    # The length along the spiral, by adding up short chords.
    fine = np.linspace(1.5 * np.pi, 4.5 * np.pi, 200001)
    chords = np.hypot(np.diff(fine * np.cos(fine)), np.diff(fine * np.sin(fine)))
    length = np.interp(t, fine, np.concatenate([[0], np.cumsum(chords)]))
    assert roll.coordinates == pytest.approx(np.column_stack([length, h]), abs=1e-6)
    for side, longest in zip(roll.coordinates.T, (chords.sum(), 21), strict=True):
        assert np.sort(side) == pytest.approx(np.linspace(0, longest, 20000), abs=0.015 * longest)


def test_line_disk_and_ball_have_their_own_dimensions():
    cloud = data.line_disk_ball(6000)
    x, kind = cloud.x, cloud.per_sample
    assert cloud.dimension is None
    assert np.bincount(kind)[1:] == pytest.approx(2000, rel=0.1)
    for d in (1, 2, 3):
        part = x[kind == d] - [2 * (d - 2), 0, 0]
        assert (part[:, d:] == 0).all()
        assert np.sort(np.linalg.norm(part, axis=1) ** d) == pytest.approx(np.linspace(0, 1, len(part)), abs=0.05)
        assert estimate("twonn", part).value == pytest.approx(d, rel=0.08)


def periodic(u):
    difference = np.abs(u[:, None] - u)
    return np.sqrt((np.minimum(difference, 1 - difference) ** 2).sum(axis=2))


def test_neighbors_on_the_torus_are_those_of_all_periodic_distances():
    u = data.flat_torus(300, 3).coordinates
    graph = data.torus_neighbors(u, 10)
    distances = periodic(u)
    np.fill_diagonal(distances, np.inf)
    assert (graph.indices == distances.argsort(axis=1)[:, :10]).all()
    assert graph.distances == pytest.approx(np.sort(distances, axis=1)[:, :10])
    twins = data.torus_neighbors(np.repeat(u[:20], 5, axis=0), 2)
    assert (twins.distances == 0).all()


@pytest.mark.parametrize("d", [2, 5, 8])
def test_without_an_edge_or_curvature_the_dimension_is_read_without_bias(d):
    graphs = [data.torus_neighbors(data.flat_torus(1500, d, seed=seed).coordinates, 4) for seed in range(8)]
    values = [[point.value for point in gride(graph, range_max=4).curve] for graph in graphs]
    sd = np.std([twonn(graph).value for graph in graphs]) / math.sqrt(8)
    assert np.abs(np.mean(values, axis=0) - d).max() < 4 * sd + 0.01 * d


def test_lattice_and_counts_are_whole_numbers_of_their_law():
    x = data.lattice(20000, 2, side=5).x
    cells = np.bincount((5 * x[:, 0] + x[:, 1]).astype(int), minlength=25)
    assert cells == pytest.approx(800, rel=0.2)
    x = data.counts(20000, 2, mean=30.0).x
    assert x.mean(axis=0) == pytest.approx([30, 30], rel=0.01)
    assert x.var(axis=0) == pytest.approx([30, 30], rel=0.05)
    assert (x == np.round(x)).all()


@pytest.mark.parametrize(("d", "scale"), [(2, 8), (4, 20)])
def test_i3d_reads_the_dimension_of_lattice_and_counts(d, scale):
    assert estimate("i3d", data.lattice(3000, d).x, scale=scale).value == pytest.approx(d, rel=0.1)
    assert estimate("i3d", data.counts(3000, d, mean=1000.0).x, scale=scale).value == pytest.approx(d, rel=0.1)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.7])
def test_bits_have_the_correlation_that_they_say(correlation):
    x = 2 * data.bits(40000, 6, correlation=correlation).x - 1
    lag = np.abs(np.arange(6)[:, None] - np.arange(6))
    assert x.mean(axis=0) == pytest.approx(np.zeros(6), abs=0.025)
    assert x.T @ x / 40000 == pytest.approx(float(correlation) ** lag, abs=0.025)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.7])
def test_so_many_fair_bits_coincide_as_often(correlation):
    cloud = data.bits(20000, 6, correlation=correlation)
    counts = np.bincount((cloud.x @ 2 ** np.arange(6)).astype(int))
    coincide = (counts * (counts - 1)).sum() / (20000 * 19999)
    assert -math.log2(coincide) == pytest.approx(cloud.dimension, abs=0.05)


@pytest.mark.parametrize(("correlation", "tolerance"), [(0.0, 0.01), (0.3, 0.03), (0.5, 0.08)])
def test_bid_reads_about_the_effective_number_of_bits(correlation, tolerance):
    cloud = data.bits(1500, 100, correlation=correlation)
    assert bid(Representation(cloud.x)).value == pytest.approx(cloud.dimension, rel=tolerance)


@pytest.mark.parametrize("law", ["uniform", "gaussian"])
def test_distances_become_alike_as_dimensions_rise(law):
    table = data.distance_concentration((1, 3, 10, 100, 1000), law=law, n_samples=500)
    assert table["dimension"].tolist() == [1, 3, 10, 100, 1000]
    assert (np.diff(table["contrast"]) < 0).all()
    assert (np.diff(table["spread"]) < 0).all()
    assert ((table["low"] < table["contrast"]) & (table["contrast"] < table["high"])).all()
    # A distance is the root of a sum over the units: from the mean and, around one query, the variance of one term.
    mean, variance = (1 / 6, 1 / 30) if law == "uniform" else (2, 6)
    given = data.distance_concentration((10000,), law=law, n_samples=200)["spread"]
    assert given == pytest.approx(math.sqrt(variance / 10000) / (2 * mean), rel=0.05)


def test_the_volume_of_a_cube_is_in_its_corners_and_at_its_surface():
    table = data.cube_volumes((1, 2, 3, 4, 1000), shell=0.1)
    exact = [1, math.pi / 4, math.pi / 6, math.pi**2 / 32, 0]
    assert table["in_ball"] == pytest.approx(exact)
    assert table["in_shell"] == pytest.approx([1 - 0.9**d for d in (1, 2, 3, 4, 1000)])
    x = 2 * data.cube(50000, 4).x - 1
    assert np.mean(np.linalg.norm(x, axis=1) < 1) == pytest.approx(math.pi**2 / 32, abs=0.01)
    assert np.mean(np.abs(x).max(axis=1) > 0.9) == pytest.approx(1 - 0.9**4, abs=0.01)
    assert (data.cube_volumes((3,), shell=1)["in_shell"] == 1).all()
    assert (data.cube_volumes((3,), shell=0)["in_shell"] == 0).all()


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: data.manifold("M1_Spere", 10), UnknownName, "unknown manifold 'M1_Spere'; nearest: M1_Sphere"),
        (lambda: data.manifold("Mbeta", 0), InvalidValue, "n_samples=0; give a whole number of at least 1."),
        (lambda: data.ball(2.5, 2), InvalidValue, "n_samples=2.5; give a whole number of at least 1."),
        (lambda: data.ball(True, 2), InvalidValue, "n_samples=True; give a whole number of at least 1."),
        (lambda: data.ball(5, 0), InvalidValue, "dimension=0; give a whole number of at least 1."),
        (lambda: data.cube(5, 1, seed=-1), InvalidValue, "seed=-1; give a whole number in 0..4294967295."),
        (
            lambda: data.manifold("Mbeta", 5, noise=-1),
            InvalidValue,
            "noise of size -1; give a standard deviation of 0 or more, in units of the data.",
        ),
        (lambda: data.cube(5, 1).noisy(math.nan), InvalidValue, "noise of size nan; give a standard deviation of 0"),
        (lambda: data.cube(5, 1).noisy(1, extra_units=-1), InvalidValue, "extra_units=-1; give a whole number of at"),
        (lambda: data.lattice(5, 1, side=1), InvalidValue, "side=1; give a whole number in 2..2147483647."),
        (
            lambda: data.counts(5, 1, mean=0),
            InvalidValue,
            "mean=0; give the mean of the counts, above 0 and at most 1e9.",
        ),
        (
            lambda: data.bits(5, 5, correlation=1),
            InvalidValue,
            "correlation=1; give that of neighboring bits, 0 ≤ correlation < 1.",
        ),
        (
            lambda: data.torus_neighbors(np.ones((5, 2)), 2),
            InvalidValue,
            "coordinates of shape (5, 2); give (N, d) numbers in [0, 1), as flat_torus makes them.",
        ),
        (lambda: data.torus_neighbors(np.zeros((5, 2)), 5), InvalidValue, "k=5; give a whole number in 1..4."),
        (
            lambda: data.cube_volumes((1,), shell=2),
            InvalidValue,
            "shell=2; give its thickness as a share of the half side, 0 ≤ shell ≤ 1.",
        ),
        (lambda: data.cube_volumes(()), InvalidValue, "no dimensions; give at least one whole number of at least 1."),
        (lambda: data.cube_volumes((0,)), InvalidValue, "dimension=0; give a whole number of at least 1."),
        (
            lambda: data.distance_concentration(law="normal"),
            UnknownName,
            "unknown law 'normal'; nearest: uniform. There are: gaussian, uniform.",
        ),
    ],
)
def test_bad_input_is_answered_in_one_line(call, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}[^\n]*$"):
        call()


def test_the_package_loads_nothing_heavy():
    code = "import layerscape.datasets, sys; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in loaded
    assert not {"scipy", "pooch", "requests", "pandas", "pyarrow", "PIL", "numba", "torch", "sklearn"} & set(loaded)
