// The gated recurrent unit. Forward, for each row and step, gates stacked reset, update, candidate:
//
//   h  = decay_t * h_{t-1}              (decay: 1 where absent)
//   m  = recurrent_dropout_t * h        (1 where absent)
//   r  = s(W_r x + b_r + U_r m + c_r)
//   z  = s(W_z x + b_z + U_z m + c_z)
//   after:  n = f(W_n x + b_n + r * (U_n m + c_n))
//   before: n = f(W_n x + b_n + U_n (r * m) + c_n)
//   none:   n = f(W_n x + b_n + U_n m + c_n), gates stacked update, candidate
//   h_t = h + zoneout_h_t * z * (n - h) (zoneout_h: 1 where absent)
//
// Accumulator: the element type. Each sum is one chain of fused multiply-adds in the order of its
// index, from the biases on: inputs first, then units. So y and h have the same bits whatever the
// batch, the other rows, the split of time over calls, and the number of threads.
// Backward: x, h0, start_h and decay likewise. Weight and bias gradients sum chains of 64 rows in
// pairs, in an order fixed by the shape: the same bits whatever the number of threads.
//
// Products of bfloat16 (dispatch.h): x, m, the weights and the gradients of the sums are rounded to
// bfloat16 wherever they are multiplied; state, sums and gates stay float32. Sums go in blocks of 32
// factors in the order of their index, those of weight gradients over a whole chunk, chunks in pairs:
// sameness as above. Error bound: 2^-8 of each product.
//
// Skipped steps (beyond lengths, or not valid) are not computed into anything: x there may be NaN.
// Error bound: float32 tanh 4e-7 and sigmoid 2e-7 absolute; float64 4e-16 both. From |x| = 9 on tanh is
// exactly +-1, from 18 on sigmoid exactly 0 or 1 (float64: 20, 40).
//
// kept: [16] header (instruction set, W), then [T][ceil(H/W)][B][S][W]; W is the vector's width, S is 5, 4 or 3 (after,
// before, none): reset, update, candidate, (after: U_n m + c_n), h_{t-1}. Zero at skipped steps.
// With products of bfloat16 all but the header is rounded to bfloat16, two values to an element.
#pragma once

#include "recurra/dispatch.h"
