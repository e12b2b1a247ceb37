"""What may go wrong with a model on this machine, in the words of the core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from citewell.errors import CitewellError, EmbedderUnavailable, EmbeddingRejected

__all__ = ["INSTALL_HINT", "loading", "running"]

INSTALL_HINT = "pip install 'citewell[server]'"


@contextmanager
def loading(name: str) -> Iterator[None]:
    """Whatever stops a model from loading will stop it again: EmbeddingRejected."""
    try:
        yield
    except CitewellError:
        raise
    except ImportError as error:
        raise EmbeddingRejected(f"{error.name} is not installed: {INSTALL_HINT}") from error
    except Exception as error:  # onnxruntime and tokenizers raise Exception and its direct children
        raise EmbeddingRejected(f"the embedding model {name} cannot be loaded: {error}") from error


@contextmanager
def running(name: str) -> Iterator[None]:
    """A model that has run before and fails now lacks memory, as a rule: EmbedderUnavailable."""
    try:
        yield
    except CitewellError:
        raise
    except Exception as error:  # see above
        raise EmbedderUnavailable(f"the embedding model {name} failed: {error}") from error
