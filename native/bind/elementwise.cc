#include "elementwise.h"

#include "arrays.h"
#include "recurra/elementwise.h"

using namespace nb::literals;

namespace recurra {
namespace {

template <class R>
void activate(int which, Out<R, 1> values) {
  need_dense("values", values);
  if (which < 0 || which >= activations) refuse("which", "out of range");
  nb::gil_scoped_release released;
  elementwise<R>().activate(Activation(which), values.data(), long(values.shape(0)));
}

template <class R>
void fade(Out<R, 1> values) {
  need_dense("values", values);
  nb::gil_scoped_release released;
  elementwise<R>().fade(values.data(), long(values.shape(0)));
}

}  // namespace

void bind_elementwise(nb::module_& m) {
  m.def("activate_float32", &activate<float>, "which"_a, "values"_a);
  m.def("activate_float64", &activate<double>, "which"_a, "values"_a);
  m.def("fade_float32", &fade<float>, "values"_a);
  m.def("fade_float64", &fade<double>, "values"_a);
}

}  // namespace recurra
