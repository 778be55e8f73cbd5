// What is done value by value (elementwise.h), for one instruction set. The including file names it
// as for kernels.inl.

#include "recurra/elementwise.h"

#if defined(RECURRA_X86)
#include <immintrin.h>
#endif

namespace recurra::RECURRA_ISA {
namespace {

#if defined(RECURRA_EMULATED) && RECURRA_VECTOR_BYTES == 64
#define RECURRA_INLINE inline __attribute__((always_inline))
#include "emulated.inl"
#undef RECURRA_INLINE
#endif
#include "vector.inl"
//
#include "activations.inl"

// exp on [-87, 0], after Cephes (Moshier), as the one for double.
RECURRA_INLINE Vec<float> exponential(Vec<float> x) {
  // Adding 1.5 * 2^23 rounds to the nearest integer, and leaves it in the low bits.
  const Vec<float> shift = spread(0x1.8p23f);
  const Vec<float> raised = fused(x, spread(1.44269504088896341f), shift);
  const Vec<float> whole = raised - shift;
  x = fused(whole, spread(-0.693359375f), x);
  x = fused(whole, spread(2.12194440e-4f), x);
  Vec<float> p = fused(spread(1.9875691500e-4f), x, spread(1.3981999507e-3f));
  p = fused(p, x, spread(8.3334519073e-3f));
  p = fused(p, x, spread(4.1665795894e-2f));
  p = fused(p, x, spread(1.6666665459e-1f));
  p = fused(p, x, spread(5.0000001201e-1f));
  const Vec<float> power = fused(p, x * x, x) + 1.0f;
  const Bits<float> exponent = ((Bits<float>)raised + 127) << 23;
  return power * (Vec<float>)exponent;
}

// Beyond it the exponential would leave the normal numbers.
template <class R>
constexpr R faded_out = sizeof(R) == sizeof(float) ? R(87) : R(708);

// Comparisons let NaN through to the exponential.
template <class R>
RECURRA_INLINE Vec<R> faded(Vec<R> v) {
  v = v <= 0 ? Vec<R>{} : v;
  const Vec<R> bounded = v > faded_out<R> ? spread(faded_out<R>) : v;
  return v > faded_out<R> ? Vec<R>{} : exponential(-bounded);
}

// The last lanes are computed as all others are: a whole vector, of which a part is stored.
template <class R, class Function>
RECURRA_INLINE void each_vector(R* values, long count, Function function) {
  for (long i = 0; i < count; i += lanes<R>)
    store_part<R>(values + i, function(load_part(values + i, count - i)), count - i);
}

template <class R>
void activate_all(Activation which, R* values, long count) {
  each_vector(values, count, [which](Vec<R> v) { return activate(which, v); });
}

template <class R>
void fade_all(R* values, long count) {
  each_vector(values, count, [](Vec<R> v) { return faded<R>(v); });
}

template <class R>
void fill(const Holes<R>& own, const Filling<R>& step, long rows) {
  const long features = own.features;
  for (long b = 0; b < rows; ++b) {
    const Vec<R> elapsed = spread(step.elapsed[b]);
    R* const cell = step.cell + 2 * b * features;
    for (long i = 0; i < features; i += lanes<R>) {
      const long at = b * features + i, real = features - i;
      const auto seen = load_part(step.observed + at, real) != 0;
      const Vec<R> x = load_part(step.x + at, real), last = load_part(step.last + at, real);
      const Vec<R> ago = elapsed + load_part(step.since + at, real);
      const Vec<R> keep =
          faded<R>(ago * load_part(own.weight + i, real) + load_part(own.bias + i, real));
      const Vec<R> guess = keep * last + (R(1) - keep) * load_part(own.mean + i, real);
      store_part<R>(cell + i, seen ? x : guess, real);
      store_part<R>(cell + features + i, seen ? spread(R(1)) : Vec<R>{}, real);
      store_part<R>(step.ago + at, ago, real);
      store_part<R>(step.last_next + at, seen ? x : last, real);
      store_part<R>(step.since_next + at, seen ? Vec<R>{} : ago, real);
    }
  }
}

template <class R>
constexpr Elementwise<R> all{activate_all<R>, fade_all<R>, fill<R>};

}  // namespace

const Elementwise<float>& elementwise_float32() { return all<float>; }
const Elementwise<double>& elementwise_float64() { return all<double>; }

}  // namespace recurra::RECURRA_ISA
