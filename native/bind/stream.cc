// Programs (a network's stages) and streams. A step takes its arrays through the buffer protocol:
// the array types of nanobind would make a heap allocation for each.

#include "stream.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "arrays.h"

using namespace nb::literals;

namespace recurra {
namespace {

// From here on a step is long enough, about 10 microseconds, for others to have the interpreter
// meanwhile; handing it over and back costs a short step more than its own work.
constexpr double long_work = 3e5;

// An array's memory, dense and of one element type; given back at the end of the scope.
class View {
 public:
  View(const char* name, nb::handle from, bool write) {
    const int flags = PyBUF_ND | PyBUF_FORMAT | (write ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(from.ptr(), &buffer_, flags) == 0) return;
    PyErr_Clear();
    refuse(name, write ? "no dense array that can be written" : "no dense array");
  }
  ~View() { PyBuffer_Release(&buffer_); }
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  bool of(const char* formats, size_t element) const {
    const char* format = buffer_.format;
    return format && format[0] && !format[1] && std::strchr(formats, format[0]) &&
           size_t(buffer_.itemsize) == element &&
           reinterpret_cast<uintptr_t>(buffer_.buf) % element == 0;
  }
  template <class R>
  bool real() const {
    return of(sizeof(R) == sizeof(float) ? "f" : "d", sizeof(R));
  }
  // [rows, width]; one row may also come as [width].
  bool fits(long rows, long width) const {
    if (buffer_.ndim == 2) return buffer_.shape[0] == rows && buffer_.shape[1] == width;
    return buffer_.ndim == 1 && rows == 1 && buffer_.shape[0] == width;
  }
  // [rows]; one row may also come as a bare number.
  bool fits(long rows) const {
    if (buffer_.ndim == 1) return buffer_.shape[0] == rows;
    return buffer_.ndim == 0 && rows == 1;
  }
  size_t bytes() const { return size_t(buffer_.len); }
  void* data() const { return buffer_.buf; }

 private:
  Py_buffer buffer_;
};

// More than any node reads; a step's views of them stand on the stack.
constexpr size_t most_inputs = 8;

template <class R>
class Program {
 public:
  using Inputs = std::vector<std::pair<std::string, long>>;  // name and width, 0: a token

  explicit Program(const Inputs& inputs) {
    if (inputs.empty() || inputs.size() > most_inputs) refuse("inputs", "too few or too many");
    for (const auto& [name, width] : inputs) {
      if (width < 0 || width > most) refuse("inputs", "out of range");
      inputs_.push_back(width);
      names_.push_back(nb::str(name.c_str()));
    }
  }

  int layer(nb::object prepared, int source, bool residual, nb::object share_h,
            nb::object share_c) {
    Stage<R> stage;
    const long inputs = enter_layer(stage, prepared, share_h, share_c);
    stage.residual = residual;
    if (residual && stage.width != inputs) refuse("residual", "the widths differ");
    return add(stage, {{source, inputs}}, {prepared});
  }

  int grud(nb::object prepared, nb::object decay, In<R, 1> mean, In<R, 1> weight, In<R, 1> bias,
           int x, int observed, int elapsed, nb::object share_h) {
    Stage<R> stage;
    const long inputs = enter_layer(stage, prepared, share_h, nb::none());
    stage.kind = StageKind::grud;
    stage.elementwise = &elementwise<R>();
    stage.decay = nb::cast<Prepared<R>>(decay);
    const long features = long(mean.shape(0));
    if (features < 1) refuse("mean", "no features");
    for (const In<R, 1>* each : {&mean, &weight, &bias}) {
      need_axes("mean, weight and bias", *each, {features});
      need_dense("mean, weight and bias", *each);
    }
    stage.holes = {mean.data(), weight.data(), bias.data(), features};
    if (stage.prepared.problem.family != Family::gru || inputs != 2 * features)
      refuse("prepared", "no GRU of values and flags");
    if (stage.decay.linear.inputs != features || stage.decay.linear.outputs != stage.width)
      refuse("decay", "no linear map from the features to the units");
    return add(stage, {{x, features}, {observed, features}, {elapsed, 1}},
               {prepared, decay, nb::cast(mean), nb::cast(weight), nb::cast(bias)});
  }

  int linear(nb::object prepared, int source, int activation) {
    Stage<R> stage;
    stage.kind = StageKind::linear;
    stage.prepared = nb::cast<Prepared<R>>(prepared);
    stage.width = stage.prepared.linear.outputs;
    if (stage.width < 1) refuse("prepared", "no linear map");
    if (activation < 0 || activation >= activations) refuse("activation", "out of range");
    stage.activation = Activation(activation);
    stage.elementwise = &elementwise<R>();
    return add(stage, {{source, stage.prepared.linear.inputs}}, {prepared});
  }

  int embedding(nb::object weight, int source) {
    const auto rows = nb::cast<In<R, 2>>(weight);
    need_dense("weight", rows);
    Stage<R> stage;
    stage.kind = StageKind::embedding;
    stage.rows = rows.data();
    stage.tokens = long(rows.shape(0));
    stage.width = long(rows.shape(1));
    if (!is_token(source)) refuse("source", "no tokens");
    return add(stage, {{source, 0}}, {weight});
  }

  int pool(int source, bool last, bool mean, bool max) {
    Stage<R> stage;
    stage.kind = StageKind::pool;
    stage.last = last, stage.mean = mean, stage.max = max;
    stage.pooled = width_of(source);
    stage.width = stage.pooled * (int(last) + int(mean) + int(max));
    return add(stage, {{source, stage.pooled}}, {});
  }

  int window(int source, long steps) {
    Stage<R> stage;
    stage.kind = StageKind::window;
    if (steps < 1 || steps > 1L << 20) refuse("steps", "out of range");
    stage.steps = steps;
    stage.width = width_of(source) * steps;
    return add(stage, {{source, width_of(source)}}, {});
  }

  int concat(int left, int right) {
    Stage<R> stage;
    stage.kind = StageKind::concat;
    stage.left = width_of(left);
    stage.width = stage.left + width_of(right);
    return add(stage, {{left, stage.left}, {right, width_of(right)}}, {});
  }

  long width_of(int source) const {
    if (source < 0 || size_t(source) >= inputs_.size() + stages_.size())
      refuse("source", "no such value");
    const size_t at = size_t(source), first = inputs_.size();
    return at < first ? inputs_[at] : stages_[at - first].width;
  }
  const std::vector<long>& inputs() const { return inputs_; }
  const std::vector<nb::object>& names() const { return names_; }
  // Streams point into the stages: none may be added from now on.
  const std::vector<Stage<R>>& stages() {
    sealed_ = true;
    return stages_;
  }

 private:
  static constexpr long most = 1L << 32;

  bool is_token(int source) const {
    return source >= 0 && size_t(source) < inputs_.size() && inputs_[size_t(source)] == 0;
  }

  // Gives the width of what it reads.
  long enter_layer(Stage<R>& stage, nb::object prepared, nb::object share_h, nb::object share_c) {
    stage.prepared = nb::cast<Prepared<R>>(prepared);
    const Problem& p = stage.prepared.problem;
    if (p.units < 1) refuse("prepared", "no layer");
    stage.width = p.units;
    if (!share_h.is_none()) stage.share_h = nb::cast<R>(share_h);
    if (!share_c.is_none()) stage.share_c = nb::cast<R>(share_c);
    return p.inputs;
  }

  int add(Stage<R>& stage, std::initializer_list<std::pair<int, long>> sources,
          std::initializer_list<nb::object> owners) {
    if (sealed_) refuse("program", "it has streams already");
    size_t k = 0;
    for (const auto& [source, width] : sources) {
      if (width_of(source) != width || is_token(source) != (stage.kind == StageKind::embedding))
        refuse("source", "the widths differ");
      stage.sources[k++] = source;
    }
    if (stage.width > most) refuse("width", "out of range");
    stages_.push_back(stage);
    owners_.insert(owners_.end(), owners.begin(), owners.end());
    return int(inputs_.size() + stages_.size()) - 1;
  }

  std::vector<long> inputs_;
  std::vector<nb::object> names_;
  std::vector<Stage<R>> stages_;
  std::vector<nb::object> owners_;  // of the memory that the stages read
  bool sealed_ = false;
};

template <class R>
class Streaming {
 public:
  Streaming(Program<R>& program, long rows, int output, int threads)
      : inputs_(program.inputs()), names_(program.names()), rows_(rows), output_(output),
        width_(program.width_of(output)),
        stream_(program.stages(), program.inputs(), rows, threads) {
    memory_ = allocate(stream_.size());
    std::memset(memory_.get(), 0, stream_.size());
    stream_.place(memory_.get());
  }

  static void check(Program<R>& program, long rows, int output, int threads) {
    if (rows < 1 || rows > 1L << 24) refuse("rows", "out of range");
    if (threads < 1) refuse("threads", "expected at least 1");
    if (output < 0 || size_t(output) < program.inputs().size()) refuse("output", "no stage");
    double values = 0;
    for (const Stage<R>& stage : program.stages())
      values += 16.0 * double(stage.width + 2 * stage.holes.features);
    if (values * double(rows) > 1e12) throw std::bad_alloc();
  }

  void feed(nb::handle x, nb::handle out) {
    const Turn turn(*this);
    compute(x, out);
    stream_.accept();
  }
  void advance(nb::handle x, nb::handle out) {
    const Turn turn(*this);
    compute(x, out);
  }
  void accept() {
    const Turn turn(*this);
    stream_.accept();
  }

  void save(nb::args arrays) {
    const Turn turn(*this);
    each_slot(arrays, true, [&](size_t i, void* at) {
      std::memcpy(at, stream_.slot(i), stream_.slot_bytes(i));
    });
  }
  void load(nb::args arrays) {
    const Turn turn(*this);
    // All are looked at before the first is taken.
    each_slot(arrays, false, [](size_t, void*) {});
    each_slot(arrays, false, [&](size_t i, void* at) { stream_.fill_slot(i, at); });
  }

 private:
  // One thread at a time.
  class Turn {
   public:
    explicit Turn(Streaming& stream) : busy_(stream.busy_) {
      if (busy_.exchange(true, std::memory_order_acquire))
        throw std::runtime_error("another thread is in this stream");
    }
    ~Turn() { busy_.store(false, std::memory_order_release); }

   private:
    std::atomic<bool>& busy_;
  };

  void compute(nb::handle x, nb::handle out) {
    std::optional<View> from[most_inputs];
    const void* given[most_inputs];
    for (size_t k = 0; k < inputs_.size(); ++k) {
      const View& view = from[k].emplace("x", input(x, k), false);
      const bool fits = inputs_[k] > 0 ? view.template real<R>() && view.fits(rows_, inputs_[k])
                                       : view.of("lq", sizeof(int64_t)) && view.fits(rows_);
      if (!fits) refuse("x", "an axis or the element type does not fit");
      given[k] = view.data();
    }
    const View to("out", out, true);
    if (!to.real<R>() || !to.fits(rows_, width_))
      refuse("out", "an axis or the element type does not fit");
    if (!advanced(given)) refuse("x", "no such token");
    std::memcpy(to.data(), stream_.value(output_), to.bytes());
  }

  // A single input comes by itself, several in a dict by their names.
  nb::handle input(nb::handle x, size_t k) const {
    if (inputs_.size() == 1) return x;
    if (!PyDict_CheckExact(x.ptr()) || size_t(PyDict_Size(x.ptr())) != inputs_.size())
      refuse("x", "no dict of the inputs");
    PyObject* found = PyDict_GetItemWithError(x.ptr(), names_[k].ptr());
    if (found) return found;
    PyErr_Clear();
    refuse("x", "an input is missing");
  }

  bool advanced(const void* const* given) {
    if (stream_.work() < long_work) return stream_.advance(given);
    nb::gil_scoped_release released;
    return stream_.advance(given);
  }

  template <class Visit>
  void each_slot(nb::args arrays, bool write, Visit visit) {
    if (arrays.size() != stream_.slots()) refuse("slots", "too few or too many");
    for (size_t i = 0; i < stream_.slots(); ++i) {
      const View view("slot", arrays[i], write);
      if (view.bytes() != stream_.slot_bytes(i)) refuse("slot", "of another size");
      visit(i, view.data());
    }
  }

  std::vector<long> inputs_;
  std::vector<nb::object> names_;
  long rows_;
  int output_;
  long width_;
  Stream<R> stream_;
  Memory memory_;
  std::atomic<bool> busy_{false};
};

template <class R>
void bind(nb::module_& m, const char* prepared, const char* program, const char* stream) {
  nb::class_<Prepared<R>>(m, prepared);
  nb::class_<Program<R>>(m, program)
      .def(nb::init<const typename Program<R>::Inputs&>(), "inputs"_a)
      .def("layer", &Program<R>::layer, "prepared"_a, "source"_a, "residual"_a,
           "share_h"_a.none(), "share_c"_a.none())
      .def("grud", &Program<R>::grud, "prepared"_a, "decay"_a, "mean"_a, "weight"_a, "bias"_a,
           "x"_a, "observed"_a, "elapsed"_a, "share_h"_a.none())
      .def("linear", &Program<R>::linear, "prepared"_a, "source"_a, "activation"_a)
      .def("embedding", &Program<R>::embedding, "weight"_a, "source"_a)
      .def("pool", &Program<R>::pool, "source"_a, "last"_a, "mean"_a, "max"_a)
      .def("window", &Program<R>::window, "source"_a, "steps"_a)
      .def("concat", &Program<R>::concat, "left"_a, "right"_a);
  nb::class_<Streaming<R>>(m, stream)
      .def("__init__",
           [](Streaming<R>* self, Program<R>& program, long rows, int output, int threads) {
             Streaming<R>::check(program, rows, output, threads);
             new (self) Streaming<R>(program, rows, output, threads);
           },
           "program"_a, "rows"_a, "output"_a, "threads"_a, nb::keep_alive<1, 2>())
      .def("feed", &Streaming<R>::feed)
      .def("advance", &Streaming<R>::advance)
      .def("accept", &Streaming<R>::accept)
      .def("save", &Streaming<R>::save)
      .def("load", &Streaming<R>::load);
}

}  // namespace

void bind_streams(nb::module_& m) {
  bind<float>(m, "PreparedFloat32", "ProgramFloat32", "StreamFloat32");
  bind<double>(m, "PreparedFloat64", "ProgramFloat64", "StreamFloat64");
}

}  // namespace recurra
