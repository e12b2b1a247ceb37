"""What Citewell does: one class per use case, made of ports alone."""

from citewell.usecases.answer import AnswerQuestion
from citewell.usecases.delete import DeleteDocument
from citewell.usecases.index import IndexChunks
from citewell.usecases.ingest import IngestDocument, IngestPolicy
from citewell.usecases.reading import GetDocument, ListDocuments, ReadChunks, ReadContent, ReadText
from citewell.usecases.recover import AnnounceDueJobs
from citewell.usecases.search import MAX_QUESTION_CHARACTERS, MAX_TOP_K, Search
from citewell.usecases.stage import StageRevision
from citewell.usecases.submit import ReceiveContent, SubmitDocument

__all__ = [
    "MAX_QUESTION_CHARACTERS",
    "MAX_TOP_K",
    "AnnounceDueJobs",
    "AnswerQuestion",
    "DeleteDocument",
    "GetDocument",
    "IndexChunks",
    "IngestDocument",
    "IngestPolicy",
    "ListDocuments",
    "ReadChunks",
    "ReadContent",
    "ReadText",
    "ReceiveContent",
    "Search",
    "StageRevision",
    "SubmitDocument",
]
