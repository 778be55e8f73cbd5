#include "recurra/stream.h"

#include <cstring>

namespace recurra {
namespace {

size_t whole_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

template <class R>
double multiplications(const Stage<R>& stage) {
  const Prepared<R>& own = stage.prepared;
  if (stage.kind == StageKind::linear) return double(own.linear.inputs) * own.linear.outputs;
  if (stage.kind != StageKind::layer) return 0;
  return double(own.problem.gates()) * own.problem.units * (own.problem.inputs + own.problem.units);
}

}  // namespace

template <class R>
Stream<R>::Stream(const std::vector<Stage<R>>& stages, long inputs, long rows, int threads)
    : stages_(stages), inputs_(inputs), rows_(rows), threads_(threads) {
  for (const Stage<R>& stage : stages_) {
    first_slot_.push_back(slots_.size());
    add_slots(stage);
    work_ += multiplications(stage) * double(rows_);
  }
  lay_out(nullptr);
}

template <class R>
void Stream<R>::add_slots(const Stage<R>& stage) {
  const auto add = [&](bool kept, long width, size_t element) {
    if (!kept) return;
    const size_t bytes = size_t(rows_) * size_t(width) * element;
    slots_.push_back({state_bytes_, bytes});
    state_bytes_ += whole_lines(bytes);
  };
  const bool layer = stage.kind == StageKind::layer, pool = stage.kind == StageKind::pool;
  add(layer, stage.width, sizeof(R));
  add(layer && stage.prepared.problem.family == Family::lstm, stage.width, sizeof(R));
  add(pool, 1, sizeof(double));
  add(pool && stage.last, stage.pooled, sizeof(R));
  add(pool && stage.mean, stage.pooled, sizeof(double));
  add(pool && stage.max, stage.pooled, sizeof(R));
}

template <class R>
void Stream<R>::lay_out(char* memory) {
  size_t at = 0, workspace = 0;
  const auto take = [&](size_t bytes) {
    char* from = memory ? memory + at : nullptr;
    at += whole_lines(bytes);
    return from;
  };
  for (int copy = 0; copy < 2; ++copy) {
    state_[copy] = take(state_bytes_);
    // The network's input stands first; each step says where it is.
    paths_[copy].values.assign(stages_.size() + 1, nullptr);
    paths_[copy].calls.assign(stages_.size(), {});
    paths_[copy].outs.assign(stages_.size(), {});
  }
  for (size_t i = 0; i < stages_.size(); ++i) {
    const Stage<R>& stage = stages_[i];
    if (stage.kind == StageKind::layer && !stage.residual) {
      for (int copy = 0; copy < 2; ++copy)
        paths_[copy].values[i + 1] = slot_of<R>(copy, first_slot_[i]);
    } else {
      R* value = reinterpret_cast<R*>(take(size_t(rows_) * size_t(stage.width) * sizeof(R)));
      for (Path& path : paths_) path.values[i + 1] = value;
    }
    if (stage.kind != StageKind::layer) continue;
    for (int copy = 0; copy < 2; ++copy) enter(i, copy);
    const Call<R>& call = paths_[0].calls[i];
    const size_t needed = stage.prepared.kernels->forward_workspace(call);
    workspace = needed > workspace ? needed : workspace;
  }
  char* shared = take(workspace);
  for (Path& path : paths_)
    for (Call<R>& call : path.calls) call.workspace = shared;
  size_ = at;
}

template <class R>
void Stream<R>::enter(size_t i, int copy) {
  const Stage<R>& stage = stages_[i];
  Call<R>& call = paths_[copy].calls[i];
  Outputs<R>& out = paths_[copy].outs[i];
  call.problem = stage.prepared.problem;
  call.problem.batch = rows_;
  call.problem.time = 1;
  call.problem.threads = threads_;
  call.x = {nullptr, call.problem.inputs, 0, 1};
  call.h0 = {slot_of<R>(1 - copy, first_slot_[i]), stage.width};
  out.h = {slot_of<R>(copy, first_slot_[i]), stage.width};
  if (call.problem.family == Family::lstm) {
    call.c0 = {slot_of<R>(1 - copy, first_slot_[i] + 1), stage.width};
    out.c = {slot_of<R>(copy, first_slot_[i] + 1), stage.width};
  }
  if (stage.share_h) call.zoneout_h = {&*stage.share_h, 0, 0, 0};
  if (stage.share_c) call.zoneout_c = {&*stage.share_c, 0, 0, 0};
}

template <class R>
void Stream<R>::fill_slot(size_t i, const void* from) {
  std::memcpy(state_[now_] + slots_[i].at, from, slots_[i].bytes);
  next_ = now_;
}

template <class R>
bool Stream<R>::tokens_exist(const int64_t* x) const {
  for (const Stage<R>& stage : stages_)
    if (stage.kind == StageKind::embedding)
      for (long b = 0; b < rows_; ++b)
        if (x[b] < 0 || x[b] >= stage.tokens) return false;
  return true;
}

template <class R>
bool Stream<R>::advance(const void* x) {
  if (inputs_ == 0 && !tokens_exist(static_cast<const int64_t*>(x))) return false;
  next_ = 1 - now_;
  for (size_t i = 0; i < stages_.size(); ++i) run(i, paths_[next_], x);
  return true;
}

template <class R>
void Stream<R>::run(size_t i, const Path& path, const void* input) {
  const Stage<R>& stage = stages_[i];
  const void* source = stage.source == 0 ? input : path.values[stage.source];
  const R* x = static_cast<const R*>(source);
  R* to = path.values[i + 1];
  switch (stage.kind) {
    case StageKind::layer:
      return run_layer(i, path, x);
    case StageKind::linear: {
      const Prepared<R>& own = stage.prepared;
      return own.kernels->linear(own.linear, own.packed, {x, own.linear.inputs}, rows_,
                                 {to, own.linear.outputs});
    }
    case StageKind::embedding:
      for (long b = 0; b < rows_; ++b)
        std::memcpy(to + b * stage.width,
                    stage.rows + static_cast<const int64_t*>(source)[b] * stage.width,
                    size_t(stage.width) * sizeof(R));
      return;
    case StageKind::pool:
      return run_pool(i, to, x);
  }
}

template <class R>
void Stream<R>::run_layer(size_t i, const Path& path, const R* x) {
  const Stage<R>& stage = stages_[i];
  Call<R> call = path.calls[i];
  call.x.data = x;
  stage.prepared.kernels->forward(call, stage.prepared.packed, path.outs[i]);
  if (!stage.residual) return;
  const R* h = path.outs[i].h.data;
  R* to = path.values[i + 1];
  for (long k = 0; k < rows_ * stage.width; ++k) to[k] = h[k] + x[k];
}

// The arithmetic of the whole sequence's pool, value by value: sums in double, in the order of time.
template <class R>
void Stream<R>::run_pool(size_t i, R* to, const R* x) {
  const Stage<R>& stage = stages_[i];
  const long size = stage.pooled;
  size_t slot = first_slot_[i];
  const int from = now_, into = next_;
  const double* seen = slot_of<double>(from, slot);
  double* seen_next = slot_of<double>(into, slot++);
  for (long b = 0; b < rows_; ++b) seen_next[b] = seen[b] + 1.0;
  if (stage.last) {
    R* last = slot_of<R>(into, slot++);
    for (long b = 0; b < rows_; ++b)
      for (long k = 0; k < size; ++k) to[b * stage.width + k] = last[b * size + k] = x[b * size + k];
    to += size;
  }
  if (stage.mean) {
    const double* sum = slot_of<double>(from, slot);
    double* sum_next = slot_of<double>(into, slot++);
    for (long b = 0; b < rows_; ++b) {
      const double count = seen_next[b] < 1.0 ? 1.0 : seen_next[b];
      for (long k = 0; k < size; ++k) {
        sum_next[b * size + k] = sum[b * size + k] + double(x[b * size + k]);
        to[b * stage.width + k] = R(sum_next[b * size + k] / count);
      }
    }
    to += size;
  }
  if (stage.max) {
    const R* most = slot_of<R>(from, slot);
    R* most_next = slot_of<R>(into, slot++);
    for (long b = 0; b < rows_; ++b)
      for (long k = 0; k < size; ++k) {
        const R value = x[b * size + k], held = most[b * size + k];
        // A NaN that was taken stays, for nothing is larger.
        const bool taken = seen[b] == 0 || value > held || value != value;
        to[b * stage.width + k] = most_next[b * size + k] = taken ? value : held;
      }
  }
}

template class Stream<float>;
template class Stream<double>;

}  // namespace recurra
