"""What Citewell does: one class per use case, made of ports alone."""

from citewell.usecases.admit import AdmitUpload
from citewell.usecases.answer import AnswerQuestion, Searching
from citewell.usecases.contents import CollectContents
from citewell.usecases.control import CancelDocument, RetryDocument
from citewell.usecases.delete import DeleteDocument
from citewell.usecases.draw import MAX_SCALE, MIN_SCALE, DrawPage, ForgetImages, PageImage
from citewell.usecases.follow import FollowDocument
from citewell.usecases.index import EncodeChunks, IndexChunks
from citewell.usecases.ingest import IngestDocument, IngestPolicy
from citewell.usecases.rankings import SearchDefaults
from citewell.usecases.reading import GetDocument, ListDocuments, ReadChunks, ReadContent, ReadText
from citewell.usecases.recall import MAX_RECALL_QUESTIONS, CheckRecall, MeasureRecall
from citewell.usecases.recover import AnnounceDueJobs, ExpireUploads, ForgetHistory
from citewell.usecases.results import CacheReplies
from citewell.usecases.search import MAX_QUESTION_CHARACTERS, MAX_TOP_K, LexicalLeg, Search
from citewell.usecases.select import MAX_RERANK_DEPTH, RerankStage
from citewell.usecases.stage import StageRevision
from citewell.usecases.standalone import MAX_TURNS, MakeStandalone, StandaloneQuestion
from citewell.usecases.submit import ReceiveContent, SubmitDocument
from citewell.usecases.unlock import UnlockContent
from citewell.usecases.verify import MAX_QUOTATIONS, MAX_QUOTE_CHARACTERS, VerifyCitations

__all__ = [
    "MAX_QUESTION_CHARACTERS",
    "MAX_QUOTATIONS",
    "MAX_QUOTE_CHARACTERS",
    "MAX_RECALL_QUESTIONS",
    "MAX_RERANK_DEPTH",
    "MAX_SCALE",
    "MAX_TOP_K",
    "MAX_TURNS",
    "MIN_SCALE",
    "AdmitUpload",
    "AnnounceDueJobs",
    "AnswerQuestion",
    "CacheReplies",
    "CancelDocument",
    "CheckRecall",
    "CollectContents",
    "DeleteDocument",
    "DrawPage",
    "EncodeChunks",
    "ExpireUploads",
    "FollowDocument",
    "ForgetHistory",
    "ForgetImages",
    "GetDocument",
    "IndexChunks",
    "IngestDocument",
    "IngestPolicy",
    "LexicalLeg",
    "ListDocuments",
    "MakeStandalone",
    "MeasureRecall",
    "PageImage",
    "ReadChunks",
    "ReadContent",
    "ReadText",
    "ReceiveContent",
    "RerankStage",
    "RetryDocument",
    "Search",
    "SearchDefaults",
    "Searching",
    "StageRevision",
    "StandaloneQuestion",
    "SubmitDocument",
    "UnlockContent",
    "VerifyCitations",
]
