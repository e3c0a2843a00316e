"""`waybill`: run it, look into it."""
