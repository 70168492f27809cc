"""From what the user has on disk to samples with ids and labels; nothing heavy is loaded before a file needs it."""

from layerscape.inputs.contents import Selection as Selection
from layerscape.inputs.features import features_of as features_of
from layerscape.inputs.features import known_features as known_features
from layerscape.inputs.labels import read_labels as read_labels
from layerscape.inputs.matrix import read_matrix as read_matrix
from layerscape.inputs.open import check_there as check_there
from layerscape.inputs.open import choose_inputs as choose_inputs
