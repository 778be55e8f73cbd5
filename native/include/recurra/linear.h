// y [N, O] = x [N, I] W^T + b. Each output is one chain of fused multiply-adds, from the bias on, in
// the order of the inputs: the same bits whatever N. Error bound: I roundings.
// x may have any stride between rows; y lies dense within a row and does not overlap x.
#pragma once

#include "recurra/dispatch.h"
