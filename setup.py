"""Where resources/ and models/ go in a wheel, and the compiled back end; the rest is in pyproject.toml.

Both folders lie beside the package in the checkout and inside it in a wheel (``paths.py`` looks in both).
The compiled back end is optional: without a C++ compiler the install goes on and the CPU runs on torch.
"""

import hashlib
import shutil
import sys
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

NATIVE = "autogpt_desktop/engine/native"
HEADERS = sorted(Path(__file__).parent.glob(f"{NATIVE}/*.h"))


def sources_digest():
    """What the library says it was built from; packaging/bootstrap.py counts the same."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent / NATIVE
    for path in sorted([*folder.glob("*.h"), *folder.glob("*.cpp")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_current(library):
    """Whether a library is of these sources and not older than the flags below."""
    return (
        library.is_file()
        and library.stat().st_mtime >= Path(__file__).stat().st_mtime
        and f"sha256_{sources_digest()}".encode() in library.read_bytes()
    )


class BuildNative(build_ext):
    """Flags by compiler; no -march: the kernels choose by what the processor has when they run."""

    def build_extension(self, ext):
        built = Path(__file__).parent / NATIVE / Path(self.get_ext_filename(ext.name)).name
        if not self.force and is_current(built):  # built in place before, as set-up does beside its downloads
            target = Path(self.get_ext_fullpath(ext.name))
            if not (target.exists() and target.samefile(built)):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(built, target)
            return
        if self.compiler.compiler_type == "msvc":
            ext.extra_compile_args = ["/O2", "/std:c++17", "/EHsc"]
        else:
            # a contracted multiply-add would make results depend on how a loop was compiled
            ext.extra_compile_args = [
                "-O3",
                "-std=c++17",
                "-pthread",
                "-ffp-contract=off",
                "-fvisibility=hidden",
            ]
            ext.extra_link_args = ["-pthread"] + (["-s"] if sys.platform.startswith("linux") else [])
        super().build_extension(ext)


setup(
    packages=[
        *find_packages(include=["autogpt_desktop", "autogpt_desktop.*"]),
        "autogpt_desktop._resources",
        "autogpt_desktop._models",
    ],
    package_dir={"autogpt_desktop._resources": "resources", "autogpt_desktop._models": "models"},
    package_data={
        "autogpt_desktop": ["py.typed"],
        "autogpt_desktop._resources": ["*", "**/*"],
        "autogpt_desktop._models": ["catalog.toml", "packs.toml"],
    },
    ext_modules=[
        Extension(
            "autogpt_desktop.engine.native._native",
            [f"{NATIVE}/{name}.cpp" for name in ("native", "native_seq2seq", "native_train")],
            depends=["setup.py", *(f"{NATIVE}/{path.name}" for path in HEADERS)],
            define_macros=[("NATIVE_SOURCES", f"sha256_{sources_digest()}")],
            language="c++",
            optional=True,
        )
    ],
    cmdclass={"build_ext": BuildNative},
)
