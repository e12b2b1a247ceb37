"""Habits that every module keeps."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from tests.architecture.sources import PACKAGES, Module, imported_names, modules

#: Who else touches the environment, and what for.
ENVIRONMENT_READERS = {
    "citewell_adapters.parsing.child": "passes a few harmless names on to the processes that read files",
    "citewell_entrypoints.settings": "the settings",
    "citewell_entrypoints.supervisor.parts": "passes the environment on to the processes it starts",
    "citewell_entrypoints.supervisor.postgres": "passes the environment on to the engine that it starts",
    "citewell_entrypoints.supervisor.parent": "reads what its supervisor handed to it, no setting",
}
ENVIRONMENT_NAMES = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
ENVIRONMENT_PACKAGES = {"dotenv", "pydantic_settings"}

ALL_MODULES = [module for package in PACKAGES for module in modules(package)]


def test_only_the_settings_read_the_environment() -> None:
    """No other module looks at os.environ or loads a .env, save for those named above with their reason."""
    readers = {module.name for module in ALL_MODULES if reads_environment(module.tree)}
    assert readers <= set(ENVIRONMENT_READERS)


def test_only_the_settings_load_settings_from_files() -> None:
    """What reads `.env` files is used in one module."""
    loaders = {
        module.name
        for module in ALL_MODULES
        if any(name.partition(".")[0] in ENVIRONMENT_PACKAGES for name in imported_names(module.tree))
    }
    assert loaders == {"citewell_entrypoints.settings"}


@pytest.mark.parametrize(
    "source", ["import os\nos.environ['A']", "from os import getenv", "import os as o\no.getenv('A')"]
)
def test_a_reader_of_the_environment_is_noticed(source: str) -> None:
    """The rule above sees each way of reading the environment."""
    assert reads_environment(ast.parse(source))


@pytest.mark.parametrize(
    "module", [module for module in ALL_MODULES if module.is_public], ids=lambda m: m.name
)
def test_all_is_sorted_and_lists_what_is_there(module: Module) -> None:
    """`__all__` has constants, classes, then functions, each by the alphabet, and nothing that is absent."""
    exported = exported_names(module.tree)
    if exported is None:
        return
    assert exported == sorted(exported, key=_export_order)
    assert set(exported) <= defined_names(module.tree)


@pytest.mark.parametrize(
    "module",
    [module for module in modules("citewell") if module.is_public],
    ids=lambda module: module.name,
)
def test_every_module_of_the_library_says_what_it_exports(module: Module) -> None:
    """A public module of the core that defines or re-exports public names has an `__all__`."""
    is_package = module.path.name == "__init__.py"
    public = {
        name
        for name in (defined_names(module.tree) if is_package else own_names(module.tree))
        if name[0] != "_"
    }
    assert exported_names(module.tree) is not None or not public - {"annotations"}


def reads_environment(tree: ast.AST) -> bool:
    """Whether the code names anything of `os` that gives or changes environment variables."""
    if any(name in {f"os.{wanted}" for wanted in ENVIRONMENT_NAMES} for name in imported_names(tree)):
        return True
    return any(isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT_NAMES for node in ast.walk(tree))


def exported_names(tree: ast.Module) -> list[str] | None:
    """The strings of `__all__`, or None where there is none."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and "__all__" in _targets(node):
            return [str(name) for name in ast.literal_eval(node.value)]
    return None


def defined_names(tree: ast.Module) -> set[str]:
    """The names that the module's top level binds, imports too."""
    return own_names(tree) | set(_imported_as(tree))


def own_names(tree: ast.Module) -> set[str]:
    """The names that the module's top level binds itself."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            names |= _targets(node)
    return names


def _targets(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _imported_as(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0]


def _export_order(name: str) -> tuple[int, str]:
    if name.isupper():
        return (0, name)
    return (1 if name.lstrip("_")[:1].isupper() else 2, name)
