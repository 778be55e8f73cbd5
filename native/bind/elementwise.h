// The part of the extension module that does things value by value.
#pragma once

#include <nanobind/nanobind.h>

namespace recurra {

void bind_elementwise(nanobind::module_& m);

}  // namespace recurra
