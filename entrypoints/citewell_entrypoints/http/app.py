"""The application: routes, what they depend on, and what surrounds them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from functools import cache
from typing import Any, Final

from litestar import Litestar, Router
from litestar.di import Provide

from citewell_entrypoints.chores import Chore, doing
from citewell_entrypoints.container import HttpContainer
from citewell_entrypoints.http.answer_streams import AnswerStreams
from citewell_entrypoints.http.bodies import MAX_JSON_BYTES
from citewell_entrypoints.http.citations import verify_citations
from citewell_entrypoints.http.contents import download_content, list_chunks, read_document_text
from citewell_entrypoints.http.control import restart_ingestion, stop_ingestion
from citewell_entrypoints.http.documents import browse_documents, remove_document, show_document
from citewell_entrypoints.http.drawings import draw_page_image, look_for_page_image
from citewell_entrypoints.http.events import DocumentEvents, stream_events
from citewell_entrypoints.http.failures import problem_reply
from citewell_entrypoints.http.health import ReadinessProbes, check_liveness, check_readiness
from citewell_entrypoints.http.metrics import Exposition, Metrics, show_metrics
from citewell_entrypoints.http.middleware import EveryRequest
from citewell_entrypoints.http.pages import openapi_config, show_home
from citewell_entrypoints.http.query import JsonQuestions, ask_question
from citewell_entrypoints.http.recall import RecallMeasurement, measure_recall
from citewell_entrypoints.http.replies import QuestionReplies
from citewell_entrypoints.http.sampling import RecallSampler
from citewell_entrypoints.http.shedding import Shedding, gates_of
from citewell_entrypoints.http.siblings import Siblings
from citewell_entrypoints.http.streams import OpenStreams
from citewell_entrypoints.http.submissions import put_document, upload_document
from citewell_entrypoints.http.uploads import UploadReader
from citewell_entrypoints.lifespan import open_resources

__all__ = ["create_app"]

_TIDYING_SECONDS: Final = 60.0


def create_app(
    container: HttpContainer, *, streams: OpenStreams | None = None, siblings: Siblings | None = None
) -> Litestar:
    """The API over the container's use cases; its lifespan opens and closes what they need.

    streams: ends the streams that are open when the server stops. siblings: other processes of the same API.
    """
    metrics = Metrics()
    metrics.watch_cache(container.process_cache())
    metrics.watch_endpoints(container.endpoints())
    sampler = _sampler(container, metrics)
    streams = streams or OpenStreams()
    # Made with the first question, when everything is open.
    replies = cache(lambda: _question_replies(container, metrics, streams, sampler))
    api = Router(
        "/api/v1",
        route_handlers=[
            upload_document,
            put_document,
            browse_documents,
            show_document,
            remove_document,
            stream_events,
            stop_ingestion,
            restart_ingestion,
            download_content,
            read_document_text,
            list_chunks,
            draw_page_image,
            look_for_page_image,
            ask_question,
            verify_citations,
            measure_recall,
        ],
    )
    app = Litestar(
        [api, check_liveness, check_readiness, show_metrics, show_home],
        dependencies={
            **_dependencies(container, metrics, streams, replies),
            "exposition": Provide(
                lambda: Exposition(metrics, siblings), use_cache=True, sync_to_thread=False
            ),
        },
        exception_handlers={Exception: problem_reply},
        lifespan=[
            lambda _: open_resources(container),
            lambda _: _tidying(container),
            lambda _: sampler,
            lambda _: siblings.listening(metrics.registry) if siblings else nullcontext(),
        ],
        openapi_config=openapi_config(),
        # Ours is one for all processes.
        logging_config=None,
        request_max_body_size=MAX_JSON_BYTES,
        debug=False,
        pdb_on_exception=False,
    )
    # Around the framework, not in it: its own middleware does not see requests that match no route.
    answering = JsonQuestions(app.asgi_handler, replies=replies)
    gated = Shedding(answering, gates=gates_of(container.settings()), metrics=metrics)
    app.asgi_handler = EveryRequest(gated, metrics=metrics)
    return app


@asynccontextmanager
async def _tidying(container: HttpContainer) -> AsyncIterator[None]:
    """Looks for images of what was deleted at another API or worker, which did not know of them."""
    async with doing([Chore("forgetting images", container.forget_images(), _TIDYING_SECONDS)]):
        yield


def _sampler(container: HttpContainer, metrics: Metrics) -> RecallSampler:
    settings = container.settings()
    return RecallSampler(
        container.check_recall,
        metrics,
        share=settings.recall_sample,
        floor=settings.recall_floor,
        ef=settings.search_ef,
    )


def _question_replies(
    container: HttpContainer, metrics: Metrics, streams: OpenStreams, sampler: RecallSampler
) -> QuestionReplies:
    return QuestionReplies(
        container.answer_question(),
        metrics,
        make_standalone=container.make_standalone(),
        streams=AnswerStreams(streams, metrics),
        has_model=container.settings().llm_backend != "disabled",
        sampler=sampler,
        cache_replies=container.cache_replies() if container.settings().cache_results else None,
    )


def _dependencies(
    container: HttpContainer, metrics: Metrics, streams: OpenStreams, replies: Callable[[], QuestionReplies]
) -> dict[str, Provide]:
    """By the name of the handlers' parameters. Made at the first request, when everything is open."""

    def upload_reader() -> UploadReader:
        return UploadReader(
            admit_upload=container.admit_upload(),
            receive_content=container.receive_content(),
            unlock_content=container.unlock_content(),
            blobs=container.blobs(),
            max_bytes=container.settings().max_upload_bytes,
            metrics=metrics,
        )

    def document_events() -> DocumentEvents:
        return DocumentEvents(
            get_document=container.get_document(),
            follow_document=container.follow_document(),
            streams=streams,
            open_streams=metrics.open_event_streams,
        )

    def recall_measurement() -> RecallMeasurement:
        settings = container.settings()
        return RecallMeasurement(
            container.measure_recall(), floor=settings.recall_floor, ef=settings.search_ef
        )

    made: dict[str, Callable[[], Any]] = {
        "answer_question": replies,
        "cancel_document": lambda: container.cancel_document(),
        "citation_verifier": lambda: container.verify_citations(),
        "delete_document": lambda: container.delete_document(),
        "document_events": document_events,
        "draw_page": lambda: container.draw_page(),
        "get_document": lambda: container.get_document(),
        "list_documents": lambda: container.list_documents(),
        "read_chunks": lambda: container.read_chunks(),
        "read_content": lambda: container.read_content(),
        "read_text": lambda: container.read_text(),
        "read_upload": upload_reader,
        "recall_measurement": recall_measurement,
        "readiness": lambda: ReadinessProbes(container.probes()),
        "retry_document": lambda: container.retry_document(),
        "submit_document": lambda: container.submit_document(),
    }
    return {name: Provide(make, use_cache=True, sync_to_thread=False) for name, make in made.items()}
