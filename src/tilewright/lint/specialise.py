"""Evaluate wrappers over the dtypes that inputs can have, to learn what each launch passes to its kernel.

The evaluation is small on purpose: it knows constants, dtypes and tensors' dtypes, walks both sides of a branch that
it cannot decide, and says ``UNKNOWN`` for everything else. A rule may trust what it says and nothing more.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import libcst as cst

from tilewright.lint.model import FileModel, Kernel, LaunchSite
from tilewright.lint.tree import UNKNOWN, assigned_names, dotted, keywords, literal, statements, target_names
from tilewright.lint.values import (
    FLOATS,
    TORCH_DTYPES,
    DType,
    HostTensor,
    binary,
    compare,
    logic,
    next_power_of_2,
    same,
    truth,
)
from tilewright.records.launch import ConstexprArgument, TensorArgument

INPUT_DTYPES = ("fp32", "fp16", "bf16", "fp64")
_DEPTH = 6
_CONFIG_LIMIT = 32

Environment = dict[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class Specialisation:
    """What one launch passes, as far as it is known."""

    kernel: Kernel
    site: LaunchSite | None
    """``None`` for a captured launch and for a kernel that is never launched in the file."""
    dtype: str | None
    """The dtype that the inputs were taken to have."""
    constants: Mapping[str, object]
    """Values of constexpr parameters; one that is absent is not known."""
    dtypes: Mapping[str, str]
    """Element dtypes of pointer parameters, as far as they are known."""
    captured: bool = False


def specialisations(file: FileModel) -> tuple[Specialisation, ...]:
    """Return every launch with its constants, once for each input dtype; captured launches come last."""
    found: dict[tuple[object, ...], Specialisation] = {}
    for dtype in INPUT_DTYPES:
        evaluator = _Evaluator(file, dtype)
        evaluator.run()
        for item in evaluator.found:
            key = (
                item.kernel.name,
                item.site,
                dtype,
                repr(sorted(item.constants.items())),
                repr(sorted(item.dtypes.items())),
            )
            found.setdefault(key, item)
    launched = {item.kernel.name for item in found.values()}
    helpers = {helper.name for kernel in file.kernels.values() for helper in file.reached_kernels(kernel)[1:]}
    for kernel in file.kernels.values():
        if kernel.name not in launched | helpers:
            item = Specialisation(kernel, None, None, {}, {})
            found[(kernel.name,)] = item
    return (*found.values(), *_captured(file))


def _captured(file: FileModel) -> tuple[Specialisation, ...]:
    found = []
    for launch in file.captured:
        kernel = file.kernels.get(launch.kernel)
        if kernel is not None:
            constants = {item.parameter: item.value for item in launch.arguments if isinstance(item, ConstexprArgument)}
            dtypes = {item.parameter: item.dtype for item in launch.arguments if isinstance(item, TensorArgument)}
            found.append(Specialisation(kernel, None, None, constants, dtypes, captured=True))
    return tuple(found)


class _Evaluator:
    """Walks host functions with inputs of one dtype and notes the launches it comes by."""

    def __init__(self, file: FileModel, dtype: str) -> None:
        self.file = file
        self.dtype = dtype
        self.found: list[Specialisation] = []
        self.sites = {site.node: site for site in file.launches}
        self.stack: list[cst.FunctionDef] = []
        self.globals = self._globals()

    def run(self) -> None:
        """Start from ModelNew.forward; a function with a launch that it does not get to is walked by itself."""
        model = self.file.model_new
        forward = self.file.methods(model).get("forward") if model is not None else None
        seen: set[cst.FunctionDef] = set()
        roots = [forward] if forward is not None else []
        roots += [site.function for site in self.file.launches if site.function is not None]
        for function in roots:
            if function not in seen and not any(item.site and item.site.function is function for item in self.found):
                seen.add(function)
                self._call(function, {}, ())

    def _globals(self) -> Environment:
        found: Environment = {}
        for node in self.file.top:
            if isinstance(node, cst.Assign):
                for target in node.targets:
                    for name in target_names(target.target):
                        known = isinstance(target.target, cst.Name) and name not in found
                        found[name] = literal(node.value) if known else UNKNOWN
        return found

    def _call(self, function: cst.FunctionDef, named: Mapping[str, object], positional: tuple[object, ...]) -> object:
        if function in self.stack or len(self.stack) > _DEPTH:
            return UNKNOWN
        env: Environment = {}
        params = [*function.params.params, *function.params.kwonly_params]
        for index, param in enumerate(params):
            name = param.name.value
            if name in named:
                env[name] = named[name]
            elif index < len(positional):
                env[name] = positional[index]
            else:
                env[name] = self._parameter(param, bool(named or positional))
        self.stack.append(function)
        returned: list[object] = []
        self._block(statements(function.body), env, returned)
        self.stack.pop()
        return returned[0] if returned and all(same(returned[0], item) for item in returned) else UNKNOWN

    def _parameter(self, param: cst.Param, called: bool) -> object:
        if param.name.value == "self":
            return UNKNOWN
        if param.default is not None:
            return literal(param.default) if called else UNKNOWN
        annotation = self.file.resolve(param.annotation.annotation) if param.annotation is not None else ""
        return HostTensor(self.dtype) if annotation in ("", "torch.Tensor") and not called else UNKNOWN

    def _block(self, body: tuple[cst.CSTNode, ...], env: Environment, returned: list[object]) -> bool:
        """Walk statements; return ``False`` when the path ends in ``return`` or ``raise``."""
        for node in body:
            if isinstance(node, cst.Return):
                returned.append(self.value(node.value, env) if node.value is not None else None)
                return False
            if isinstance(node, (cst.Raise, cst.Break, cst.Continue)):
                return False
            if isinstance(node, cst.Assert):
                if truth(self.value(node.test, env)) is False:
                    return False
            elif isinstance(node, cst.If):
                if not self._branch(node, env, returned):
                    return False
            else:
                self._statement(node, env, returned)
        return True

    def _statement(self, node: cst.CSTNode, env: Environment, returned: list[object]) -> None:
        if isinstance(node, cst.Assign):
            value = self.value(node.value, env)
            for target in node.targets:
                self._bind(target.target, value, env)
        elif isinstance(node, cst.AnnAssign) and node.value is not None:
            self._bind(node.target, self.value(node.value, env), env)
        elif isinstance(node, (cst.For, cst.While)):
            env.update(dict.fromkeys(assigned_names(node), UNKNOWN))
            inner = dict(env)
            self._block(statements(node.body), inner, returned)
        elif isinstance(node, (cst.With, cst.Try)):
            self._block(statements(node.body), env, returned)
            env.update(dict.fromkeys(assigned_names(node), UNKNOWN))
        elif isinstance(node, cst.Expr):
            self.value(node.value, env)
        else:
            env.update(dict.fromkeys(assigned_names(node), UNKNOWN))

    def _bind(self, target: cst.BaseExpression, value: object, env: Environment) -> None:
        names = target_names(target)
        if (
            isinstance(target, (cst.Tuple, cst.List))
            and isinstance(value, tuple)
            and len(value) == len(target.elements)
        ):
            for item, part in zip(target.elements, value, strict=True):
                self._bind(item.value, part, env)
        else:
            env.update(dict.fromkeys(names, value if isinstance(target, cst.Name) else UNKNOWN))

    def _branch(self, node: cst.If, env: Environment, returned: list[object]) -> bool:
        decided = truth(self.value(node.test, env))
        orelse: tuple[cst.CSTNode, ...] = ()
        if isinstance(node.orelse, cst.If):
            orelse = (node.orelse,)
        elif isinstance(node.orelse, cst.Else):
            orelse = statements(node.orelse.body)
        if decided is not None:
            return self._block(statements(node.body) if decided else orelse, env, returned)
        left, right = dict(env), dict(env)
        goes_on = [
            side for side, body in ((left, statements(node.body)), (right, orelse)) if self._block(body, side, returned)
        ]
        if not goes_on:
            return False
        for name in {name for side in goes_on for name in side}:
            values = [side.get(name, UNKNOWN) for side in goes_on]
            env[name] = values[0] if len(values) == 1 or same(*values) else UNKNOWN
        return True

    def value(self, node: cst.BaseExpression, env: Environment) -> object:
        """Return what an expression is worth."""
        if isinstance(node, cst.Name):
            if node.value in ("True", "False", "None"):
                return {"True": True, "False": False, "None": None}[node.value]
            return env.get(node.value, self.globals.get(node.value, UNKNOWN))
        if isinstance(node, cst.Attribute):
            return self._attribute(node, env)
        if isinstance(node, (cst.Tuple, cst.List, cst.Set)):
            return tuple(self.value(item.value, env) for item in node.elements)
        if isinstance(node, cst.BinaryOperation):
            return binary(node.operator, self.value(node.left, env), self.value(node.right, env))
        if isinstance(node, cst.BooleanOperation):
            return logic(node.operator, self.value(node.left, env), self.value(node.right, env))
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
            known = truth(self.value(node.expression, env))
            return UNKNOWN if known is None else not known
        if isinstance(node, cst.Comparison):
            return self._comparison(node, env)
        if isinstance(node, cst.IfExp):
            decided = truth(self.value(node.test, env))
            left, right = self.value(node.body, env), self.value(node.orelse, env)
            if decided is None:
                return left if same(left, right) else UNKNOWN
            return left if decided else right
        if isinstance(node, cst.Call):
            return self._called(node, env)
        return literal(node)

    def _comparison(self, node: cst.Comparison, env: Environment) -> object:
        left, result = self.value(node.left, env), True
        for item in node.comparisons:
            right = self.value(item.comparator, env)
            known = truth(compare(item.operator, left, right))
            if known is None:
                return UNKNOWN
            result, left = result and known, right
        return result

    def _attribute(self, node: cst.Attribute, env: Environment) -> object:
        full = self.file.resolve(node)
        if full.startswith("torch.") and full.removeprefix("torch.") in TORCH_DTYPES:
            return DType(TORCH_DTYPES[full.removeprefix("torch.")])
        base = self.value(node.value, env)
        if isinstance(base, HostTensor):
            if node.attr.value == "dtype" and base.dtype is not None:
                return DType(base.dtype)
            if node.attr.value in ("T", "mT", "data"):
                return base
        return UNKNOWN

    def _called(self, node: cst.Call, env: Environment) -> object:
        site = self.sites.get(node)
        if site is not None:
            self._note(site, env)
            return UNKNOWN
        positional = tuple(self.value(item.value, env) for item in node.args if item.keyword is None)
        named = {name: self.value(item, env) for name, item in keywords(node).items()}
        function = self._function(node)
        if function is not None:
            hidden = any(item.star for item in node.args)
            method = "self" in [param.name.value for param in function.params.params[:1]]
            own = {"self": UNKNOWN} if method else {}
            return UNKNOWN if hidden else self._call(function, own | named, ((UNKNOWN,) if method else ()) + positional)
        full = self.file.resolve(node.func)
        if full == "triton.next_power_of_2" and positional:
            return next_power_of_2(positional[0])
        if full in ("min", "max") and len(positional) > 1 and all(isinstance(item, int) for item in positional):
            return (min if full == "min" else max)(item for item in positional if isinstance(item, int))
        if full == "triton.cdiv" and len(positional) == 2 and all(isinstance(item, int) for item in positional):
            left, right = (item for item in positional if isinstance(item, int))
            return -(-left // right) if right else UNKNOWN
        return self._tensor(node, full, positional, named, env)

    def _function(self, node: cst.Call) -> cst.FunctionDef | None:
        name = dotted(node.func)
        if name.startswith("self.") and self.file.model_new is not None:
            return self.file.methods(self.file.model_new).get(name.removeprefix("self."))
        return self.file.functions.get(name)

    def _tensor(
        self, node: cst.Call, full: str, positional: tuple[object, ...], named: Mapping[str, object], env: Environment
    ) -> object:
        """Return the tensor that a torch function or a tensor's method gives, as far as its dtype is plain."""
        asked = next((item for item in (*named.values(), *positional) if isinstance(item, DType)), None)
        if full.startswith("torch."):
            name = full.removeprefix("torch.")
            if name.endswith("_like") and positional and isinstance(positional[0], HostTensor):
                return (
                    HostTensor(asked.name) if asked else (positional[0] if "dtype" not in named else HostTensor(None))
                )
            if name in ("empty", "zeros", "ones", "full", "empty_strided", "rand", "randn"):
                default = None if "dtype" in named or name == "full" else "fp32"
                return HostTensor(asked.name if asked else default)
            return UNKNOWN
        base = self.value(node.func.value, env) if isinstance(node.func, cst.Attribute) else UNKNOWN
        if not isinstance(node.func, cst.Attribute) or not isinstance(base, HostTensor):
            return UNKNOWN
        method = node.func.attr.value
        if method in ("half", "float", "bfloat16", "double"):
            return HostTensor(TORCH_DTYPES[method])
        if method in ("to", "type", "new_empty", "new_zeros", "new_full"):
            return (
                HostTensor(asked.name)
                if asked
                else (base if "dtype" not in named and method != "to" else HostTensor(None))
            )
        if method in ("contiguous", "view", "reshape", "transpose", "permute", "t", "unsqueeze", "squeeze", "clone",
                      "expand", "flatten", "detach", "cuda", "requires_grad_"):  # fmt: skip
            return base
        if method == "is_floating_point":
            return base.dtype in FLOATS if base.dtype is not None else UNKNOWN
        return UNKNOWN

    def _note(self, site: LaunchSite, env: Environment) -> None:
        """Record a launch, once for each config of its autotuner."""
        kernel = site.kernel
        constants: dict[str, object] = {}
        dtypes: dict[str, str] = {}
        for param in kernel.parameters:
            given = site.arguments.get(param.name)
            if given is None and (param.default is None or not site.complete):
                continue
            value = self.value(given, env) if given is not None else literal(param.default)
            if param.constexpr and value is not UNKNOWN and not isinstance(value, (HostTensor, DType)):
                constants[param.name] = value
            elif isinstance(value, HostTensor) and value.dtype is not None:
                dtypes[param.name] = value.dtype
        for name in kernel.heuristics:
            constants.pop(name, None)
        for config in self._configs(kernel):
            self.found.append(Specialisation(kernel, site, self.dtype, constants | config, dtypes))

    def _configs(self, kernel: Kernel) -> list[dict[str, object]]:
        configs = kernel.autotune.configs if kernel.autotune else None
        tables = []
        for config in itertools.islice(configs or (), _CONFIG_LIMIT):
            values = {name: self.value(node, {}) for name, node in config.values.items()}
            tables.append({name: value for name, value in values.items() if value is not UNKNOWN})
        return tables or [{}]
