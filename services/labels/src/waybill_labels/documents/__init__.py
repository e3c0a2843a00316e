"""Documents: packing slips, labels and lists, as PDF and for label printers."""

from waybill_labels.documents.converting import PDF, PNG, ZPL, converted
from waybill_labels.documents.labels import label, zpl
from waybill_labels.documents.lists import manifest, pick_list
from waybill_labels.documents.setting import Page, forget, joined, pdf
from waybill_labels.documents.slips import slip

__all__ = [
    "PDF",
    "PNG",
    "ZPL",
    "Page",
    "converted",
    "forget",
    "joined",
    "label",
    "manifest",
    "pdf",
    "pick_list",
    "slip",
    "zpl",
]
