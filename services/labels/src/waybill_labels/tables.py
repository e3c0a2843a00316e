"""Tables of labels."""

from typing import Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = MetaData()

slips: Final = Table(
    "slips",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("brand_id", Uuid, nullable=False),
    Column("reference", Text, nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("shipping_method", Text, nullable=False),
    Column("lines", JSONB, nullable=False),
    Column("gift", Boolean, nullable=False, server_default=false()),
    Column("language", Text, nullable=False, server_default=""),
    Index("slips_by_reference", text("lower(reference)")),
)
"""What each order holds."""

parcels: Final = Table(
    "parcels",
    metadata,
    Column("parcel_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("brand_id", Uuid, nullable=False),
    Column("number", Integer, CheckConstraint("number >= 1"), nullable=False),
    Column("place", Text, nullable=False),
    Column("units", JSONB, nullable=False),
    Column("shipping", Text, nullable=False),
    Column("recipient_version", Integer),
    Column("wish", JSONB, nullable=False),
    UniqueConstraint("order_id", "number"),
)
"""What is packed, or was."""

returns: Final = Table(
    "returns",
    metadata,
    Column("return_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("brand_id", Uuid, nullable=False),
    Column("number", Integer, CheckConstraint("number >= 1"), nullable=False),
    Column("place", Text, nullable=False),
    Column("units", JSONB, nullable=False),
    UniqueConstraint("order_id", "number"),
)
"""What customers send back."""

_OPEN: Final = "state IN ('wanted', 'asked', 'voiding', 'voided')"
labels: Final = Table(
    "labels",
    metadata,
    Column("label_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("brand_id", Uuid, nullable=False),
    Column("parcel_id", Uuid, nullable=False),
    Column("purchase", Integer, CheckConstraint("purchase >= 1"), nullable=False),
    Column("state", Text, nullable=False),
    Column("wish", JSONB, nullable=False),
    Column("void_why", Text, nullable=False),
    Column("offer", JSONB(none_as_null=True)),
    Column("shipment", JSONB(none_as_null=True)),
    Column("sale", JSONB(none_as_null=True)),
    Column("purchased_at", DateTime(timezone=True)),
    Column("void_asked_at", DateTime(timezone=True)),
    Column("voided_at", DateTime(timezone=True)),
    Column("settled_at", DateTime(timezone=True)),
    Column("code", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("exception_id", Uuid),
    Column("manifest_id", Uuid),
    Column("claimed", Text, nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("unanswered", Integer, nullable=False, server_default="0"),
    Column("next_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("parcel_id", "purchase"),
    CheckConstraint("state NOT IN ('bought', 'voiding', 'voided', 'refunded', 'kept') OR sale IS NOT NULL"),
    CheckConstraint("state <> 'asked' OR offer IS NOT NULL"),
    Index(
        "one_label_a_parcel",
        "parcel_id",
        unique=True,
        postgresql_where="state IN ('wanted', 'asked', 'bought') AND void_why = ''",
    ),
    Index("labels_by_order", "order_id"),
    Index("labels_by_number", text("lower(sale ->> 'tracking_number')")),
    Index("labels_due", "next_at", postgresql_where=_OPEN),
    Index("labels_changed", "label_id", postgresql_where=f"{_OPEN} AND claimed <> state"),
    Index("labels_by_money", "state", "purchased_at", "label_id", postgresql_where="purchased_at IS NOT NULL"),
    Index("labels_by_manifest", "manifest_id", postgresql_where="manifest_id IS NOT NULL"),
    Index("labels_to_hand_over", "brand_id", postgresql_where="state = 'bought' AND manifest_id IS NULL"),
)
"""Every label that was ever wanted, and how far it has come.

Who works on one has `claimed` it in a state, and until `next_at` nobody else does; one that has come into another state
since is due at once.
"""

recipients: Final = Table(
    "recipients",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("brand_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("recipient", JSONB, nullable=False),
)
"""The newest version of who receives each order."""

brands: Final = Table(
    "brands",
    metadata,
    Column("brand_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("brand", JSONB, nullable=False),
)
"""The newest settings of each brand."""

documents: Final = Table(
    "documents",
    metadata,
    Column("brand_id", Uuid, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("kept_until", DateTime(timezone=True), nullable=False),
    Index("documents_by_end", "kept_until"),
)
"""Documents by their SHA-256, in hexadecimal digits, until their time is over."""

document_orders: Final = Table(
    "document_orders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("brand_id", Uuid, primary_key=True),
    Column("digest", Text, primary_key=True),
    ForeignKeyConstraint(["brand_id", "digest"], ["documents.brand_id", "documents.digest"], ondelete="CASCADE"),
    Index("document_orders_by_document", "brand_id", "digest"),
)
"""Whose people stand on a document: it goes when one of them is erased."""

batches: Final = Table(
    "batches",
    metadata,
    Column("batch_id", Uuid, primary_key=True),
    Column("brand_id", Uuid, nullable=False),
    Column("prints", Text, nullable=False),
    Column("sort", Text, nullable=False),
    Column("size", Text, nullable=False),
    Column("copy", Integer, CheckConstraint("copy >= 1"), nullable=False),
    Column("again_of", Uuid),
    Column("asked", LargeBinary, nullable=False),
    Column("jobs", JSONB, nullable=False),
    Column("failures", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("done", Integer, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("digest", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("batches_due", "next_at", postgresql_where="state <> 'done'"),
    Index("batches_newest", "brand_id", "created_at"),
    Index("batches_by_failures", "failures", postgresql_using="gin", postgresql_ops={"failures": "jsonb_path_ops"}),
)
"""What is printed of many parcels at once: `waiting` until all their labels are there, `printing`, then `done`.

`copy` counts how often the same was printed.
"""

manifests: Final = Table(
    "manifests",
    metadata,
    Column("manifest_id", Uuid, primary_key=True),
    Column("brand_id", Uuid, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("number", Text, nullable=False, server_default=""),
    Column("words", Text, nullable=False, server_default=""),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("manifests_due", "next_at", postgresql_where="state = 'asked'"),
)
"""Lists of what a carrier takes with it: `asked` until it has said so, then `closed`, or `refused` with its words."""
