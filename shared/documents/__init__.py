"""What became of a document: the fold of its `documents.status` records, made by db_writer for MongoDB and by the
gateway for what MongoDB doesn't have yet.

`model` is what is known of a document, `merging` how two accounts of each part of it become one, `folding` adds one
more status, `events` is what a known document comes to as a new upload.
"""

from shared.documents.events import content_of, deletion_of
from shared.documents.folding import about, fold
from shared.documents.model import FACTS, FINAL, Document, Edition, Held, Moment, rank

__all__ = [
    "FACTS",
    "FINAL",
    "Document",
    "Edition",
    "Held",
    "Moment",
    "about",
    "content_of",
    "deletion_of",
    "fold",
    "rank",
]
