"""From what the user has on disk to samples with ids and labels; nothing heavy is loaded before a file needs it."""

from layerscape.inputs.by_id import rows_of as rows_of
from layerscape.inputs.contents import Selection as Selection
from layerscape.inputs.features import features_of as features_of
from layerscape.inputs.features import known_features as known_features
from layerscape.inputs.graph_files import GraphFiles as GraphFiles
from layerscape.inputs.graph_files import Kind as Kind
from layerscape.inputs.holding import Holding as Holding
from layerscape.inputs.holding import InFile as InFile
from layerscape.inputs.holding import by_number as by_number
from layerscape.inputs.holding import depth_said as depth_said
from layerscape.inputs.images import as_picture as as_picture
from layerscape.inputs.images import read_picture as read_picture
from layerscape.inputs.labels import ID_COLUMNS as ID_COLUMNS
from layerscape.inputs.labels import columns_of_files as columns_of_files
from layerscape.inputs.labels import ids_beside as ids_beside
from layerscape.inputs.labels import is_labels_file as is_labels_file
from layerscape.inputs.labels import read_labels as read_labels
from layerscape.inputs.matrix import read_matrix as read_matrix
from layerscape.inputs.open import check_there as check_there
from layerscape.inputs.open import choose_inputs as choose_inputs
from layerscape.inputs.steps import Steps as Steps
from layerscape.inputs.tables import Table as Table
from layerscape.inputs.vector_files import read_vectors as read_vectors
