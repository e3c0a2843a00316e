"""Platforms in and out. A webhook of a commerce platform becomes a sale on `waybill.sales`."""
