"""Automated training on the user's own machine: it searches an architecture, trains it, grows it, adapts
installed models. A run is a folder (``lab.runs``) and a process of its own; the window only reads its log."""
