"""A database and a broker that need nothing installed: for `make up`, for tests, for one laptop."""
