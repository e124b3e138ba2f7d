"""How fast the server is for many clients at once, against one alone: ``autogpt-desktop bench serve``."""
