"""Specs: what a forward takes and gives, checked before and after every call."""

from rlmodule_core.specs.any_of import AnyOf
from rlmodule_core.specs.canonical import canonical_spec
from rlmodule_core.specs.compiled import compile_check
from rlmodule_core.specs.decorators import check_input_specs, check_output_specs, forget_specs
from rlmodule_core.specs.spec import Spec, SpecType
from rlmodule_core.specs.spec_dict import SpecDict
from rlmodule_core.specs.switch import spec_checks
from rlmodule_core.specs.tensor_spec import TensorSpec
from rlmodule_core.specs.type_spec import TypeSpec

__all__ = [
    "AnyOf",
    "Spec",
    "SpecDict",
    "SpecType",
    "TensorSpec",
    "TypeSpec",
    "canonical_spec",
    "check_input_specs",
    "check_output_specs",
    "compile_check",
    "forget_specs",
    "spec_checks",
]
