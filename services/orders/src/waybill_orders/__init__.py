"""Sales become orders, one for each brand."""
