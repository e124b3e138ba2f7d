"""Loads models and runs them; knows nothing of windows, tasks or files beyond its own."""

import os

# torch's threads wait for each other some hundred times a token. Spinning meanwhile, the default, is a
# little quicker on an idle machine and up to ten times slower as soon as another program, or our own
# window, wants a core. Read when the OpenMP library is loaded, so it must be set before torch is.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
