"""What a brand sees and does: a projection of every order, pages, and a JSON API."""
