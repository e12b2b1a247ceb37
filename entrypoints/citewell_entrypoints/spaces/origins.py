"""How an embedder is named: by the settings, and in the row of its space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from citewell.model import EmbeddingSpace
from citewell_entrypoints.settings import Settings

if TYPE_CHECKING:
    from citewell_adapters.pgvector import Origin

__all__ = ["origin_of", "settings_of"]


def origin_of(settings: Settings, space: EmbeddingSpace) -> Origin:
    """What is noted of the settings' embedder, whose space this is."""
    from citewell_adapters.pgvector import Origin

    match settings.embeddings_backend:
        case "mock":
            return Origin("mock", None)
        case "openai":
            return Origin("openai", space.model)
        case "local":
            chosen = settings.embeddings_model
            if chosen and (folder := Path(chosen).expanduser()).is_dir():
                chosen = str(folder.resolve())
            return Origin("local", chosen)


def settings_of(settings: Settings, origin: Origin, *, dimensions: int | None) -> Settings:
    """These settings, with the embedder of the origin in the place of theirs."""
    return settings.model_copy(
        update={
            "embeddings_backend": origin.backend,
            "embeddings_model": origin.model,
            "embeddings_dim": dimensions,
        }
    )
