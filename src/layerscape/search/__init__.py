"""From a representation to its neighbor graph: exact to float64, whatever the engine."""

from layerscape.search.between import between as between
from layerscape.search.cluster import connected as connected
from layerscape.search.engines import check_device as check_device
from layerscape.search.find import find_neighbors as find_neighbors
from layerscape.search.machine import Machine as Machine
from layerscape.search.machine import machine as machine
from layerscape.search.rank import places as places
from layerscape.search.rank import ranks as ranks
