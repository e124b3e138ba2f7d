"""``autogpt-desktop bench``: how fast an installed model runs here, beside named peers in the same run.

All engines have the same file, the same number of threads and the same tokens. Their repetitions
alternate, and the median counts: these figures mean something as ratios only.

``--json`` prints one object:

===================  ==================================================================================
model, device        file name; "cpu", "cuda", "mps"; device_name: the processor or card
threads, machine     machine: processor and number of cores
prompt_tokens, new_tokens, repeat, file_mb          what was asked for, and the size of the model
load_s               first load: nothing packed on disk, the file in the system's cache
second_load_s        the next one, from what the first left on disk
prefill_tps          tokens/s of reading the prompt, its last token's logits included
decode_tps           tokens/s of choosing new tokens one by one behind it
stream_tps, generate_tps  the same through ``Engine.stream``, as the panels use it, and
                     ``AutoModel.generate``; both may guess ahead
batch16_tps          tokens/s of all sequences of a batch of 16 together; others as asked for
prefill_gops, decode_gops, batch16_gops  10⁹ operations/s, two to a multiply-add: ``bench.speed.flops``
batch16_share        batch16_gops / prefill_gops
bandwidth_gbps       10⁹ bytes/s that as many threads read from memory: ``bench.bandwidth``
bytes_per_token      packed bytes of layers and head, which every token reads
decode_share         bytes_per_token · decode_tps / bandwidth
weights_mb, weights_to_file  what the weights take in memory, also as a share of the file
peak_rss_mb          largest resident memory of a process that loads the model and reads 512 tokens
memory               its parts: ``bench.memory``; own_to_file: the larger own peak / file. Or null
contexts             {context: {prefill_tps, decode_tps}} as asked for
load_average         before the runs; or null
noise                runs in which another process took part of a core: [{run, process, cpu, steal}]
peers                [{name, version, and the figures above that the peer has, ratios: ours / the peer's}];
                     of ``llama-cpp-python:best`` files: which file each figure comes from
===================  ==================================================================================
"""
