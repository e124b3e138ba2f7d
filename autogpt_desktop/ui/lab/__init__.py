"""The Lab panel: models are trained on the user's own text, and looked into."""
