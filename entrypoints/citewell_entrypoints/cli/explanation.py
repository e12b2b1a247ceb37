"""How a search came to its sources, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["explained"]

_HEADER: Final = ("", "score", "dense", "cosine", "adds", "lexical", "BM25", "adds", "rerank")


def explained(reply: Mapping[str, Any]) -> str:
    """A row for each source: rank, raw score and contribution in each leg; then a line for the query."""
    rows = [_HEADER, *(_row(number, source) for number, source in enumerate(reply["sources"], start=1))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([*lines, "", _summary(reply["explanation"])])


def _row(number: int, source: Mapping[str, Any]) -> Sequence[str]:
    explanation = source.get("explanation") or {}
    legs = (*_leg(explanation.get("dense")), *_leg(explanation.get("lexical")))
    rerank = explanation.get("rerank")
    return (f"[{number}]", f"{source['score']:.3f}", *legs, "-" if rerank is None else f"{rerank:.3f}")


def _leg(leg: Mapping[str, Any] | None) -> Sequence[str]:
    if leg is None:
        return ("-", "-", "-")
    return (f"#{leg['rank']}", f"{leg['score']:.3f}", f"{leg['contribution']:.3f}")


def _summary(explanation: Mapping[str, Any]) -> str:
    judged = explanation.get("reranked")
    reranking = f"; {judged} reranked in {explanation['rerank_ms']:.1f} ms" if judged else ""
    plan = explanation.get("plan")
    kept = "; kept from before" if explanation.get("cached") else ""
    return (f"{_planned(plan)}\n" if plan else "") + (
        f"{explanation['dense_candidates']} candidates by meaning, "
        f"{explanation['lexical_candidates']} by words; "
        f"weight of the vectors {explanation['vector_weight']:.2f}; "
        f"embedding {explanation['embed_ms']:.1f} ms, "
        f"finding {explanation['find_ms']:.1f} ms{reranking}{kept}"
    )


def _planned(plan: Mapping[str, Any]) -> str:
    matched = "" if plan["matched"] is None else f" about {plan['matched']}"
    if plan["method"] == "exact":
        return f"all{matched} passages of the scope were read"
    passages = f"{matched} passages in the scope" if matched else " many passages in the scope"
    topped_up = ", which gave too few: all were read after all" if plan["topped_up"] else ""
    return f"by the index,{passages}{topped_up}"
