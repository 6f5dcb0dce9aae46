"""`uploads.received`: the gateway has stored the bytes of a document and says where, or is asked to delete one."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.base import Event, ObjectPath, Operation


class UploadReceived(Event):
    """Keyed by document_id. `base` plus its offset is the document's version, its timestamp `received_at`. The base
    grows with each incarnation of the topic (`shared.contracts.topics`), whose offsets begin again.

    A deletion describes the content that was the newest when it was asked for, and names the `objects` to be removed:
    those of all versions before it.
    """

    document_id: str
    company_id: str
    operation: Operation = Operation.PUT
    s3_path: ObjectPath
    filename: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0)
    declared_media_type: str | None = None
    name: str | None = None
    objects: tuple[ObjectPath, ...] = ()
    base: int = Field(default=0, ge=0)
