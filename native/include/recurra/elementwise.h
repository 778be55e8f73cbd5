// What is done value by value beside the recurrent families. A value's bits depend on its own
// operands alone, never on where it stands: a step, a chunk and the whole sequence agree.
//
//   activate:  a(v) in place; the activations and error bounds of the families (gru.h)
//   fade:      exp(-max(0, v)) in place; exactly 1 from 0 down, exactly 0 above 87 (float64: 708)
//   fill:      what a GRU-D's cell reads, for each row and feature:
//
//     ago   = elapsed + since
//     keep  = fade(ago * weight + bias)
//     cell  = [observed ? x : keep * last + (1 - keep) * mean | observed]
//     last  = observed ? x : last
//     since = observed ? 0 : ago
//
// Every operation of `fill` but the exponential is one correctly rounded operation of the element
// type, in the order written. NaN stays NaN; an x that was not observed is not read into anything.
// Error bound of fade: float32 1.2e-7, float64 2.3e-16, relative (2.5e-7 and 4.5e-16 without a fused
// multiply-add).
#pragma once

#include "recurra/dispatch.h"

namespace recurra {

// What a GRU-D knows of its features, each [features].
template <class R>
struct Holes {
  const R* mean = nullptr;
  const R* weight = nullptr;
  const R* bias = nullptr;
  long features = 0;
};

// One step's arrays, dense: [rows, features], but elapsed [rows] and cell [rows, 2 * features].
// The state that is written may not be the state that is read.
template <class R>
struct Filling {
  const R *x, *observed, *elapsed, *last, *since;
  R *cell, *ago, *last_next, *since_next;
};

template <class R>
struct Elementwise {
  void (*activate)(Activation, R* values, long count);
  void (*fade)(R* values, long count);
  void (*fill)(const Holes<R>&, const Filling<R>&, long rows);
};

// Those of the instruction set in use (dispatch.h).
template <class R>
const Elementwise<R>& elementwise();

}  // namespace recurra
