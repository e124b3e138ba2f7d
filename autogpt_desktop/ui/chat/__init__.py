"""The parts of the Chat panel."""
