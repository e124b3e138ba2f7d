"""``autogpt-desktop bench --window``: the real window, typed into by key events, in a home of its own.

``run`` starts ``measure`` as a process, so that the time to the first paint counts from the very start;
``streams`` are the answers that a script says there, one for each kind of block that may become long.
"""
