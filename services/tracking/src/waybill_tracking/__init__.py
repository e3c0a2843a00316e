"""Numbers, their carriers, and where to follow them."""
