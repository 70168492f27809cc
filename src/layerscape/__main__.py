"""``python -m layerscape`` is ``layerscape``."""

import sys

from layerscape.cli import main

sys.exit(main())
