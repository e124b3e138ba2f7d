"""The figures for people: ours, each peer's, and how they compare."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from autogpt_desktop.i18n import tr


def table(result: dict[str, Any]) -> str:
    """Lines of text from what ``--json`` prints."""
    peers = result["peers"]
    head = ["", "autogpt-desktop"]
    for peer in peers:
        head += [f"{peer['name']} {peer['version']}", tr("ratio")]
    rows = [head]
    for key, label in _rows(result):
        row = [label, f"{result[key]:.2f}"]
        for peer in peers:
            row += _cells(peer, key)
        rows.append(row)
    for context, own in result["contexts"].items():
        row = [tr("decode behind {n} tokens, tokens/s", n=context), f"{own['decode_tps']:.2f}"]
        for peer in peers:
            other = peer["contexts"].get(context)
            ratio = f"{own['decode_tps'] / other['decode_tps']:.2f}" if other else "-"
            row += [f"{other['decode_tps']:.2f}" if other else "-", ratio]
        rows.append(row)
    title = tr(
        "{model} on {device}, {threads} threads; prompt of {prompt} tokens, {new} new ones, "
        "median of {repeat}",
        model=result["model"],
        device=result["device_name"],
        threads=result["threads"],
        prompt=result["prompt_tokens"],
        new=result["new_tokens"],
        repeat=result["repeat"],
    )
    return "\n".join([title, "", *_aligned(rows), "", *_notes(result)])


def _rows(result: dict[str, Any]) -> list[tuple[str, str]]:
    batches = sorted(
        int(key.removeprefix("batch").removesuffix("_tps"))
        for key in result
        if key.startswith("batch") and key.endswith("_tps")
    )
    return [
        ("load_s", tr("first load, s")),
        ("second_load_s", tr("second load, s")),
        ("prefill_tps", tr("prefill, tokens/s")),
        ("decode_tps", tr("decode, tokens/s")),
        *((f"batch{n}_tps", tr("{n} sequences together, tokens/s", n=n)) for n in batches),
        ("stream_tps", tr("decode as in the panels, tokens/s")),
        ("generate_tps", tr("decode by AutoModel.generate, tokens/s")),
    ]


def _cells(peer: dict[str, Any], key: str) -> list[str]:
    if key not in peer:
        return ["-", "-"]
    file = peer.get("files", {}).get(key, "")
    return [f"{peer[key]:.2f} {file}".rstrip(), f"{peer['ratios'][key]:.2f}"]


def _notes(result: dict[str, Any]) -> list[str]:
    lines = [
        tr(
            "Decoding reads {bytes:.0f} MB a token at {rate:.1f} GB/s: {share:.0f} % of the {limit:.1f} GB/s "
            "that the memory gives.",
            bytes=result["bytes_per_token"] / 1e6,
            rate=result["bytes_per_token"] * result["decode_tps"] / 1e9,
            share=100 * result["decode_share"],
            limit=result["bandwidth_gbps"],
        ),
        tr(
            "Arithmetic: prefill {prefill:.0f}, decode {decode:.0f}, 16 together {batch:.0f} GOPS, which is "
            "{share:.0f} % of the prefill's.",
            prefill=result["prefill_gops"],
            decode=result["decode_gops"],
            batch=result["batch16_gops"],
            share=100 * result["batch16_share"],
        ),
        tr(
            "Weights: {weights:.0f} MB in memory for a file of {file:.0f} MB ({ratio:.2f} ×).",
            weights=result["weights_mb"],
            file=result["file_mb"],
            ratio=result["weights_to_file"],
        ),
    ]
    if memory := result["memory"]:
        lines.append(
            tr(
                "Peak memory: {own:.0f} MB of its own, {second:.0f} MB after the second load ({ratio:.2f} × "
                "the file at most), beside Python and torch {base:.0f}, tokenizer {tokenizer:.0f}, KV cache "
                "{cache:.0f}; in all {peak:.0f} MB.",
                own=memory["own_peak_mb"],
                second=memory["second_own_peak_mb"],
                ratio=memory["own_to_file"],
                base=memory["python_torch_mb"],
                tokenizer=memory["tokenizer_mb"],
                cache=memory["kv_cache_mb"],
                peak=result["peak_rss_mb"],
            )
        )
    if result["load_average"] is not None:
        lines.append(tr("Load average before the runs: {load:.1f}.", load=result["load_average"]))
    if result["noise"]:
        worst = max(result["noise"], key=lambda noise: noise["cpu"] + noise["steal"])
        lines.append(
            tr(
                "Noisy: {count} runs were disturbed; worst, run {run}: {process} used {cpu:.0f} % of a core, "
                "and the host kept back {steal:.0f} %.",
                count=len(result["noise"]),
                run=worst["run"],
                process=worst["process"],
                cpu=100 * worst["cpu"],
                steal=100 * worst["steal"],
            )
        )
    return lines


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for label, *cells in rows:
        line = label + " " * (widths[0] - display_width(label))
        for cell, width in zip(cells, widths[1:], strict=True):
            line += "  " + " " * (width - display_width(cell)) + cell
        lines.append(line.rstrip())
    return lines


def display_width(text: str) -> int:
    """Columns of a terminal: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
