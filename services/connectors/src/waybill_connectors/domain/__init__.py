"""What a connection lets in, and one module for each platform's words."""
