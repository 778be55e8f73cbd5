// The part of the extension module that runs networks one step at a time.
#pragma once

#include <nanobind/nanobind.h>

#include "recurra/stream.h"

namespace recurra {

void bind_streams(nanobind::module_& m);

}  // namespace recurra
