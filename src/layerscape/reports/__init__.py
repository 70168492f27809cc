"""The page: one HTML file that shows a run, and the sentences that say in words what it found."""

from layerscape.reports.page import report as report
from layerscape.reports.sentences import findings as findings

__all__ = ["report", "findings"]
