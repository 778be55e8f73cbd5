// The simple recurrent network:
//
//   m = recurrent_dropout_t * h_{t-1}   (1 where absent)
//   h_t = h_{t-1} + zoneout_h_t * (f(W x + b + U m + c) - h_{t-1})
//
// Sums, sameness, skipped steps and error bounds are as in gru.h. There is no gate and no decay.
// kept: S = 2: candidate, h_{t-1}.
#pragma once

#include "recurra/dispatch.h"
