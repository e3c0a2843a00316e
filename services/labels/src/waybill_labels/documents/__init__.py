"""Documents: packing slips and labels, as PDF and for label printers."""

from waybill_labels.documents.labels import Size, label, zpl
from waybill_labels.documents.setting import Page, pdf
from waybill_labels.documents.slips import slip

__all__ = ["Page", "Size", "label", "pdf", "slip", "zpl"]
