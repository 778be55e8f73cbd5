// All kernels for one instruction set. The including file names it and its vector's width:
// RECURRA_ISA (the namespace), RECURRA_ISA_ID, RECURRA_VECTOR_BYTES.

#include "pool.h"
#include "recurra/dispatch.h"
#include "recurra/gru.h"
#include "recurra/linear.h"
#include "recurra/lstm.h"
#include "recurra/rnn.h"
#include "recurra/scan.h"

#if defined(RECURRA_X86)
#include <immintrin.h>
#endif
#if defined(RECURRA_EMULATED)
#include <memory>
#endif

namespace recurra::RECURRA_ISA {
// Nothing here may be shared with another instruction set's copy: the linker would keep one of them
// for all, and an old processor would meet the new one's instructions.
namespace {

#if defined(RECURRA_EMULATED) && RECURRA_VECTOR_BYTES == 64
#define RECURRA_INLINE inline __attribute__((always_inline))
#include "emulated.inl"
#undef RECURRA_INLINE
#endif
#include "vector.inl"
//
#include "activations.inl"
#include "gemm.inl"
#include "pack.inl"
#if defined(RECURRA_TILES)
#include "tiles.inl"
#else
#include "exact.inl"
#endif
#include "steps.inl"
//
#include "forward.inl"
#include "gradient.inl"
#if defined(RECURRA_TILES)
#include "tile_gradient.inl"
template <class R, int count>
using SlotsOf = RoundedSlots<R, count>;
template <class R>
using ColumnsOf = RoundedColumns<R>;
#else
template <class R, int count>
using SlotsOf = Slots<R, count>;
template <class R>
using ColumnsOf = Columns<R>;
#endif
//
#include "backward.inl"
#include "gru.inl"
#include "linear.inl"
#include "lstm.inl"
#include "rnn.inl"
#include "scan.inl"

template <class F>
struct Type {
  using type = F;
};

// visit(Type<F>) for the family, the reset and the activations that the problem names.
template <class R, class Activations, class Visit>
auto with_activations(const Problem& p, Visit visit) {
  if (p.family == Family::lstm) return visit(Type<Lstm<R, Activations>>{});
  if (p.family == Family::rnn) return visit(Type<Rnn<R, Activations>>{});
  if (p.family == Family::scan) return visit(Type<Scan<R, Activations>>{});
  if (p.reset == Reset::after) return visit(Type<Gru<R, Reset::after, Activations>>{});
  if (p.reset == Reset::before) return visit(Type<Gru<R, Reset::before, Activations>>{});
  return visit(Type<Gru<R, Reset::none, Activations>>{});
}

template <class R, class Visit>
auto with_family(const Problem& p, Visit visit) {
  if (p.family != Family::rnn && p.gate_activation != Activation::sigmoid)
    return with_activations<R, Named>(p, visit);
  if (p.activation == Activation::tanh) return with_activations<R, Usual>(p, visit);
  if (p.family == Family::scan && p.activation == Activation::identity)
    return visit(Type<Scan<R, Known<Activation::identity, Activation::sigmoid>>>{});
  return with_activations<R, Named>(p, visit);
}

template <class R>
constexpr Kernels<R> kernels() {
  Kernels<R> k{};
  k.packed_size = [](const Problem& p) {
    return with_activations<R, Usual>(p, [&](auto family) {
      return size_t(Packed<typename decltype(family)::type>(p).size());
    });
  };
  k.pack = [](const Problem& p, const Weights<R>& weights, R* to) {
    with_activations<R, Usual>(
        p, [&](auto family) { pack<typename decltype(family)::type>(p, weights, to); });
  };
  k.kept_size = [](const Problem& p) {
    return with_activations<R, Usual>(p, [&](auto family) {
      return size_t(kept_length<typename decltype(family)::type>(p));
    });
  };
  k.forward_workspace = [](const Call<R>& call) {
    return with_activations<R, Usual>(call.problem, [&](auto family) {
      const Outputs<R> none;
      return ForwardSweep<typename decltype(family)::type>(call, nullptr, none, nullptr).workspace();
    });
  };
  k.forward = [](const Call<R>& call, const R* packed, const Outputs<R>& out) {
    with_family<R>(call.problem, [&](auto family) {
      ForwardSweep<typename decltype(family)::type>(call, packed, out, call.workspace).run();
    });
  };
  k.backward_workspace = [](const Call<R>& call) {
    return with_activations<R, Usual>(call.problem, [&](auto family) {
      const Gradients<R> none;
      return BackwardSweep<typename decltype(family)::type>(call, {}, none, nullptr).workspace();
    });
  };
  k.backward = [](const Call<R>& call, const Weights<R>& weights, const Gradients<R>& out) {
    with_family<R>(call.problem, [&](auto family) {
      BackwardSweep<typename decltype(family)::type>(call, weights, out, call.workspace).run();
    });
  };
  if (!rounding) {
    k.linear_packed_size = linear_packed_size<R>;
    k.linear_pack = linear_pack<R>;
    k.linear = linear<R>;
  }
  return k;
}

}  // namespace

#define RECURRA_NAME_OF(isa) #isa
#define RECURRA_NAME(isa) RECURRA_NAME_OF(isa)

#if defined(RECURRA_TILES)
const Table& table() {
  // What is not rounded is AVX-512's, to the bit.
  static constexpr Kernels<float> rounded = kernels<float>();
  static const Table all{RECURRA_ISA_ID, RECURRA_NAME(RECURRA_ISA), RECURRA_VECTOR_BYTES,
                         avx512::table().float32, avx512::table().float64, &rounded};
  return all;
}
#else
const Table& table() {
  static constexpr Table all{RECURRA_ISA_ID, RECURRA_NAME(RECURRA_ISA), RECURRA_VECTOR_BYTES,
                             kernels<float>(), kernels<double>(), nullptr};
  return all;
}
#endif

}  // namespace recurra::RECURRA_ISA
