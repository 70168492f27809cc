"""Data whose answer is known: clouds of known dimension, pictures that everyone has measured, high dimensions bare."""

from layerscape.datasets.cloud import Cloud as Cloud
from layerscape.datasets.curse import cube_volumes as cube_volumes
from layerscape.datasets.curse import distance_concentration as distance_concentration
from layerscape.datasets.discrete import bits as bits
from layerscape.datasets.discrete import counts as counts
from layerscape.datasets.discrete import lattice as lattice
from layerscape.datasets.manifolds import manifold as manifold
from layerscape.datasets.manifolds import manifolds as manifolds
from layerscape.datasets.real import Images as Images
from layerscape.datasets.real import load as load
from layerscape.datasets.shapes import ball as ball
from layerscape.datasets.shapes import cube as cube
from layerscape.datasets.shapes import flat_torus as flat_torus
from layerscape.datasets.shapes import gaussian as gaussian
from layerscape.datasets.shapes import line_disk_ball as line_disk_ball
from layerscape.datasets.shapes import sphere as sphere
from layerscape.datasets.shapes import swiss_roll as swiss_roll
from layerscape.datasets.shapes import torus_neighbors as torus_neighbors
