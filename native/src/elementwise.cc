#include "recurra/elementwise.h"

#include <type_traits>

namespace recurra {

#define RECURRA_ELEMENTWISE_OF(isa)                \
  namespace isa {                                  \
  const Elementwise<float>& elementwise_float32(); \
  const Elementwise<double>& elementwise_float64(); \
  }

RECURRA_ELEMENTWISE_OF(baseline)
#if defined(RECURRA_X86)
RECURRA_ELEMENTWISE_OF(avx2)
RECURRA_ELEMENTWISE_OF(avx512)
#endif

template <class R>
const Elementwise<R>& elementwise() {
  constexpr bool single = std::is_same_v<R, float>;
#if defined(RECURRA_X86)
  const int bytes = table().vector_bytes;
  if constexpr (single) {
    if (bytes == 64) return avx512::elementwise_float32();
    if (bytes == 32) return avx2::elementwise_float32();
  } else {
    if (bytes == 64) return avx512::elementwise_float64();
    if (bytes == 32) return avx2::elementwise_float64();
  }
#endif
  if constexpr (single)
    return baseline::elementwise_float32();
  else
    return baseline::elementwise_float64();
}

template const Elementwise<float>& elementwise();
template const Elementwise<double>& elementwise();

}  // namespace recurra
