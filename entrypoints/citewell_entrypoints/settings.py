"""The settings: the only reader of the environment.

Names carry the prefix `APP_`; a file `.env` in the working directory serves as well, the environment wins.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["PREFIX", "Settings", "SettingsError", "load_settings"]

PREFIX = "APP_"

Port = Annotated[int, Field(ge=1, le=65_535)]
Count = Annotated[int, Field(ge=1, le=1_024)]
Places = Annotated[int, Field(ge=1, le=10_000)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


_SCHEMES: Final = {
    "database_url": ("postgresql://", "postgres://"),
    "redis_url": ("redis://", "rediss://", "unix://"),
    "blob_url": ("file://", "s3://"),
}


class SettingsError(Exception):
    """One line per setting that is not right."""


class Settings(BaseSettings):
    """Everything that can be set, with its default; the README's table is made of these descriptions."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        # A line feed at the end, as a secret from a file often has.
        str_strip_whitespace=True,
    )

    host: str = Field(default="127.0.0.1", description="address the API listens on")
    port: Port = Field(default=8000, description="port the API listens on")
    data_dir: Path = Field(
        default=Path(".citewell"), description="folder of embedded engines, uploads and scratch files"
    )
    database_url: SecretStr | None = Field(
        default=None, description="PostgreSQL 15 or newer with pgvector 0.8 or newer; empty: the embedded one"
    )
    redis_url: SecretStr | None = Field(
        default=None, description="Redis 7 or newer, or Valkey; empty: the embedded Valkey"
    )
    blob_url: SecretStr | None = Field(
        default=None,
        description="where uploads are kept, `file:///…` or `s3://bucket/prefix`; empty: in the data folder",
    )
    embeddings_backend: Literal["local", "mock", "openai"] = Field(
        default="local", description="what turns text into vectors"
    )
    embeddings_model: str | None = Field(
        default=None,
        description="`local`: a folder with model.onnx and tokenizer.json or a fastembed model's name; "
        "`openai`: the model's name",
    )
    embeddings_dim: Annotated[int, Field(ge=1, le=4_000)] | None = Field(
        default=None, description="dimensions of the vectors; empty: what the model gives"
    )
    embeddings_batch_size: Annotated[int, Field(ge=1, le=2_048)] = Field(
        default=64, description="texts in one call of the embedder"
    )
    embeddings_concurrency: Count = Field(
        default=4, description="calls of a remote embedder at the same time"
    )
    embeddings_question_timeout_seconds: Seconds = Field(
        default=5.0, description="`openai`: longest wait for the vector of a question; then its words serve"
    )
    llm_backend: Literal["disabled", "openai"] = Field(default="disabled", description="what writes answers")
    llm_model: str = Field(default="gpt-5-mini", description="name of the language model")
    llm_max_tokens: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=800, description="longest answer, in tokens"
    )
    llm_context_tokens: Annotated[int, Field(ge=1_024, le=4_000_000)] = Field(
        default=8_192,
        description="tokens that the language model can take, answer included; passages are cut to it",
    )
    llm_timeout_seconds: Seconds = Field(default=30.0, description="longest wait for an answer")
    llm_first_token_timeout_seconds: Seconds = Field(
        default=20.0, description="longest wait for the first word of an answer"
    )
    llm_concurrency: Count = Field(
        default=256, description="answers that are written at the same time for one API process"
    )
    openai_api_key: SecretStr | None = Field(
        default=None, description="key of the OpenAI-compatible endpoint"
    )
    openai_base_url: str = Field(
        default="https://api.openai.com/v1", description="address of the OpenAI-compatible endpoint"
    )
    openai_timeout_seconds: Seconds = Field(
        default=30.0, description="longest wait for one call of the endpoint"
    )
    openai_connect_timeout_seconds: Seconds = Field(
        default=5.0, description="longest wait for a connection to the endpoint"
    )
    openai_max_retries: Annotated[int, Field(ge=0, le=10)] = Field(
        default=3, description="tries after a first failed call of the endpoint"
    )
    endpoint_probe_seconds: Seconds = Field(
        default=5.0,
        description="how long an endpoint that failed several times is left alone before one call tries it",
    )
    max_upload_bytes: Annotated[int, Field(ge=1, le=1 << 40)] = Field(
        default=256 << 20, description="largest upload, in bytes"
    )
    workers: Annotated[int, Field(ge=1, le=256)] = Field(
        default=1, description="worker processes that `citewell serve` starts"
    )
    api_processes: Annotated[int, Field(ge=1, le=64)] | None = Field(
        default=None, description="processes of the API; empty: one for each core, at most 4"
    )
    worker_niceness: Annotated[int, Field(ge=0, le=19)] = Field(
        default=10, description="how far workers let others go first where the processor is short"
    )
    jobs_per_worker: Annotated[int, Field(ge=1, le=64)] = Field(
        default=4, description="documents that one worker ingests at the same time"
    )
    max_queued_documents: Annotated[int, Field(ge=1)] = Field(
        default=10_000, description="documents that may wait for their ingestion; more are refused with 429"
    )
    max_queued_bytes: Annotated[int, Field(ge=1)] = Field(
        default=20 << 30, description="bytes that may wait for their ingestion; more are refused with 429"
    )
    max_attempts: Annotated[int, Field(ge=1, le=100)] = Field(
        default=8, description="how often an ingestion may crash in a row without progress before it fails"
    )
    patience_seconds: Annotated[float, Field(ge=0, le=2_592_000)] = Field(
        default=10_800.0, description="how long an ingestion waits for an embedder that is away"
    )
    lease_seconds: Annotated[float, Field(ge=2, le=3_600)] = Field(
        default=30.0, description="how long a job is held without a sign of life"
    )
    turn_seconds: Annotated[float, Field(ge=0.1, le=3_600)] = Field(
        default=10.0, description="how long a document is worked on while others wait"
    )
    orphan_seconds: Annotated[float, Field(ge=1, le=2_592_000)] = Field(
        default=600.0, description="age at which the leftovers of broken uploads are deleted"
    )
    chunk_tokens: Annotated[int, Field(ge=16, le=8_192)] | None = Field(
        default=None,
        description="largest chunk, in tokens, at most what the embedder reads; "
        "empty: 200, or four fifths of that if it is less",
    )
    chunk_overlap_tokens: Annotated[int, Field(ge=0, le=4_096)] | None = Field(
        default=None,
        description="tokens that a chunk repeats of the one before, at most half; empty: a fifth",
    )
    search_vector_weight: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.4, description="share of the vectors in a hybrid score; the rest is of the words"
    )
    search_ef: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=200,
        description="how many of the nearest of 100,000 chunks the index keeps in view, of more chunks more: "
        "the more, the more it finds",
    )
    recall_sample: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.01, description="share of the questions that are held against an exact search; 0: none"
    )
    recall_floor: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.95, description="recall of the index below which a warning is logged and no space quantized"
    )
    search_candidates: Annotated[int, Field(ge=10, le=1_000)] = Field(
        default=100, description="chunks that each leg of a search brings to the ranking; half under a filter"
    )
    rerank_backend: Literal["none", "heuristic", "fastembed", "http"] = Field(
        default="heuristic", description="what judges the first hits once more"
    )
    rerank_model: str | None = Field(
        default=None,
        description="`fastembed`: a folder with a cross-encoder (model.onnx, tokenizer.json, "
        "tokenizer_config.json); `http`: the model's name",
    )
    rerank_url: str | None = Field(
        default=None,
        description="`http`: address of a Cohere-compatible endpoint, without its `/rerank`",
    )
    rerank_api_key: SecretStr | None = Field(default=None, description="`http`: key of that endpoint")
    rerank_depth: Annotated[int, Field(ge=1, le=50)] = Field(
        default=20, description="hits that are judged once more"
    )
    rerank_timeout_seconds: Seconds = Field(
        default=5.0, description="longest wait for the reranker; then the order stays as it was"
    )
    cache_results: bool = Field(
        default=True, description="whether replies to questions are kept for those who ask the same again"
    )
    cache_bytes: Annotated[int, Field(ge=0, le=1 << 40)] = Field(
        default=64 << 20,
        description="memory of one process for kept replies; 0: only Valkey keeps them",
    )
    cache_ttl_seconds: Annotated[float, Field(ge=1, le=86_400)] = Field(
        default=300.0, description="longest time that a reply is kept"
    )
    parser_timeout_seconds: Seconds = Field(default=60.0, description="longest reading of one file")
    parser_memory_bytes: Annotated[int, Field(ge=128 << 20)] = Field(
        default=1 << 30, description="memory of a process that reads a file"
    )
    page_images_bytes: Annotated[int, Field(ge=0, le=1 << 40)] = Field(
        default=256 << 20, description="disk for images of pages that were drawn, in the data folder; 0: none"
    )
    database_pool_size: Annotated[int, Field(ge=1, le=500)] = Field(
        default=10, description="database connections of one process, besides one for `/readyz`"
    )
    query_concurrency: Places | None = Field(
        default=None,
        description="questions that one API process works on at the same time; "
        "empty: 4 for each database connection",
    )
    upload_concurrency: Places | None = Field(
        default=None, description="uploads at the same time; empty: 2 for each database connection"
    )
    read_concurrency: Places | None = Field(
        default=None, description="other requests at the same time; empty: 2 for each database connection"
    )
    waiting_factor: Annotated[int, Field(ge=0, le=100)] = Field(
        default=4,
        description="for each request of a kind that may be worked on, so many of it may wait; "
        "more are refused with 503",
    )
    waiting_seconds: Annotated[float, Field(gt=0, le=60)] = Field(
        default=2.0, description="how long a request waits for its turn before it is refused with 503"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least level logged"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto", description="`auto`: readable on a terminal, JSON elsewhere"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object, info: ValidationInfo) -> object:
        """`APP_X=` means the default, so that an example file can list every name."""
        if value == "":
            return cls.model_fields[info.field_name or ""].get_default()
        return value

    @field_validator("data_dir")
    @classmethod
    def _home_is_known(cls, value: Path) -> Path:
        return value.expanduser()

    @field_validator("database_url", "redis_url", "blob_url")
    @classmethod
    def _scheme_is_known(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Said here, without the value: later errors would quote it with its password."""
        schemes = _SCHEMES[info.field_name or ""]
        if value is not None and not value.get_secret_value().startswith(schemes):
            raise ValueError(f"it has to begin with {' or '.join(schemes)}")
        return value

    @property
    def embedded_database(self) -> bool:
        """Whether PostgreSQL comes from the wheel."""
        return self.database_url is None

    @property
    def embedded_queue(self) -> bool:
        """Whether Valkey comes from the wheel."""
        return self.redis_url is None


def load_settings() -> Settings:
    """The settings of this process. Raises SettingsError with one line for each that is unknown or wrong."""
    problems = _unknown_names()
    try:
        settings = Settings()
    except ValidationError as error:
        problems += [_line(detail["loc"], detail["msg"]) for detail in error.errors()]
        raise SettingsError("\n".join(problems)) from None
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def _line(location: tuple[int | str, ...], message: str) -> str:
    # Never the value: it may be a secret.
    name = PREFIX + str(location[0]).upper() if location else "settings"
    return f"{name}: {message}"


def _unknown_names() -> list[str]:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    names = {name.upper() for name in os.environ if name.upper().startswith(PREFIX)}
    names |= {name.upper() for name in _names_in_env_file() if name.upper().startswith(PREFIX)}
    return [f"{name}: there is no such setting; see the README's table" for name in sorted(names - known)]


def _names_in_env_file() -> list[str]:
    from dotenv import dotenv_values

    return list(dotenv_values(".env"))
