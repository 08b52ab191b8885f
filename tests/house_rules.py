"""House rules that no linter knows; ``make lint`` runs this.

No module over 300 lines, no function over 40, no modules that import one another in a circle, and
public functions that take or give arrays say their shape or their unit.
"""

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "tasks", "vkflow", "warehouse")
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 300, 40
ARRAYS = re.compile(r"\b(NDArray|ndarray|Floats|Matrix|Integers|Tensor)\b")
SHAPES = re.compile(r"\bshapes?\b|\(\w+,( \w+,?)*\)", re.IGNORECASE)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def main() -> int:
    """Print what breaks a rule; 0 if nothing does."""
    broken = [*_sizes(), *_shapes(), *_circles()]
    sys.stdout.writelines(f"{line}\n" for line in broken)
    return 1 if broken else 0


def _modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def _functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def _public(path: Path) -> Iterator[Function]:
    """Functions of the module and methods of its classes, as far as their names are public."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    bodies = [module.body, *(one.body for one in classes if not one.name.startswith("_"))]
    for node in (node for body in bodies for node in body):
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield node


def _sizes() -> Iterator[str]:
    for path in _modules():
        place, n_lines = path.relative_to(ROOT), len(path.read_text("utf-8").splitlines())
        if n_lines > MAX_MODULE_LINES:
            yield f"{place}: {n_lines} lines, at most {MAX_MODULE_LINES}"
        for function in _functions(path):
            n_lines = (function.end_lineno or 0) - function.lineno + 1 - _docstring(function)
            if n_lines > MAX_FUNCTION_LINES:
                yield (
                    f"{place}:{function.lineno}: {function.name} has {n_lines} lines without its "
                    f"docstring, at most {MAX_FUNCTION_LINES}"
                )


def _docstring(function: Function) -> int:
    first = function.body[0]
    if ast.get_docstring(function) is None:
        return 0
    return (first.end_lineno or 0) - first.lineno + 1


def _shapes() -> Iterator[str]:
    for path in _modules():
        for function in _public(path):
            arguments = function.args
            annotations = [
                each.annotation
                for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
            ]
            typed = " ".join(ast.unparse(each) for each in (*annotations, function.returns) if each)
            documented = ast.get_docstring(function) or ""
            if ARRAYS.search(typed) and not SHAPES.search(documented):
                place = f"{path.relative_to(ROOT)}:{function.lineno}"
                yield f"{place}: {function.name} takes or gives arrays and says no shape"


def _circles() -> Iterator[str]:
    graph = grimp.build_graph(*PACKAGES)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        yield f"a circle of imports: {' <- '.join(error.args[1])}"


if __name__ == "__main__":
    sys.exit(main())
