// The long short-term memory, gates stacked input, forget, cell, output:
//
//   m = recurrent_dropout_t * h_{t-1}   (1 where absent)
//   i, f, o = s(W x + b + U m + c), each with its block of rows
//   g = a(W_g x + b_g + U_g m + c_g)
//   c_new = f * c_{t-1} + i * g
//   c_t = c_{t-1} + zoneout_c_t * (c_new - c_{t-1})
//   h_t = h_{t-1} + zoneout_h_t * (o * a(c_new) - h_{t-1})       (Krueger et al. 2017)
//
// Sums, sameness, skipped steps and error bounds are as in gru.h. There is no decay.
// kept: S = 6: input, forget, cell, output, c_{t-1}, h_{t-1}.
#pragma once

#include "recurra/dispatch.h"
