"""The parts of the Sentiment panel."""
