// The extension module recurra.kernels._native: check the arrays, release the GIL, call.
//
// src/recurra/kernels/call.py asks for every call to be right and says what is wrong in whole
// sentences. The checks here (arrays.h) hold whatever Python passes.

#include "arrays.h"
#include "elementwise.h"
#include "recurra/dispatch.h"
#include "stream.h"

using namespace nb::literals;

namespace recurra {
namespace {

int threads_of(int threads) {
  if (threads < 1) throw nb::value_error("threads: expected at least 1");
  return threads;
}

template <class R>
class Packed {
 public:
  Packed(int family, int reset, int activation, int gate_activation, In<R, 2> input,
         In<R, 2> recurrent, In<R, 1> input_bias, In<R, 1> recurrent_bias, bool rounded)
      : kernels_(table().of<R>(rounded)),
        problem_(problem_of(family, reset, activation, gate_activation)) {
    if (!kernels_) refuse("bfloat16", "no such products here");
    const Weights<R> weights =
        LayerWeights<R>{input, recurrent, input_bias, recurrent_bias}.checked(problem_);
    memory_ = allocate(kernels_->packed_size(problem_) * sizeof(R));
    nb::gil_scoped_release released;
    kernels_->pack(problem_, weights, packed());
  }

  nb::tuple forward(In<R, 3> x, In<R, 2> h0, In<R, 2> c0, In<int64_t, 1> lengths,
                    In<bool, 2> valid, In<bool, 2> starts, In<R, 2> start_h, In<R, 2> start_c,
                    In<R, 3> zoneout_h, In<R, 3> zoneout_c, In<R, 3> recurrent_dropout,
                    In<R, 3> decay, bool reverse, int threads, bool keep) const {
    Call<R> call;
    call.problem = problem_;
    Problem& p = call.problem;
    p.reverse = reverse;
    p.keep = keep;
    p.threads = threads_of(threads);
    enter_inputs<R, 1>(call, x, h0, c0);
    enter_lengths(call, lengths);
    Options<R, 1>{valid, starts, start_h, start_c, zoneout_h, zoneout_c, recurrent_dropout, decay}
        .enter(call);
    const size_t batch = p.batch, time = p.time, units = p.units;
    Made<R> y = make<R>({batch, time, units}, false), h = make<R>({batch, units}, false);
    Made<R> c = make<R>({p.family == Family::lstm ? batch : 0, units}, false);
    Made<R> kept = make<R>({keep ? kernels_->kept_size(p) : 0}, false);
    const Outputs<R> out{whole(y), whole_rows(h), whole_rows(c), keep ? kept.data() : nullptr};
    run(call, out);
    return nb::make_tuple(y, h, p.family == Family::lstm ? nb::cast(c) : nb::none(),
                          keep ? nb::cast(kept) : nb::none());
  }

  void step(In<R, 2> x, In<R, 2> h0, In<R, 2> c0, In<bool, 1> valid, In<bool, 1> starts,
            In<R, 2> start_h, In<R, 2> start_c, In<R, 2> zoneout_h, In<R, 2> zoneout_c,
            In<R, 2> recurrent_dropout, In<R, 2> decay, int threads, Out<R, 2> h,
            Out<R, 2> c) const {
    Call<R> call;
    call.problem = problem_;
    Problem& p = call.problem;
    p.threads = threads_of(threads);
    enter_inputs<R, 0>(call, x, h0, c0);
    Options<R, 0>{valid, starts, start_h, start_c, zoneout_h, zoneout_c, recurrent_dropout, decay}
        .enter(call);
    Outputs<R> out;
    out.h = result<R>("out", h, p);
    if (p.family == Family::lstm) out.c = result<R>("out", c, p);
    for (const Rows<R>& to : {out.h, out.c}) {
      if (!to.data) continue;
      need_apart<R>("out", to, {call.x.data, call.x.batch}, p.inputs, p, false);
      for (const Rows<const R>& from : {call.h0, call.c0, call.start_h, call.start_c})
        need_apart<R>("out", to, from, p.units, p);
    }
    run(call, out);
  }

  Prepared<R> prepared() const { return {kernels_, packed(), problem_, {}}; }

 private:
  R* packed() const { return reinterpret_cast<R*>(memory_.get()); }

  void run(Call<R>& call, const Outputs<R>& out) const {
    call.workspace = scratch().ensure(kernels_->forward_workspace(call));
    {
      nb::gil_scoped_release released;
      kernels_->forward(call, packed(), out);
    }
    scratch().trim();
  }

  const Kernels<R>* kernels_;
  Problem problem_;
  Memory memory_;
};

template <class R>
nb::tuple backward(int family, int reset, int activation, int gate_activation, In<R, 2> input,
                   In<R, 2> recurrent, In<R, 1> input_bias, In<R, 1> recurrent_bias, In<R, 1> kept,
                   In<R, 3> dy, In<R, 2> dh, In<R, 2> dc, In<R, 3> x, In<R, 2> h0, In<R, 2> c0,
                   In<int64_t, 1> lengths, In<bool, 2> valid, In<bool, 2> starts, In<R, 2> start_h,
                   In<R, 2> start_c, In<R, 3> zoneout_h, In<R, 3> zoneout_c,
                   In<R, 3> recurrent_dropout, In<R, 3> decay, bool reverse, int threads,
                   bool rounded) {
  Call<R> call;
  call.problem = problem_of(family, reset, activation, gate_activation);
  Problem& p = call.problem;
  const Weights<R> weights =
      LayerWeights<R>{input, recurrent, input_bias, recurrent_bias}.checked(p);
  p.reverse = reverse;
  p.threads = threads_of(threads);
  enter_inputs<R, 1>(call, x, h0, c0);
  enter_lengths(call, lengths);
  Options<R, 1>{valid, starts, start_h, start_c, zoneout_h, zoneout_c, recurrent_dropout, decay}
      .enter(call);
  need_dense("kept", kept);
  const Table* writer = nullptr;
  if (kept.shape(0) > 0 && kept.data()[0] >= 0 && kept.data()[0] < 100)
    writer = table_of(int(kept.data()[0]));
  if (!writer) refuse("kept", "not written by forward on this processor");
  const Kernels<R>* const chosen = writer->of<R>(rounded);
  if (!chosen) refuse("kept", "not written by products of bfloat16");
  const Kernels<R>& kernels = *chosen;
  if (kept.shape(0) != kernels.kept_size(p)) refuse("kept", "of another length");

  const bool lstm = p.family == Family::lstm;
  const size_t batch = p.batch, time = p.time, units = p.units, inputs = p.inputs;
  const size_t gate_rows = p.gates() * units;
  Gradients<R> g;
  g.kept = kept.data();
  g.y = series<R, 3>("dy", dy, p, p.units);
  if (g.y.unit != 1) refuse("dy", "the last axis is not side by side");
  g.h = rows<R>("dh", dh, p);
  g.c = rows<R>("dc", dc, p);
  const auto some = [](bool wanted, size_t size) { return wanted ? size : size_t(0); };
  // Every value of these is written wherever there is a step.
  const bool nothing = batch == 0 || time == 0;
  Made<R> d_x = make<R>({batch, time, inputs}, nothing);
  Made<R> d_h0 = make<R>({batch, units}, true), d_c0 = make<R>({some(lstm, batch), units}, true);
  Made<R> d_input = make<R>({gate_rows, inputs}, nothing);
  const bool recurs = weights.recurrent != nullptr;
  Made<R> d_recurrent = make<R>({some(recurs, gate_rows), units}, nothing);
  Made<R> d_input_bias = make<R>({gate_rows}, true), d_recurrent_bias = make<R>({gate_rows}, true);
  const bool from_h = start_h.is_valid(), from_c = start_c.is_valid(), fades = decay.is_valid();
  Made<R> d_start_h = make<R>({some(from_h, batch), units}, true);
  Made<R> d_start_c = make<R>({some(from_c, batch), units}, true);
  Made<R> d_decay = make<R>({some(fades, batch), time, units}, true);
  g.x = whole(d_x);
  g.h0 = whole_rows(d_h0);
  if (lstm) g.c0 = whole_rows(d_c0);
  g.input_weight = d_input.data();
  if (recurs) g.recurrent_weight = d_recurrent.data();
  if (input_bias.is_valid()) g.input_bias = d_input_bias.data();
  if (recurrent_bias.is_valid()) g.recurrent_bias = d_recurrent_bias.data();
  if (from_h) g.start_h = whole_rows(d_start_h);
  if (from_c) g.start_c = whole_rows(d_start_c);
  if (fades) g.decay = whole(d_decay);
  call.workspace = scratch().ensure(kernels.backward_workspace(call));
  {
    nb::gil_scoped_release released;
    kernels.backward(call, weights, g);
  }
  scratch().trim();
  const auto if_given = [](bool given, const Made<R>& a) { return given ? nb::cast(a) : nb::none(); };
  return nb::make_tuple(d_x, d_h0, if_given(lstm, d_c0), d_input,
                        if_given(recurs, d_recurrent),
                        if_given(g.input_bias, d_input_bias),
                        if_given(g.recurrent_bias, d_recurrent_bias), if_given(from_h, d_start_h),
                        if_given(from_c, d_start_c), if_given(fades, d_decay));
}

template <class R>
class PackedLinear {
 public:
  PackedLinear(In<R, 2> weight, In<R, 1> bias) : table_(&table()) {
    linear_.outputs = long(weight.shape(0));
    linear_.inputs = long(weight.shape(1));
    need_dense("weight", weight);
    Linear<R> whole = linear_;
    whole.weight = weight.data();
    if (bias.is_valid()) {
      need_axes("bias", bias, {linear_.outputs});
      need_dense("bias", bias);
      whole.bias = bias.data();
    }
    if (double(linear_.outputs + 64) * double(linear_.inputs + 1) > 1e12) throw std::bad_alloc();
    const Kernels<R>& kernels = *table_->of<R>();
    memory_ = allocate(kernels.linear_packed_size(whole) * sizeof(R));
    kernels.linear_pack(whole, reinterpret_cast<R*>(memory_.get()));
  }

  void forward(In<R, 2> x, Out<R, 2> y) const {
    const long count = long(x.shape(0));
    need_axes("x", x, {count, linear_.inputs});
    need_side_by_side("x", x);
    need_axes("out", y, {count, linear_.outputs});
    need_dense("out", y);
    nb::gil_scoped_release released;
    table_->of<R>()->linear(linear_, reinterpret_cast<const R*>(memory_.get()),
                           {x.data(), x.stride(0)}, count, {y.data(), linear_.outputs});
  }

  Prepared<R> prepared() const {
    return {table_->of<R>(), reinterpret_cast<const R*>(memory_.get()), {}, linear_};
  }

 private:
  const Table* table_;
  Linear<R> linear_;
  Memory memory_;
};

template <class R>
void bind(nb::module_& m, const char* packed_name, const char* backward_name,
          const char* linear_name) {
  // noconvert: another dtype is an error, never a silent copy. none: an absent array.
  const auto in = [](const char* name) { return nb::arg(name).noconvert(); };
  const auto may = [](const char* name) { return nb::arg(name).noconvert().none(); };
  nb::class_<Packed<R>>(m, packed_name)
      .def("prepared", &Packed<R>::prepared, nb::keep_alive<0, 1>())
      .def(nb::init<int, int, int, int, In<R, 2>, In<R, 2>, In<R, 1>, In<R, 1>, bool>(),
           "family"_a, "reset"_a, "activation"_a, "gate_activation"_a, in("input_weight"),
           may("recurrent_weight"), may("input_bias"), may("recurrent_bias"), "rounded"_a)
      .def("forward", &Packed<R>::forward, in("x"), in("h0"), may("c0"), may("lengths"),
           may("valid"), may("starts"), may("start_h"), may("start_c"), may("zoneout_h"),
           may("zoneout_c"), may("recurrent_dropout"), may("decay"), "reverse"_a, "threads"_a,
           "keep"_a)
      .def("step", &Packed<R>::step, in("x"), in("h"), may("c"), may("valid"), may("starts"),
           may("start_h"), may("start_c"), may("zoneout_h"), may("zoneout_c"),
           may("recurrent_dropout"), may("decay"), "threads"_a, in("out_h"), may("out_c"));
  m.def(backward_name, &backward<R>, "family"_a, "reset"_a, "activation"_a, "gate_activation"_a,
        in("input_weight"), may("recurrent_weight"), may("input_bias"), may("recurrent_bias"),
        in("kept"), in("dy"), in("dh"), may("dc"), in("x"), in("h0"), may("c0"), may("lengths"),
        may("valid"), may("starts"), may("start_h"), may("start_c"), may("zoneout_h"),
        may("zoneout_c"), may("recurrent_dropout"), may("decay"), "reverse"_a, "threads"_a,
        "rounded"_a);
  nb::class_<PackedLinear<R>>(m, linear_name)
      .def("prepared", &PackedLinear<R>::prepared, nb::keep_alive<0, 1>())
      .def(nb::init<In<R, 2>, In<R, 1>>(), in("weight"), may("bias"))
      .def("forward", &PackedLinear<R>::forward, in("x"), in("out"));
}

}  // namespace
}  // namespace recurra

NB_MODULE(_native, m) {
  using namespace recurra;
  // Objects of this module may outlive it at the end of the process; that is no leak to speak of.
  nb::set_leak_warnings(false);
  m.attr("descriptor_version") = descriptor_version;
  m.def("isa", [] { return table().name; });
  m.def("isas", [] {
    nb::list names;
    for (const Table* const* at = tables(); *at; ++at) names.append((*at)->name);
    return names;
  });
  m.def("choose", &choose, "name"_a);
  m.def("bfloat16", [] { return table().bfloat16 != nullptr; });
  m.def("vector_bytes", [] { return table().vector_bytes; });
  bind_elementwise(m);
  bind_streams(m);
  bind<float>(m, "PackedFloat32", "backward_float32", "LinearFloat32");
  bind<double>(m, "PackedFloat64", "backward_float64", "LinearFloat64");
}
