"""Documents: packing slips and labels, as PDF and for label printers."""

from waybill_labels.documents.labels import Size, labels_pdf, labels_zpl
from waybill_labels.documents.slips import packing_slip

__all__ = ["Size", "labels_pdf", "labels_zpl", "packing_slip"]
