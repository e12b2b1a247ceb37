"""From what each leg of a search brought to one ranking. Pure, and of the standard library alone."""

from citewell.ranking.fusion import dense_knows, rank

__all__ = ["dense_knows", "rank"]
