"""The quantity ledger of every order, and every decision about quantities."""
