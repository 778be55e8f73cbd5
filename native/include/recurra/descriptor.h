// The call of a kernel family: every array, its axes and its strides. One version with
// src/recurra/spec/kernel.py, which says what each array means.
//
// Strides count elements, never bytes, and may be 0 (one value for all) or negative. An absent array
// has data == nullptr. No output may overlap an input, except that the state that a one-step call
// writes may be the state that it reads.
#pragma once

#include <cstddef>
#include <cstdint>

namespace recurra {

constexpr int descriptor_version = 2;

enum class Family : int { gru, lstm, rnn, scan };
constexpr int families = 4;
enum class Reset : int { after, before, none };
enum class Activation : int { tanh, relu, sigmoid, hard_sigmoid, hard_tanh, softsign, identity };

constexpr int activations = 7;

// One value for each row, step and unit: [B, T, *].
template <class R>
struct Series {
  R* data = nullptr;
  long batch = 0, time = 0, unit = 0;

  R* at(long b, long t) const { return data + b * batch + t * time; }
};

// One value for each row and unit: [B, *]; units lie side by side.
template <class R>
struct Rows {
  R* data = nullptr;
  long batch = 0;

  R* at(long b) const { return data + b * batch; }
};

// The four weights as the model holds them, dense: [G*H, I], [G*H, H], [G*H], [G*H]. The scan has
// no recurrent ones.
template <class R>
struct Weights {
  const R* input = nullptr;
  const R* recurrent = nullptr;
  const R* input_bias = nullptr;
  const R* recurrent_bias = nullptr;
};

// What is asked for: fixed before a single value is read.
struct Problem {
  Family family = Family::gru;
  Reset reset = Reset::after;
  Activation activation = Activation::tanh;
  Activation gate_activation = Activation::sigmoid;
  bool reverse = false;
  bool keep = false;  // forward: also write what backward needs
  int threads = 1;    // at least 1; small work takes fewer
  long batch = 0, time = 0, inputs = 0, units = 0;

  int gates() const {
    if (family == Family::lstm) return 4;
    if (family == Family::rnn) return 1;
    if (family == Family::scan) return 2;
    return reset == Reset::none ? 2 : 3;
  }
};

// The arrays that forward and backward read alike.
template <class R>
struct Call {
  Problem problem;
  Series<const R> x;
  Rows<const R> h0, c0;
  Rows<const int64_t> lengths;          // [B]
  Series<const uint8_t> valid, starts;  // [B, T]
  Rows<const R> start_h, start_c;
  Series<const R> zoneout_h, zoneout_c, recurrent_dropout, decay;
  char* workspace = nullptr;  // as many bytes as the family's workspace query says, 64-byte aligned
};

// What forward writes.
template <class R>
struct Outputs {
  Series<R> y;  // absent for one step: the state says it all
  Rows<R> h, c;
  R* kept = nullptr;  // with keep; as long as the family's query says
};

// What backward reads beside the call, and writes. A gradient that is absent is not computed.
template <class R>
struct Gradients {
  const R* kept = nullptr;
  Series<const R> y;
  Rows<const R> h, c;
  Series<R> x;
  Rows<R> h0, c0, start_h, start_c;
  R* input_weight = nullptr;
  R* recurrent_weight = nullptr;
  R* input_bias = nullptr;
  R* recurrent_bias = nullptr;
  Series<R> decay;
};

}  // namespace recurra
