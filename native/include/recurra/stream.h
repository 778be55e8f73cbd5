// A network that runs one step at a time: its nodes in running order, over the rows of one batch.
//
// The state is held twice. A step reads one copy and writes the other; `accept` makes the other the
// state. So a step that is not accepted leaves every byte of the state as it was. Each row's bits
// are those of the kernels' forward over the whole sequence (gru.h, lstm.h, rnn.h, scan.h,
// linear.h, elementwise.h).
//
// Once built, nothing is allocated: not by a step, not by `accept`.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "recurra/dispatch.h"
#include "recurra/elementwise.h"

namespace recurra {

// A layer's or a linear map's weights as packed once, and the kernels that read them.
template <class R>
struct Prepared {
  const Kernels<R>* kernels = nullptr;
  const R* packed = nullptr;
  Problem problem;   // of a layer
  Linear<R> linear;  // of a linear map
};

// A GRU-D is a layer with what comes before it; a window holds the newest steps of its input side
// by side, the oldest first; concat puts its two inputs side by side.
enum class StageKind : int { layer, linear, embedding, pool, grud, window, concat };

template <class R>
struct Stage {
  StageKind kind = StageKind::layer;
  // The values that it reads: of k inputs the network's first is 0, what stage i puts out is k + i.
  std::array<int, 3> sources = {};
  long width = 0;  // of what it puts out

  Prepared<R> prepared;               // layer, linear, grud
  bool residual = false;              // layer: the input is added to the output
  std::optional<R> share_h, share_c;  // layer, grud: of the new value that a step takes; absent: all

  const Elementwise<R>* elementwise = nullptr;   // linear, grud
  Activation activation = Activation::identity;  // linear: of what it puts out

  Holes<R> holes;     // grud: reads x, observed and elapsed
  Prepared<R> decay;  // grud: the linear map of what h fades by

  const R* rows = nullptr;  // embedding: [tokens, width]
  long tokens = 0;

  bool last = false, mean = false, max = false;  // pool: of `pooled` values
  long pooled = 0;

  long steps = 0;  // window: of so many steps
  long left = 0;   // concat: width of the first input

  bool recurs() const { return kind == StageKind::layer || kind == StageKind::grud; }
};

template <class R>
class Stream {
 public:
  // inputs: the width of each, 0 where it is a token. The stages stay the caller's, for the
  // stream's life.
  Stream(const std::vector<Stage<R>>& stages, const std::vector<long>& inputs, long rows,
         int threads);

  // How many bytes `place` needs, aligned to 64; they are the caller's, for the stream's life.
  size_t size() const { return size_; }
  void place(char* memory) { lay_out(memory); }

  // One step from each input, R [rows, width] or int64 [rows]. False: a token does not exist, and
  // nothing was computed.
  bool advance(const void* const* inputs);
  void accept() { now_ = next_; }

  // What the stage behind `source` (see Stage) put out in the newest step, [rows, its width].
  const R* value(int source) const { return paths_[next_].values[size_t(source) - inputs_.size()]; }

  // Every slot of the state in running order, [rows, width]: of a layer h and c in R; of a GRU-D h,
  // last and since in R; of a window the steps before the newest in R; of a pool seen (width 1) in
  // double, last in R, the sum in double, max in R.
  size_t slots() const { return slots_.size(); }
  size_t slot_bytes(size_t i) const { return slots_[i].bytes; }
  const char* slot(size_t i) const { return state_[now_] + slots_[i].at; }
  // Into the state; what `advance` computed and was not accepted is gone.
  void fill_slot(size_t i, const void* from);

  // Multiply-adds of one step.
  double work() const { return work_; }

 private:
  struct Slot {
    size_t at, bytes;
  };
  // Where a step reads and writes that goes into one copy of the state, from the other.
  struct Path {
    std::vector<R*> values;  // of each stage
    std::vector<Call<R>> calls;
    std::vector<Outputs<R>> outs;
  };
  // What a GRU-D computes ahead of its cell.
  struct Front {
    R *cell = nullptr, *ago = nullptr, *fade = nullptr;
  };

  void add_slots(const Stage<R>& stage);
  void lay_out(char* memory);
  template <class T>
  T* slot_of(int copy, size_t i) const {
    return state_[copy] ? reinterpret_cast<T*>(state_[copy] + slots_[i].at) : nullptr;
  }
  void enter(size_t i, int copy);
  bool tokens_exist(const void* const* inputs) const;
  const void* given(const Stage<R>& stage, int k, const Path& path, const void* const* inputs) const;
  void run(size_t i, const Path& path, const void* const* inputs);
  void run_layer(size_t i, const Path& path, const R* x);
  void run_linear(const Stage<R>& stage, R* to, const R* x);
  void run_grud(size_t i, const Path& path, const R* x, const R* observed, const R* elapsed);
  void run_pool(size_t i, R* to, const R* x);
  void run_window(size_t i, R* to, const R* x);

  const std::vector<Stage<R>>& stages_;
  std::vector<long> inputs_;
  long rows_;
  int threads_;
  std::vector<Front> fronts_;  // of each stage
  std::vector<Slot> slots_;
  std::vector<size_t> first_slot_;  // of each stage
  size_t state_bytes_ = 0, size_ = 0;
  double work_ = 0;
  char* state_[2] = {};
  Path paths_[2];
  int now_ = 0, next_ = 0;
};

}  // namespace recurra
