"""Embeddings, answers and reranking from any endpoint that speaks the OpenAI protocol, or Cohere's."""

from citewell_adapters.openai.embedder import OpenAIEmbedder
from citewell_adapters.openai.endpoint import Endpoint
from citewell_adapters.openai.llm import OpenAILLM
from citewell_adapters.openai.reports import OUTCOMES, CallReport, Outcome, ReportCall
from citewell_adapters.openai.reranker import HttpReranker
from citewell_adapters.openai.retries import RetryPolicy

__all__ = [
    "OUTCOMES",
    "CallReport",
    "Endpoint",
    "HttpReranker",
    "OpenAIEmbedder",
    "OpenAILLM",
    "Outcome",
    "ReportCall",
    "RetryPolicy",
]
