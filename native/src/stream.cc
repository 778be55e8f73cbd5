#include "recurra/stream.h"

#include <cstring>

namespace recurra {
namespace {

size_t whole_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

template <class R>
double multiplications(const Linear<R>& map) {
  return double(map.inputs) * double(map.outputs);
}

// A map has no layer's sizes, a layer no map's, and other stages neither.
template <class R>
double multiplications(const Stage<R>& stage) {
  const Problem& p = stage.prepared.problem;
  const double layer = double(p.gates()) * double(p.units) * double(p.inputs + p.units);
  return layer + multiplications(stage.prepared.linear) + multiplications(stage.decay.linear);
}

}  // namespace

template <class R>
Stream<R>::Stream(const std::vector<Stage<R>>& stages, const std::vector<long>& inputs, long rows,
                  int threads)
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
  const bool pool = stage.kind == StageKind::pool, grud = stage.kind == StageKind::grud;
  add(stage.recurs(), stage.width, sizeof(R));
  add(stage.recurs() && stage.prepared.problem.family == Family::lstm, stage.width, sizeof(R));
  add(grud, stage.holes.features, sizeof(R));
  add(grud, stage.holes.features, sizeof(R));
  add(stage.kind == StageKind::window, stage.width - stage.width / (stage.steps ? stage.steps : 1),
      sizeof(R));
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
  const auto take_rows = [&](long width) {
    return reinterpret_cast<R*>(take(size_t(rows_) * size_t(width) * sizeof(R)));
  };
  for (int copy = 0; copy < 2; ++copy) {
    state_[copy] = take(state_bytes_);
    paths_[copy].values.assign(stages_.size(), nullptr);
    paths_[copy].calls.assign(stages_.size(), {});
    paths_[copy].outs.assign(stages_.size(), {});
  }
  fronts_.assign(stages_.size(), {});
  for (size_t i = 0; i < stages_.size(); ++i) {
    const Stage<R>& stage = stages_[i];
    if (stage.recurs() && !stage.residual) {
      for (int copy = 0; copy < 2; ++copy)
        paths_[copy].values[i] = slot_of<R>(copy, first_slot_[i]);
    } else {
      R* value = take_rows(stage.width);
      for (Path& path : paths_) path.values[i] = value;
    }
    if (!stage.recurs()) continue;
    if (stage.kind == StageKind::grud) {
      const long features = stage.holes.features;
      fronts_[i] = {take_rows(2 * features), take_rows(features), take_rows(stage.width)};
    }
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
  if (stage.kind != StageKind::grud) return;
  // How much workspace is needed depends on whether there is a decay: so there is one from the
  // first, and before there is memory it stands for itself.
  const R* fade = fronts_[i].fade ? fronts_[i].fade : stage.holes.mean;
  call.decay = {fade, stage.width, 0, 1};
}

template <class R>
void Stream<R>::fill_slot(size_t i, const void* from) {
  std::memcpy(state_[now_] + slots_[i].at, from, slots_[i].bytes);
  next_ = now_;
}

template <class R>
bool Stream<R>::tokens_exist(const void* const* inputs) const {
  for (const Stage<R>& stage : stages_) {
    if (stage.kind != StageKind::embedding) continue;
    const auto* tokens = static_cast<const int64_t*>(inputs[stage.sources[0]]);
    for (long b = 0; b < rows_; ++b)
      if (tokens[b] < 0 || tokens[b] >= stage.tokens) return false;
  }
  return true;
}

template <class R>
bool Stream<R>::advance(const void* const* inputs) {
  if (!tokens_exist(inputs)) return false;
  next_ = 1 - now_;
  for (size_t i = 0; i < stages_.size(); ++i) run(i, paths_[next_], inputs);
  return true;
}

template <class R>
const void* Stream<R>::given(const Stage<R>& stage, int k, const Path& path,
                             const void* const* inputs) const {
  const size_t source = size_t(stage.sources[size_t(k)]), first = inputs_.size();
  return source < first ? inputs[source] : path.values[source - first];
}

template <class R>
void Stream<R>::run(size_t i, const Path& path, const void* const* inputs) {
  const Stage<R>& stage = stages_[i];
  const auto real = [&](int k) {
    return static_cast<const R*>(given(stage, k, path, inputs));
  };
  R* to = path.values[i];
  switch (stage.kind) {
    case StageKind::layer:
      return run_layer(i, path, real(0));
    case StageKind::linear:
      return run_linear(stage, to, real(0));
    case StageKind::embedding: {
      const auto* tokens = static_cast<const int64_t*>(inputs[stage.sources[0]]);
      for (long b = 0; b < rows_; ++b)
        std::memcpy(to + b * stage.width, stage.rows + tokens[b] * stage.width,
                    size_t(stage.width) * sizeof(R));
      return;
    }
    case StageKind::pool:
      return run_pool(i, to, real(0));
    case StageKind::grud:
      return run_grud(i, path, real(0), real(1), real(2));
    case StageKind::window:
      return run_window(i, to, real(0));
    case StageKind::concat: {
      const long left = stage.left, right = stage.width - left;
      for (long b = 0; b < rows_; ++b) {
        std::memcpy(to + b * stage.width, real(0) + b * left, size_t(left) * sizeof(R));
        std::memcpy(to + b * stage.width + left, real(1) + b * right, size_t(right) * sizeof(R));
      }
      return;
    }
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
  R* to = path.values[i];
  for (long k = 0; k < rows_ * stage.width; ++k) to[k] = h[k] + x[k];
}

template <class R>
void Stream<R>::run_linear(const Stage<R>& stage, R* to, const R* x) {
  const Prepared<R>& own = stage.prepared;
  own.kernels->linear(own.linear, own.packed, {x, own.linear.inputs}, rows_, {to, stage.width});
  if (stage.activation != Activation::identity)
    stage.elementwise->activate(stage.activation, to, rows_ * stage.width);
}

template <class R>
void Stream<R>::run_grud(size_t i, const Path& path, const R* x, const R* observed,
                         const R* elapsed) {
  const Stage<R>& stage = stages_[i];
  const Front& front = fronts_[i];
  const size_t last = first_slot_[i] + 1, since = last + 1;
  const Filling<R> step{x, observed, elapsed, slot_of<R>(now_, last), slot_of<R>(now_, since),
                        front.cell, front.ago, slot_of<R>(next_, last), slot_of<R>(next_, since)};
  stage.elementwise->fill(stage.holes, step, rows_);
  const Prepared<R>& decay = stage.decay;
  decay.kernels->linear(decay.linear, decay.packed, {front.ago, stage.holes.features}, rows_,
                        {front.fade, stage.width});
  stage.elementwise->fade(front.fade, rows_ * stage.width);
  run_layer(i, path, front.cell);
}

template <class R>
void Stream<R>::run_window(size_t i, R* to, const R* x) {
  const Stage<R>& stage = stages_[i];
  const long newest = stage.width / stage.steps, before = stage.width - newest;
  const R* recent = slot_of<R>(now_, first_slot_[i]);
  R* recent_next = slot_of<R>(next_, first_slot_[i]);
  for (long b = 0; b < rows_; ++b) {
    R* window = to + b * stage.width;
    std::memcpy(window, recent + b * before, size_t(before) * sizeof(R));
    std::memcpy(window + before, x + b * newest, size_t(newest) * sizeof(R));
    std::memcpy(recent_next + b * before, window + newest, size_t(before) * sizeof(R));
  }
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
