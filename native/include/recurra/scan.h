// minGRU, whose gates read the input alone; gates stacked update, candidate:
//
//   z = s(W_z x + b_z)
//   n = f(W_n x + b_n)
//   h_t = h_{t-1} + zoneout_h_t * z * (n - h_{t-1})       (Feng et al. 2024, arXiv:2410.01201)
//
// No unit waits for another: rows and units run side by side, each over time in its order. A scan in
// parallel over time would regroup the sums; this one gives the same bits however time is cut.
//
// There is no recurrent weight or bias, no recurrent dropout and no decay: those are absent.
// Sums, sameness, skipped steps and error bounds are as in gru.h.
// kept: [16] header (instruction set, W), then [ceil(H/W)][B][T][S][W] with S = 3: update, candidate, h_{t-1}.
#pragma once

#include "recurra/dispatch.h"
