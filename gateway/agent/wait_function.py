"""``200 + 8000 * x``: an owner's formula for the wait, read without ever being executed as code.

Numbers, ``x``, ``pi``, ``e``, ``+ - * / ^ **``, brackets, and the functions below, with or without
``Math.`` before them.
"""

import ast
import math
import operator
from collections.abc import Callable

LONGEST_MS = 15_000.0
_LENGTH = 400  # characters; a formula that is longer is none

_OPERATORS: dict[type[ast.operator | ast.unaryop], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "abs": abs, "min": min, "max": max,
    "pow": math.pow, "sin": math.sin, "cos": math.cos, "tanh": math.tanh, "floor": math.floor,
    "ceil": math.ceil, "round": round,
}  # fmt: skip
_NAMES = {"pi": math.pi, "e": math.e, "PI": math.pi, "E": math.e}

Formula = Callable[[float], float]


def wait_function(text: str) -> Formula:
    """The formula: from a probability to milliseconds, 0 to ``LONGEST_MS``. Raises ValueError."""
    if len(text) > _LENGTH:
        raise ValueError(f"is longer than {_LENGTH} characters")
    try:
        tree = ast.parse(text.strip().replace("^", "**").replace("Math.", ""), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"is no formula: {text!r}") from None
    formula = _read(tree)

    def wait_ms(x: float) -> float:
        try:
            value = formula(x)
        except (ArithmeticError, ValueError):
            return LONGEST_MS  # 1/x at 0: as long as can be
        return LONGEST_MS if math.isnan(value) else min(max(value, 0.0), LONGEST_MS)

    return wait_ms


def _read(node: ast.expr) -> Formula:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as value):
            number = _number(value)
            return lambda x: number
        case ast.Name(id="x"):
            return lambda x: x
        case ast.Name(id=name) if name in _NAMES:
            constant = _NAMES[name]
            return lambda x: constant
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            apply, inner = _OPERATORS[type(op)], _read(operand)
            return lambda x: apply(inner(x))
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATORS:
            combine, a, b = _OPERATORS[type(operation)], _read(left), _read(right)
            return lambda x: combine(a(x), b(x))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            function, inputs = _FUNCTIONS[name], [_read(arg) for arg in args]
            _try(function, name, len(inputs))
            return lambda x: function(*(i(x) for i in inputs))
    raise ValueError(f"has something that is no part of a formula: {ast.unparse(node)!r}")


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"has a number that is too large: {value}") from None


def _try(function: Callable[..., float], name: str, count: int) -> None:
    try:
        function(*[1.0] * count)
    except TypeError:
        raise ValueError(f"calls {name} with {count} values") from None
    except ValueError:
        pass
