// The function table of each instruction set, and the one that is in use.
#pragma once

#include "recurra/descriptor.h"

namespace recurra {

// A linear map, see linear.h.
template <class R>
struct Linear {
  const R* weight = nullptr;  // [O, I]
  const R* bias = nullptr;    // [O] or absent
  long inputs = 0, outputs = 0;
};

// The recurrent families (gru.h, lstm.h, rnn.h, scan.h) and linear.h, for one element type.
// Sizes of packed and kept count elements; workspaces count bytes. Memory is the caller's, aligned
// to 64 bytes.
template <class R>
struct Kernels {
  size_t (*packed_size)(const Problem&);
  void (*pack)(const Problem&, const Weights<R>&, R* packed);
  size_t (*kept_size)(const Problem&);
  size_t (*forward_workspace)(const Call<R>&);
  void (*forward)(const Call<R>&, const R* packed, const Outputs<R>&);
  size_t (*backward_workspace)(const Call<R>&);
  void (*backward)(const Call<R>&, const Weights<R>&, const Gradients<R>&);

  size_t (*linear_packed_size)(const Linear<R>&);
  void (*linear_pack)(const Linear<R>&, R* packed);
  void (*linear)(const Linear<R>&, const R* packed, Rows<const R> x, long rows, Rows<R> y);
};

struct Table {
  int id;
  const char* name;
  int vector_bytes;
  Kernels<float> float32;
  Kernels<double> float64;
  // The recurrent families in float32 with products of bfloat16; null where the set has none.
  const Kernels<float>* bfloat16;

  // Null for rounded products that are not there.
  template <class R>
  const Kernels<R>* of(bool rounded = false) const {
    if constexpr (sizeof(R) == sizeof(float))
      return rounded ? bfloat16 : &float32;
    else
      return rounded ? nullptr : &float64;
  }
};

// Those that this processor runs, the fastest first; null after the last.
const Table* const* tables();

// The one in use: the fastest, unless `choose` named another.
const Table& table();

// False, and nothing changes, where this processor has not the named one.
bool choose(const char* name);

// The one that wrote a `kept`; null where no table of this processor did.
const Table* table_of(int id);

}  // namespace recurra
