"""Where resources/ and models/ go in a wheel; everything else is in pyproject.toml.

They lie beside the package in the checkout and inside it in a wheel (``paths.py`` looks in both).
"""

from setuptools import find_packages, setup

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
        "autogpt_desktop._models": ["catalog.toml"],
    },
)
