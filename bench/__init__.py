"""How fast Waybill is, measured on the servers and processes that it runs with."""
