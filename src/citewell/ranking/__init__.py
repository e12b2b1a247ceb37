"""From what each leg of a search brought to one ranking. Pure, and of the standard library alone."""

from citewell.ranking.fusion import rank
from citewell.ranking.weighing import weigh

__all__ = ["rank", "weigh"]
