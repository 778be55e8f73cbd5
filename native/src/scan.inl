// minGRU (scan.h). Its gates read x alone, so a vector of units of one row is a chain of its own: it
// runs over a chunk of time while its sums are in the first cache, and threads need not meet.

template <class R_, class Activations>
struct Scan : Activations {
  using R = R_;
  using Real = R_;
  using Activations::Activations;
  static constexpr int gates = 2, first = 0, kept = 3;
  static constexpr bool two_stages = false, split_candidate = false;
  static constexpr int input_gates[] = {0, 1};
};

// Threads take rows or units, whichever there are more of.
template <class R>
Team scan_team(const Problem& p, double passes) {
  Team team;
  // The gates of a unit cost about as much as sixteen inputs.
  const double work =
      passes * p.gates() * double(p.units) * (p.inputs + 16.0) * p.batch * p.time;
  // Below about 30 microseconds of work waking the others costs more than they bring.
  if (work < 5e5) return team;
  const long panels = ceiling(p.units, lanes<R>);
  team.by_units = panels > p.batch;
  team.threads = int(smaller(p.threads, team.by_units ? panels : p.batch));
  return team;
}

inline Share scan_share(const Team& team, int index, int count, long rows, long panels) {
  Share share{0, rows, 0, panels};
  if (team.by_units)
    Team::part(panels, 1, index, count, share.panel, share.panel_end);
  else
    Team::part(rows, 1, index, count, share.row, share.row_end);
  return share;
}

template <class R>
RECURRA_INLINE long scan_kept(const Problem& p, long t, long j, long b) {
  return ((j * p.batch + b) * p.time + t) * 3 * lanes<R>;
}

template <class R_, class Activations>
class ForwardSweep<Scan<R_, Activations>> {
  using R = R_;
  using F = Scan<R, Activations>;
  static constexpr int W = lanes<R>;
  static constexpr long most = rows_at_once<F::gates>();
  static constexpr long chunk = 64;  // steps: their sums and their x stay in the caches

 public:
  ForwardSweep(const Call<R>& call, const R* packed, const Outputs<R>& out, char* workspace)
      : call_(call), p_(call.problem), out_(out), equations_(p_), layout_(p_), packed_(packed),
        width_(layout_.panels * W), x_width_(factors(p_.inputs)), team_(scan_team<R>(p_, 1)),
        plan_{&call}, rows_(p_.time >= most ? chunk : p_.batch) {
    Carve carve(workspace);
    if (needs_flags(call)) plan_.flags = carve.take<uint8_t>(size_t(p_.time) * p_.batch);
    state_ = carve.take<R>(size_t(p_.batch) * width_);
    if constexpr (rounding) x_ = carve.take<Factor<R>>(size_t(team_.threads) * rows_ * x_width_);
    used_ = carve.used();
  }

  size_t workspace() const { return used_; }

  void run() {
    if (plan_.flags) fill_flags(call_, plan_.flags);
    if (p_.keep) name_writer(out_.kept);
    parallel(team_.threads, true, [](void* self, int index, int count) {
      Flushing flushing;
      ProductScope products;
      static_cast<ForwardSweep*>(self)->work(index, count);
    }, this);
  }

 private:
  long time_of(long s) const { return p_.reverse ? p_.time - 1 - s : s; }

  void work(int index, int count) {
    const Share share = scan_share(team_, index, count, p_.batch, layout_.panels);
    each_vector(share, [&](long b, long j, long real) {
      store(state_ + b * width_ + j * W, rows_at(call_.h0, b, j, real));
    });
    // A tile holds steps of one row; where steps are few, rows of one step.
    if (p_.time >= most)
      along_time(share, index);
    else
      along_rows(share, index);
    each_vector(share, [&](long b, long j, long real) {
      store_part(out_.h.at(b) + j * W, load(state_ + b * width_ + j * W), real);
    });
  }

  template <class Visit>
  RECURRA_INLINE void each_vector(const Share& share, Visit visit) const {
    for (long b = share.row; b < share.row_end; ++b)
      for (long j = share.panel; j < share.panel_end; ++j)
        visit(b, j, real_lanes<R>(p_.units, j));
  }

  Start<R> biases(long j) const {
    Start<R> start;
    for (int g = 0; g < F::gates; ++g) start.at[g] = packed_ + layout_.bias(j) + g * W;
    return start;
  }

  // `count` rows of x, `stride` apart, as the products read them.
  FactorRows<R> factors_of(const R* x, long stride, long count, int index) const {
    if constexpr (rounding) {
      Factor<R>* const to = x_ + index * rows_ * x_width_;
      for (long m = 0; m < count; ++m)
        for (long i = 0; i < x_width_; i += W)
          put(to + m * x_width_ + i,
              i < p_.inputs ? load_part(x + m * stride + i, p_.inputs - i) : Vec<R>{});
      return {to, x_width_, x_width_};
    } else {
      return {x, stride, x_width_};
    }
  }

  // The sums of `count` of those rows, the first of them number `row`, for the panel j.
  RECURRA_INLINE void sums_of(FactorRows<R> rows, long row, long count, long j, R* sums) const {
    rows.rows += row * rows.row_stride;
    product<R, F::gates>(count, biases(j), rows, packed_ + layout_.input(j),
                         {sums, F::gates * W});
  }

  void along_time(const Share& share, int index) {
    alignas(64) R sums[chunk * F::gates * W];
    const long stride = (p_.reverse ? -1 : 1) * call_.x.time;
    for (long b = share.row; b < share.row_end; ++b)
      for (long from = 0; from < p_.time; from += chunk) {
        const long to = smaller(p_.time, from + chunk);
        const FactorRows<R> x = factors_of(call_.x.at(b, time_of(from)), stride, to - from, index);
        for (long j = share.panel; j < share.panel_end; ++j) {
          const long real = real_lanes<R>(p_.units, j);
          each_tile(0, to - from, most, [&](long row, long count) {
            sums_of(x, row, count, j, sums + row * F::gates * W);
          });
          R* state = state_ + b * width_ + j * W;
          Vec<R> h = load(state);
          for (long s = from; s < to; ++s)
            h = advance(sums + (s - from) * F::gates * W, b, time_of(s), j, real, h);
          store(state, h);
        }
      }
  }

  void along_rows(const Share& share, int index) {
    constexpr long wide = most > panels_at_once ? most : panels_at_once;
    alignas(64) R sums[wide * F::gates * W];
    const auto one = [&](const R* at, long b, long t, long j) {
      R* state = state_ + b * width_ + j * W;
      store(state, advance(at, b, t, j, real_lanes<R>(p_.units, j), load(state)));
    };
    const long row = share.row, rows = share.row_end - row;
    for (long s = 0; s < p_.time; ++s) {
      const long t = time_of(s);
      if constexpr (!rounding)
        if (rows == 1) {
          step_of_row(share, t, sums, one);
          continue;
        }
      const FactorRows<R> x = factors_of(call_.x.at(row, t), call_.x.batch, rows, index);
      for (long j = share.panel; j < share.panel_end; ++j)
        each_tile(0, rows, most, [&](long first, long count) {
          sums_of(x, first, count, j, sums);
          for (long m = 0; m < count; ++m) one(sums + m * F::gates * W, row + first + m, t, j);
        });
    }
  }

  // One step of a single row: several panels at once.
  template <class One>
  RECURRA_INLINE void step_of_row(const Share& share, long t, R* sums, One one) const {
    each_tile(share.panel, share.panel_end, panels_at_once, [&](long j, long count) {
      Start<R> start = biases(j);
      for (int g = 0; g < F::gates; ++g) start.stride[g] = layout_.bias_size;
      row_product<R, F::gates>(count, start, call_.x.at(share.row, t), p_.inputs,
                               packed_ + layout_.input(j), layout_.input_size,
                               {sums, F::gates * W});
      for (long i = 0; i < count; ++i) one(sums + i * F::gates * W, share.row, t, j + i);
    });
  }

  // One step of one chain: the state ahead of it becomes the state after it.
  RECURRA_INLINE Vec<R> advance(const R* sums, long b, long t, long j, long real, Vec<R> h) {
    const uint8_t flag = plan_.at(t, b);
    if (flag & begins) h = rows_at(call_.start_h, b, j, real);
    Vec<R> update{}, candidate{}, fresh = h;
    if (flag & runs) {
      update = equations_.gate(load(sums));
      candidate = equations_.candidate(load(sums + W));
      fresh = fused(update, candidate - h, h);
      if (call_.zoneout_h.data)
        fresh = fused(series_at(call_.zoneout_h, b, t, j, real), fresh - h, h);
    }
    if (p_.keep) {
      Kept<R>* kept = kept_values(out_.kept) + scan_kept<R>(p_, t, j, b);
      put(kept, update);
      put(kept + W, candidate);
      put(kept + 2 * W, flag & runs ? h : Vec<R>{});
    }
    if (out_.y.data)
      store_part(out_.y.at(b, t) + j * W, flag & within ? fresh : Vec<R>{}, real);
    return fresh;
  }

  const Call<R>& call_;
  const Problem& p_;
  const Outputs<R>& out_;
  F equations_;
  Packed<F> layout_;
  const R* packed_;
  long width_, x_width_;
  Team team_;
  Plan<R> plan_;
  long rows_;  // of x that a thread rounds at once
  size_t used_ = 0;
  R* state_ = nullptr;
  Factor<R>* x_ = nullptr;
};

// From the last chunk of time to the first: each chain's slopes, then, with all units' known, the
// gradients of x and of the weights.
template <class R_, class Activations>
class BackwardSweep<Scan<R_, Activations>> {
  using R = R_;
  using F = Scan<R, Activations>;
  static constexpr int W = lanes<R>;
  static constexpr int slots = F::gates;
  static constexpr long group = 2;  // vectors of one transposed panel

 public:
  BackwardSweep(const Call<R>& call, const Weights<R>& weights, const Gradients<R>& out,
                char* workspace)
      : call_(call), p_(call.problem), weights_(weights), out_(out), equations_(p_),
        panels_(ceiling(p_.units, W)), width_(panels_ * W), team_(scan_team<R>(p_, 2)),
        plan_{&call} {
    // Rows of a chunk: enough to fill the chains of the weight gradients, few enough for the cache.
    chunk_ = larger(1, smaller(p_.time, 512 / larger(1, p_.batch)));
    chunks_ = p_.batch > 0 ? ceiling(p_.time, chunk_) : 0;
    rows_ = chunk_ * p_.batch;
    Carve carve(workspace);
    if (needs_flags(call)) plan_.flags = carve.take<uint8_t>(size_t(p_.time) * p_.batch);
    dh_ = carve.take<R>(size_t(p_.batch) * width_);
    slots_.prepare(carve, p_.units, rows_);
    input_ = carve.take<R>(transposed(ceiling(p_.inputs, W)));
    x_.prepare(carve, p_.inputs + 1, 0, rows_);
    d_input_.prepare(carve, x_, panels_, chunks_);
    used_ = carve.used();
  }

  size_t workspace() const { return used_; }

  void run() {
    if (plan_.flags) fill_flags(call_, plan_.flags);
    parallel(team_.threads, false, [](void* self, int index, int count) {
      Flushing flushing;
      ProductScope products;
      static_cast<BackwardSweep*>(self)->work(index, count);
    }, this);
  }

 private:
  // Elements of so many vectors of columns of transposed weights.
  size_t transposed(long vectors) const { return panel_length<R>(slots_.depth(slots), vectors); }

  // Steps count in the order in which forward ran them.
  long time_of(long s) const { return p_.reverse ? p_.time - 1 - s : s; }

  void work(int index, int count) {
    const Share share = scan_share(team_, index, count, p_.batch, panels_);
    transpose(index, count);
    each_vector(share, [&](long b, long j, long at, long real) {
      store(dh_ + at, rows_at(out_.h, b, j, real));
    });
    all_.wait(count);
    for (long chunk = chunks_ - 1; chunk >= 0; --chunk) {
      const long from = chunk * chunk_, steps = smaller(p_.time - from, chunk_);
      each_vector(share, [&](long b, long j, long at, long real) {
        store(dh_ + at, slopes(b, j, real, from, steps, load(dh_ + at)));
      });
      all_.wait(count);
      long row, row_end;
      Team::part(steps * p_.batch, row_grain, index, count, row, row_end);
      to_inputs(from, steps, row, row_end);
      pack_columns(from, steps, row, row_end);
      all_.wait(count);
      if (chunk == 0) break;  // the last to be taken goes straight to the weights
      long item, item_end;
      Team::part(d_input_.items(), 1, index, count, item, item_end);
      d_input_.add(item, item_end, slots_, 0, steps * p_.batch, chunks_ - 1 - chunk);
      all_.wait(count);
    }
    each_vector(share, [&](long b, long j, long at, long real) {
      store_part(out_.h0.at(b) + j * W, load(dh_ + at), real);
    });
    long item, item_end;
    Team::part(d_input_.items(), 1, index, count, item, item_end);
    d_input_.finish(item, item_end, slots_, 0, smaller(p_.time, chunk_) * p_.batch,
                    {F::input_gates, p_.units, p_.inputs, out_.input_weight, out_.input_bias, nullptr});
  }

  template <class Visit>
  RECURRA_INLINE void each_vector(const Share& share, Visit visit) const {
    for (long b = share.row; b < share.row_end; ++b)
      for (long j = share.panel; j < share.panel_end; ++j)
        visit(b, j, b * width_ + j * W, real_lanes<R>(p_.units, j));
  }

  void transpose(int index, int count) {
    const long vectors = ceiling(p_.inputs, W);
    long from, to;
    Team::part(vectors, group, index, count, from, to);
    for (long v = from; v < to; v += group)
      pack_factors_transposed(weights_.input, p_.units, p_.inputs, v * W,
                              smaller(group, vectors - v) * W, F::input_gates, slots,
                              input_ + transposed(v));
  }

  // Through `steps` steps of one chain: their sums' gradients go to the slots, the state's comes
  // back.
  RECURRA_INLINE Vec<R> slopes(long b, long j, long real, long from, long steps, Vec<R> dh) {
    for (long i = steps - 1; i >= 0; --i) {
      const long t = time_of(from + i);
      const uint8_t flag = plan_.at(t, b);
      if (flag & within) dh = dh + load_part(out_.y.at(b, t) + j * W, real);
      Vec<R> d_update{}, d_candidate{};
      if (flag & runs) {
        const Kept<R>* kept = kept_values(out_.kept) + scan_kept<R>(p_, t, j, b);
        const Vec<R> update = recall(kept), candidate = recall(kept + W), h = recall(kept + 2 * W);
        Vec<R> taken = dh, through{};
        if (call_.zoneout_h.data) {
          taken = dh * series_at(call_.zoneout_h, b, t, j, real);
          through = dh - taken;
        }
        const Vec<R> moved = taken * update;
        d_update = taken * (candidate - h) * equations_.gate_slope(update);
        d_candidate = moved * equations_.candidate_slope(candidate);
        dh = through + (taken - moved);
      }
      slots_.put_slot(b * steps + i, j, 0, d_update);
      slots_.put_slot(b * steps + i, j, 1, d_candidate);
      if (flag & begins) {
        // A segment's start takes the gradient; nothing of it reaches the step before.
        if (out_.start_h.data) {
          R* start = out_.start_h.at(b) + j * W;
          store_part(start, load_part<R>(start, real) + dh, real);
        }
        dh = Vec<R>{};
      }
    }
    return dh;
  }

  void to_inputs(long from, long steps, long row, long row_end) {
    const long vectors = ceiling(p_.inputs, W);
    for (long v = 0; v < vectors; v += group) {
      if (vectors - v >= group)
        each_tile(row, row_end, rows_at_once<2>(),
                  [&](long q, long rows) { to_inputs_tile<2>(from, steps, v, q, rows); });
      else
        each_tile(row, row_end, rows_at_once<1>(),
                  [&](long q, long rows) { to_inputs_tile<1>(from, steps, v, q, rows); });
    }
  }

  template <int N>
  void to_inputs_tile(long from, long steps, long v, long q, long rows) {
    alignas(64) static constexpr R none[W] = {};
    alignas(64) R sums[most_rows * N * W];
    Start<R> start;
    for (int n = 0; n < N; ++n) start.at[n] = none;
    product<R, N>(rows, start, slots_.operand(q, 0, slots), input_ + transposed(v), {sums, N * W});
    for (long m = 0; m < rows; ++m) {
      const long b = (q + m) / steps, t = time_of(from + (q + m) % steps);
      const bool ran = plan_.at(t, b) & runs;
      for (int n = 0; n < N; ++n)
        store_part(out_.x.at(b, t) + (v + n) * W, ran ? load(sums + (m * N + n) * W) : Vec<R>{},
                   smaller(W, p_.inputs - (v + n) * W));
    }
  }

  // The weight gradients' other factor, rows of skipped steps as zeros: 0 * NaN would be NaN.
  void pack_columns(long from, long steps, long row, long row_end) {
    for (long q = row; q < row_end; ++q) {
      const long b = q / steps, t = time_of(from + q % steps);
      const bool ran = plan_.at(t, b) & runs;
      x_.put_row(q, ran ? call_.x.at(b, t) : nullptr, p_.inputs);
      x_.put_one(q, p_.inputs, R(1));
    }
    x_.close(row, row_end);
    slots_.close(row, row_end);
  }

  const Call<R>& call_;
  const Problem& p_;
  const Weights<R>& weights_;
  const Gradients<R>& out_;
  F equations_;
  long panels_, width_;
  Team team_;
  Plan<R> plan_;
  long chunk_ = 1, chunks_ = 0, rows_ = 0;
  size_t used_ = 0;
  R *dh_ = nullptr, *input_ = nullptr;
  SlotsOf<R, slots> slots_;
  ColumnsOf<R> x_;
  WeightGradient<R, slots, ColumnsOf<R>> d_input_;
  Barrier all_;
};
