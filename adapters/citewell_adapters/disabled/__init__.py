"""The language model that is none."""

from citewell_adapters.disabled.llm import DisabledLLM

__all__ = ["DisabledLLM"]
