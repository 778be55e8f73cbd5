// Programs (a network's stages) and streams. A step takes its arrays through the buffer protocol:
// the array types of nanobind would make a heap allocation for each.

#include "stream.h"

#include <atomic>
#include <cstring>

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

template <class R>
class Program {
 public:
  Program(long inputs) : inputs_(inputs) {
    if (inputs < 0 || inputs > most) refuse("inputs", "out of range");
  }

  int layer(nb::object prepared, int source, bool residual, nb::object share_h,
            nb::object share_c) {
    Stage<R> stage;
    stage.prepared = nb::cast<Prepared<R>>(prepared);
    const Problem& p = stage.prepared.problem;
    if (p.units < 1) refuse("prepared", "no layer");
    stage.width = p.units;
    stage.residual = residual;
    if (residual && p.units != p.inputs) refuse("residual", "the widths differ");
    if (!share_h.is_none()) stage.share_h = nb::cast<R>(share_h);
    if (!share_c.is_none()) stage.share_c = nb::cast<R>(share_c);
    return add(stage, source, p.inputs, prepared);
  }

  int linear(nb::object prepared, int source) {
    Stage<R> stage;
    stage.kind = StageKind::linear;
    stage.prepared = nb::cast<Prepared<R>>(prepared);
    stage.width = stage.prepared.linear.outputs;
    if (stage.width < 1) refuse("prepared", "no linear map");
    return add(stage, source, stage.prepared.linear.inputs, prepared);
  }

  int embedding(nb::object weight, int source) {
    const auto rows = nb::cast<In<R, 2>>(weight);
    need_dense("weight", rows);
    if (inputs_ != 0 || source != 0) refuse("source", "no tokens");
    Stage<R> stage;
    stage.kind = StageKind::embedding;
    stage.rows = rows.data();
    stage.tokens = long(rows.shape(0));
    stage.width = long(rows.shape(1));
    return add(stage, source, 0, weight);
  }

  int pool(int source, bool last, bool mean, bool max) {
    Stage<R> stage;
    stage.kind = StageKind::pool;
    stage.last = last, stage.mean = mean, stage.max = max;
    stage.pooled = width_of(source);
    stage.width = stage.pooled * (int(last) + int(mean) + int(max));
    return add(stage, source, stage.pooled, nb::none());
  }

  long width_of(int source) const {
    if (source < 0 || size_t(source) > stages_.size()) refuse("source", "no such value");
    return source == 0 ? inputs_ : stages_[size_t(source) - 1].width;
  }
  long inputs() const { return inputs_; }
  // Streams point into the stages: none may be added from now on.
  const std::vector<Stage<R>>& stages() {
    sealed_ = true;
    return stages_;
  }

 private:
  static constexpr long most = 1L << 32;

  int add(Stage<R>& stage, int source, long inputs, nb::object owner) {
    if (sealed_) refuse("program", "it has streams already");
    const bool tokens = stage.kind == StageKind::embedding;
    if (width_of(source) != inputs || (source == 0 && tokens != (inputs_ == 0)))
      refuse("source", "the widths differ");
    if (stage.width > most) refuse("width", "out of range");
    stage.source = source;
    stages_.push_back(stage);
    owners_.push_back(owner);
    return int(stages_.size());
  }

  long inputs_;
  std::vector<Stage<R>> stages_;
  std::vector<nb::object> owners_;  // of the memory that the stages read
  bool sealed_ = false;
};

template <class R>
class Streaming {
 public:
  Streaming(Program<R>& program, long rows, int output, int threads)
      : inputs_(program.inputs()), rows_(rows), output_(output), width_(program.width_of(output)),
        stream_(program.stages(), program.inputs(), rows, threads) {
    memory_ = allocate(stream_.size());
    std::memset(memory_.get(), 0, stream_.size());
    stream_.place(memory_.get());
  }

  static void check(Program<R>& program, long rows, int output, int threads) {
    if (rows < 1 || rows > 1L << 24) refuse("rows", "out of range");
    if (threads < 1) refuse("threads", "expected at least 1");
    if (output < 1) refuse("output", "no stage");
    double values = 0;
    for (const Stage<R>& stage : program.stages()) values += 16.0 * stage.width;
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
    const View from("x", x, false), to("out", out, true);
    const bool fits = inputs_ > 0 ? from.real<R>() && from.fits(rows_, inputs_)
                                  : from.of("lq", sizeof(int64_t)) && from.fits(rows_);
    if (!fits) refuse("x", "an axis or the element type does not fit");
    if (!to.real<R>() || !to.fits(rows_, width_))
      refuse("out", "an axis or the element type does not fit");
    if (!advanced(from.data())) refuse("x", "no such token");
    std::memcpy(to.data(), stream_.value(output_), to.bytes());
  }

  bool advanced(const void* x) {
    if (stream_.work() < long_work) return stream_.advance(x);
    nb::gil_scoped_release released;
    return stream_.advance(x);
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

  long inputs_, rows_;
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
      .def(nb::init<long>(), "inputs"_a)
      .def("layer", &Program<R>::layer, "prepared"_a, "source"_a, "residual"_a,
           "share_h"_a.none(), "share_c"_a.none())
      .def("linear", &Program<R>::linear, "prepared"_a, "source"_a)
      .def("embedding", &Program<R>::embedding, "weight"_a, "source"_a)
      .def("pool", &Program<R>::pool, "source"_a, "last"_a, "mean"_a, "max"_a);
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
