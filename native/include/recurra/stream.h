// A network that runs one step at a time: its nodes in running order, over the rows of one batch.
//
// The state is held twice. A step reads one copy and writes the other; `accept` makes the other the
// state. So a step that is not accepted leaves every byte of the state as it was. Each row's bits
// are those of the kernels' forward over the whole sequence (gru.h, lstm.h, rnn.h, scan.h,
// linear.h).
//
// Once built, nothing is allocated: not by a step, not by `accept`.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "recurra/dispatch.h"

namespace recurra {

// A layer's or a linear map's weights as packed once, and the kernels that read them.
template <class R>
struct Prepared {
  const Kernels<R>* kernels = nullptr;
  const R* packed = nullptr;
  Problem problem;   // of a layer
  Linear<R> linear;  // of a linear map
};

enum class StageKind : int { layer, linear, embedding, pool };

template <class R>
struct Stage {
  StageKind kind = StageKind::layer;
  // The value that it reads: 0 is the network's input, i + 1 is what stage i puts out.
  int source = 0;
  long width = 0;  // of what it puts out

  Prepared<R> prepared;            // layer, linear
  bool residual = false;           // layer: the input is added to the output
  std::optional<R> share_h, share_c;  // layer: of the new value that a step takes; absent: all

  const R* rows = nullptr;  // embedding: [tokens, width]
  long tokens = 0;

  bool last = false, mean = false, max = false;  // pool: of `pooled` values
  long pooled = 0;
};

template <class R>
class Stream {
 public:
  // inputs: width of x, 0 where it is a token. The stages stay the caller's, for the stream's life.
  Stream(const std::vector<Stage<R>>& stages, long inputs, long rows, int threads);

  // How many bytes `place` needs, aligned to 64; they are the caller's, for the stream's life.
  size_t size() const { return size_; }
  void place(char* memory) { lay_out(memory); }

  // One step from x, R [rows, inputs] or int64 [rows]. False: a token does not exist, and nothing
  // was computed.
  bool advance(const void* x);
  void accept() { now_ = next_; }

  // What `source` (see Stage) of the newest step holds, [rows, its width].
  const R* value(int source) const { return paths_[next_].values[source]; }

  // Every slot of the state in running order, [rows, width]: of a layer h and c in R; of a pool
  // seen (width 1) in double, last in R, the sum in double, max in R.
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
    std::vector<R*> values;
    std::vector<Call<R>> calls;
    std::vector<Outputs<R>> outs;
  };

  void add_slots(const Stage<R>& stage);
  void lay_out(char* memory);
  template <class T>
  T* slot_of(int copy, size_t i) const {
    return state_[copy] ? reinterpret_cast<T*>(state_[copy] + slots_[i].at) : nullptr;
  }
  void enter(size_t i, int copy);
  bool tokens_exist(const int64_t* x) const;
  void run(size_t i, const Path& path, const void* x);
  void run_layer(size_t i, const Path& path, const R* x);
  void run_pool(size_t i, R* to, const R* x);

  const std::vector<Stage<R>>& stages_;
  long inputs_, rows_;
  int threads_;
  std::vector<Slot> slots_;
  std::vector<size_t> first_slot_;  // of each stage
  size_t state_bytes_ = 0, size_ = 0;
  double work_ = 0;
  char* state_[2] = {};
  Path paths_[2];
  int now_ = 0, next_ = 0;
};

}  // namespace recurra
