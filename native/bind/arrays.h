// What comes from Python, checked: no argument may make a kernel read or write outside an array.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "memory.h"
#include "recurra/descriptor.h"

namespace nb = nanobind;

namespace recurra {

template <class T, int Axes>
using In = nb::ndarray<const T, nb::ndim<Axes>, nb::device::cpu>;
template <class T, int Axes>
using Out = nb::ndarray<T, nb::ndim<Axes>, nb::device::cpu>;
template <class R>
using Made = nb::ndarray<nb::numpy, R>;

[[noreturn]] inline void refuse(const char* name, const char* what) {
  throw nb::value_error((std::string(name) + ": " + what).c_str());
}

// NumPy makes arrays whose values begin anywhere (fields of records, views of bytes).
template <class Array>
void need_aligned(const char* name, const Array& a) {
  if (reinterpret_cast<uintptr_t>(a.data()) % alignof(std::remove_reference_t<decltype(*a.data())>))
    refuse(name, "values are not aligned");
}

template <class Array>
void need_axes(const char* name, const Array& a, std::initializer_list<long> sizes) {
  need_aligned(name, a);
  size_t axis = 0;
  for (long size : sizes)
    if (long(a.shape(axis++)) != size) refuse(name, "an axis does not fit");
}

template <class Array>
void need_side_by_side(const char* name, const Array& a) {
  const size_t last = a.ndim() - 1;
  if (a.shape(last) > 1 && a.stride(last) != 1) refuse(name, "the last axis is not side by side");
}

template <class Array>
void need_dense(const char* name, const Array& a) {
  need_aligned(name, a);
  long step = 1;
  for (size_t axis = a.ndim(); axis-- > 0; step *= long(a.shape(axis)))
    if (a.shape(axis) > 1 && a.stride(axis) != step) refuse(name, "not dense");
}

// [B, T, H], or [B, H] for one step (time == 0 axes of it): units side by side or all one value.
template <class T, int Axes>
Series<const T> series(const char* name, const In<T, Axes>& a, const Problem& p, long width) {
  if (!a.is_valid()) return {};
  if constexpr (Axes == 3)
    need_axes(name, a, {p.batch, p.time, width});
  else
    need_axes(name, a, {p.batch, width});
  const long unit = width > 1 ? a.stride(Axes - 1) : 1;
  if (unit != 0 && unit != 1) refuse(name, "the last axis is neither side by side nor one value");
  return {a.data(), a.stride(0), Axes == 3 ? long(a.stride(1)) : 0, unit};
}

// [B, T] or, for one step, [B].
template <int Axes>
Series<const uint8_t> marks(const char* name, const In<bool, Axes>& a, const Problem& p) {
  if (!a.is_valid()) return {};
  if constexpr (Axes == 2)
    need_axes(name, a, {p.batch, p.time});
  else
    need_axes(name, a, {p.batch});
  const auto* data = reinterpret_cast<const uint8_t*>(a.data());
  return {data, a.stride(0), Axes == 2 ? long(a.stride(1)) : 0, 1};
}

template <class R>
Rows<const R> rows(const char* name, const In<R, 2>& a, const Problem& p) {
  if (!a.is_valid()) return {};
  need_axes(name, a, {p.batch, p.units});
  need_side_by_side(name, a);
  return {a.data(), a.stride(0)};
}

template <class R>
Rows<R> result(const char* name, const Out<R, 2>& a, const Problem& p) {
  if (!a.is_valid()) refuse(name, "missing");
  need_axes(name, a, {p.batch, p.units});
  need_side_by_side(name, a);
  if (p.batch > 1 && a.stride(0) < p.units) refuse(name, "rows overlap");
  return {a.data(), a.stride(0)};
}

// No result may lie where rows are still to be read, except where it takes the place of one of them.
template <class R>
void need_apart(const char* name, const Rows<R>& out, const Rows<const R>& in, long width,
                const Problem& p, bool may_replace = true) {
  if (!in.data || p.batch == 0) return;
  if (may_replace && out.data == in.data && out.batch == in.batch) return;
  const auto extent = [&p](const R* data, long stride, long length) {
    const long last = stride * (p.batch - 1);
    return std::pair(data + (last < 0 ? last : 0), data + (last > 0 ? last : 0) + length);
  };
  const auto [out_from, out_to] = extent(out.data, out.batch, p.units);
  const auto [in_from, in_to] = extent(in.data, in.batch, width);
  if (out_from < in_to && in_from < out_to) refuse(name, "overlaps what is read");
}

inline Problem problem_of(int family, int reset, int activation, int gate_activation) {
  if (family < 0 || family >= families || reset < 0 || reset > 2 || activation < 0 ||
      activation >= activations || gate_activation < 0 || gate_activation >= activations)
    throw nb::value_error("a code is out of its range");
  Problem p;
  p.family = Family(family);
  p.reset = Reset(reset);
  p.activation = Activation(activation);
  p.gate_activation = Activation(gate_activation);
  return p;
}

// Arrays may be larger than memory (strides of 0): sizes are refused before they overflow.
inline void need_possible(const Problem& p) {
  const double values = (double(p.batch) * double(p.time) + double(p.gates()) * double(p.units)) *
                        (double(p.inputs) + double(p.units) + 64);
  if (values > 1e12) throw std::bad_alloc();
}

template <class R>
Made<R> make(std::initializer_list<size_t> shape, bool zero) {
  size_t count = 1;
  for (size_t size : shape) count *= size;
  Memory memory = allocate(count * sizeof(R));
  if (zero) std::memset(memory.get(), 0, count * sizeof(R));
  R* data = reinterpret_cast<R*>(memory.get());
  nb::capsule owner(new Memory(std::move(memory)),
                    [](void* at) noexcept { delete static_cast<Memory*>(at); });
  return Made<R>(data, shape, owner);
}

template <class R>
Series<R> whole(const Made<R>& a) {
  return {a.data(), long(a.shape(1)) * long(a.shape(2)), long(a.shape(2)), 1};
}

template <class R>
Rows<R> whole_rows(const Made<R>& a) {
  return {a.data(), long(a.shape(1))};
}

template <class R>
struct LayerWeights {
  In<R, 2> input, recurrent;
  In<R, 1> input_bias, recurrent_bias;

  // Also fills in the sizes that weights know.
  Weights<R> checked(Problem& p) const {
    const bool recurs = p.family != Family::scan;
    if (recurrent.is_valid() != recurs || (recurrent_bias.is_valid() && !recurs))
      refuse("recurrent_weight", recurs ? "missing" : "the scan has no recurrent weights");
    p.inputs = long(input.shape(1));
    p.units = recurs ? long(recurrent.shape(1)) : long(input.shape(0)) / p.gates();
    const long rows = p.gates() * p.units;
    need_axes("input_weight", input, {rows, p.inputs});
    need_dense("input_weight", input);
    if (recurs) {
      need_axes("recurrent_weight", recurrent, {rows, p.units});
      need_dense("recurrent_weight", recurrent);
    }
    for (const auto* bias : {&input_bias, &recurrent_bias})
      if (bias->is_valid()) {
        need_axes("bias", *bias, {rows});
        need_dense("bias", *bias);
      }
    if (p.units < 1) refuse("input_weight", "no units");
    need_possible(p);
    return {input.data(), recurs ? recurrent.data() : nullptr,
            input_bias.is_valid() ? input_bias.data() : nullptr,
            recurrent_bias.is_valid() ? recurrent_bias.data() : nullptr};
  }
};

// The arrays of a call in the order of `_PLACES` in call.py; Time is 1 for sequences, 0 for a step.
template <class R, int Time>
struct Options {
  In<bool, 1 + Time> valid, starts;
  In<R, 2> start_h, start_c;
  In<R, 2 + Time> zoneout_h, zoneout_c, recurrent_dropout, decay;

  void enter(Call<R>& call) const {
    const Problem& p = call.problem;
    call.valid = marks<1 + Time>("valid", valid, p);
    call.starts = marks<1 + Time>("starts", starts, p);
    call.start_h = rows<R>("start_h", start_h, p);
    call.start_c = rows<R>("start_c", start_c, p);
    call.zoneout_h = series<R, 2 + Time>("zoneout_h", zoneout_h, p, p.units);
    call.zoneout_c = series<R, 2 + Time>("zoneout_c", zoneout_c, p, p.units);
    call.recurrent_dropout = series<R, 2 + Time>("recurrent_dropout", recurrent_dropout, p, p.units);
    call.decay = series<R, 2 + Time>("decay", decay, p, p.units);
    if (call.decay.data && p.family != Family::gru) refuse("decay", "only the GRU decays");
    if (call.recurrent_dropout.data && p.family == Family::scan)
      refuse("recurrent_dropout", "the scan has no recurrent product");
  }
};

template <class R, int Time>
void enter_inputs(Call<R>& call, const In<R, 2 + Time>& x, const In<R, 2>& h0, const In<R, 2>& c0) {
  Problem& p = call.problem;
  p.batch = long(x.shape(0));
  p.time = Time ? long(x.shape(1)) : 1;
  need_possible(p);
  call.x = series<R, 2 + Time>("x", x, p, p.inputs);
  if (call.x.unit != 1) refuse("x", "the last axis is not side by side");
  call.h0 = rows<R>("h0", h0, p);
  call.c0 = rows<R>("c0", c0, p);
  if (p.family == Family::lstm && !call.c0.data && p.batch > 0) refuse("c0", "missing");
}

template <class R>
void enter_lengths(Call<R>& call, const In<int64_t, 1>& lengths) {
  if (!lengths.is_valid()) return;
  const Problem& p = call.problem;
  need_axes("lengths", lengths, {p.batch});
  call.lengths = {lengths.data(), lengths.stride(0)};
  for (long b = 0; b < p.batch; ++b)
    if (*call.lengths.at(b) < 0 || *call.lengths.at(b) > p.time) refuse("lengths", "out of 0..T");
}

}  // namespace recurra
