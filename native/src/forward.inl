// The forward sweep of every family F: the input projection a chunk of time at a time, then step by
// step the recurrent product of a tile of rows and the family's equations on it while it is warm.

// Panels are read up on one step and down on the next, over calls too: weights larger than the second
// cache would else be gone each time just before they are read again.
thread_local unsigned turns = 0;

template <class F>
class ForwardSweep {
  using R = typename F::Real;
  static constexpr int W = lanes<R>;

 public:
  ForwardSweep(const Call<R>& call, const R* packed, const Outputs<R>& out, char* workspace)
      : call_(call), p_(call.problem), out_(out), equations_(p_),
        layout_(p_), packed_(packed), panels_(layout_.panels), width_(panels_ * W),
        fed_width_(factors(width_)), x_width_(factors(p_.inputs)),
        team_(team_for<R>(p_, 1)), plan_{&call}, barrier_(team_.watchful) {
    Carve carve(workspace);
    const size_t state = size_t(p_.batch) * width_;
    chunk_ = chunk_steps();
    plain_ = !needs_flags(call) && !call.zoneout_h.data && !call.zoneout_c.data;
    if (needs_flags(call)) plan_.flags = carve.take<uint8_t>(size_t(p_.time) * p_.batch);
    for (R*& s : state_) s = carve.take<R>(state);
    for (int i = 0; i < 2; ++i) {
      if constexpr (rounding)
        fed_[i] = carve.take<Factor<R>>(fed_size());
      else
        fed_[i] = call.recurrent_dropout.data ? carve.take<R>(state) : state_[i];
    }
    if constexpr (rounding) x_ = carve.take<Factor<R>>(size_t(p_.time) * p_.batch * x_width_);
    if (F::has_cell) cell_ = carve.take<R>(state);
    if (F::two_stages) {
      update_ = carve.take<R>(state);
      reset_fed_ = carve.take<Factor<R>>(fed_size());
    }
    projected_ = carve.take<R>(chunk_ * state * F::gates);
    used_ = carve.used();
  }

  size_t workspace() const { return used_; }

  void run() {
    if (plan_.flags) fill_flags(call_, plan_.flags);
    if (p_.keep) name_writer(out_.kept);
    parallel(team_.threads_now(), !team_.by_units, [](void* self, int index, int count) {
      Flushing flushing;
      ProductScope products;
      static_cast<ForwardSweep*>(self)->work(index, count);
    }, this);
  }

 private:
  // Enough steps for a projection that reuses its panel, few enough to stay in the second cache. Tiles
  // are so fast that reading weights from beyond it, step after step, would be the most of the time.
  long chunk_steps() const {
    const double step = double(p_.batch) * width_ * F::gates * sizeof(R) / team_.threads;
    const bool beyond = rounding && layout_.size() * sizeof(R) > 2e6;
    const long fitting = long((beyond ? 6.4e6 : 6e5) / (step > 0 ? step : 1));
    return larger(1, smaller(p_.time, fitting));
  }

  size_t fed_size() const { return size_t(p_.batch) * fed_width_; }

  long time_of(long s) const { return p_.reverse ? p_.time - 1 - s : s; }

  // One step: which, at what time, the state that it reads (and as the products read it), and where
  // the new one goes.
  struct Moment {
    long s, t;
    const R* state;
    const Factor<R>* fed;
    R* next;
    Factor<R>* next_fed;
  };

  void work(int index, int count) {
    Share share = team_.share(index, count, p_.batch, panels_);
    int meeting = team_.by_units ? count : 1;
    R *state = state_[0], *next = state_[1];
    Factor<R> *fed = fed_[0], *next_fed = fed_[1];
    enter(share, state);
    if constexpr (rounding) round_inputs(share, index, count);
    if (p_.time > 0) begin(share, 0, state, fed);
    barrier_.wait(meeting);
    for (long s = 0; s < p_.time; ++s) {
      if (s % chunk_ == 0) project(share, s, smaller(p_.time, s + chunk_));
      step(share, {s, time_of(s), state, fed, next, next_fed}, meeting);
      if (s + 1 < p_.time && !handed_on()) begin(share, s + 1, next, next_fed);
      if (barrier_.wait(meeting)) {
        // One goes on alone, from what all have written.
        if (index > 0) return settle_streams();
        share = team_.share(0, meeting = 1, p_.batch, panels_);
      }
      R* const state_before = state;
      state = next, next = state_before;
      Factor<R>* const fed_before = fed;
      fed = next_fed, next_fed = fed_before;
    }
    leave(share, state);
    settle_streams();
  }

  template <class Visit>
  RECURRA_INLINE void each_vector(const Share& share, Visit visit) const {
    for (long b = share.row; b < share.row_end; ++b)
      for (long j = share.panel; j < share.panel_end; ++j)
        visit(b, j, b * width_ + j * W, real_lanes<R>(p_.units, j));
  }

  void enter(const Share& share, R* state) {
    each_vector(share, [&](long b, long j, long at, long real) {
      store(state + at, rows_at(call_.h0, b, j, real));
      if (F::has_cell) store(cell_ + at, rows_at(call_.c0, b, j, real));
    });
  }

  void leave(const Share& share, const R* state) {
    each_vector(share, [&](long b, long j, long at, long real) {
      store_part(out_.h.at(b) + j * W, load(state + at), real);
      if (F::has_cell) store_part(out_.c.at(b) + j * W, load(cell_ + at), real);
    });
  }

  // Whether each step reads the state just as the one before left it: then nothing is to be done
  // between them.
  bool handed_on() const {
    return !call_.starts.data && !call_.decay.data && !call_.recurrent_dropout.data;
  }

  Kept<R>* kept_at(long t, long j, long b) const {
    return kept_values(out_.kept) + kept_offset<F>(p_, t, j, b);
  }
  RECURRA_INLINE void keep(Kept<R>* to, Vec<R> v) const {
    if (streams_)
      stream_kept(to, v);
    else
      put(to, v);
  }
  // The state that a step reads stands after all else.
  RECURRA_INLINE void keep_state(Kept<R>* kept, bool ran, Vec<R> h, Vec<R> c) const {
    if (F::has_cell) keep(kept + (F::kept - 2) * W, ran ? c : Vec<R>{});
    keep(kept + (F::kept - 1) * W, ran ? h : Vec<R>{});
  }

  // What happens to the state ahead of step s: a segment's start, the decay, the dropout.
  void begin(const Share& share, long s, R* state, Factor<R>* fed) {
    const long t = time_of(s);
    each_vector(share, [&](long b, long j, long at, long real) {
      const uint8_t flag = plan_.at(t, b);
      Vec<R> h = load(state + at);
      if (flag & begins) {
        h = rows_at(call_.start_h, b, j, real);
        if (F::has_cell) store(cell_ + at, rows_at(call_.start_c, b, j, real));
      }
      if (p_.keep && !handed_on())
        keep_state(kept_at(t, j, b), flag & runs, h, F::has_cell ? load(cell_ + at) : Vec<R>{});
      if (flag & runs && call_.decay.data) h = h * series_at(call_.decay, b, t, j, real);
      store(state + at, h);
      if (call_.recurrent_dropout.data && flag & runs)
        h = h * series_at(call_.recurrent_dropout, b, t, j, real);
      if (rounding || call_.recurrent_dropout.data) put(fed + b * fed_width_ + j * W, h);
    });
  }

  R* projected(long s, long j, long b) const {
    return projected_ + (((s % chunk_) * panels_ + j) * p_.batch + b) * F::gates * W;
  }

  // Rows of whole blocks with zeros beyond what is there: the inputs, and the units of the states.
  void round_inputs(const Share& share, int index, int count) {
    if (share.panel == 0)
      for (long b = share.row; b < share.row_end; ++b)
        for (Factor<R>* fed : {fed_[0], fed_[1], F::two_stages ? reset_fed_ : fed_[0]})
          for (long i = width_; i < fed_width_; ++i) fed[b * fed_width_ + i] = 0;
    long from = 0, to = p_.time;
    if (team_.by_units) Team::part(p_.time, 1, index, count, from, to);
    for (long t = from; t < to; ++t)
      for (long b = share.row; b < share.row_end; ++b) {
        const R* x = call_.x.at(b, t);
        for (long i = 0; i < x_width_; i += W)
          put(x_ + (t * p_.batch + b) * x_width_ + i,
              i < p_.inputs ? load_part(x + i, p_.inputs - i) : Vec<R>{});
      }
  }

  // The inputs of row b at step s, as the products read them, and from row to row and step to step.
  const Factor<R>* inputs_at(long b, long s) const {
    if constexpr (rounding)
      return x_ + (time_of(s) * p_.batch + b) * x_width_;
    else
      return call_.x.at(b, time_of(s));
  }
  long next_row() const { return rounding ? x_width_ : call_.x.batch; }
  long next_step() const { return rounding ? p_.batch * x_width_ : call_.x.time; }

  // W x + b for steps [from, to): tiles of rows of one step, or of steps of one row where steps
  // are many, whichever fills a tile.
  void project(const Share& share, long from, long to) {
    if constexpr (!rounding)
      if (share.row_end - share.row == 1 && to - from == 1) return project_one(share, from);
    constexpr long most = rows_at_once<F::gates>();
    const bool along_time = to - from >= most;
    const long sign = p_.reverse ? -1 : 1;
    for (long j = share.panel; j < share.panel_end; ++j) {
      const R* panel = packed_ + layout_.input(j);
      Start<R> start;
      for (int g = 0; g < F::gates; ++g) start.at[g] = packed_ + layout_.bias(j) + g * W;
      const auto tile_at = [&](long b, long s, long stride, long out_stride, long count) {
        const FactorRows<R> x{inputs_at(b, s), stride, x_width_};
        product<R, F::gates>(count, start, x, panel, {projected(s, j, b), out_stride});
      };
      if (along_time) {
        for (long b = share.row; b < share.row_end; ++b)
          each_tile(from, to, most, [&](long s, long count) {
            tile_at(b, s, sign * next_step(), panels_ * p_.batch * F::gates * W, count);
          });
      } else {
        for (long s = from; s < to; ++s)
          each_tile(share.row, share.row_end, most, [&](long b, long count) {
            tile_at(b, s, next_row(), F::gates * W, count);
          });
      }
    }
  }

  void project_one(const Share& share, long s) {
    const long b = share.row;
    each_tile(share.panel, share.panel_end, panels_at_once, [&](long j, long count) {
      Start<R> start;
      for (int g = 0; g < F::gates; ++g) {
        start.at[g] = packed_ + layout_.bias(j) + g * W;
        start.stride[g] = (F::gates + 1) * W;
      }
      row_product<R, F::gates>(count, start, call_.x.at(b, time_of(s)), p_.inputs,
                               packed_ + layout_.input(j), p_.inputs * F::gates * W,
                               {projected(s, j, b), p_.batch * F::gates * W});
    });
  }

  // Where the chains of row b and panel j begin. From row to row the projection moves on, from
  // panel to panel the biases too.
  Start<R> chains(long s, long j, long b, long stride, long bias_stride) const {
    Start<R> start;
    for (int g = 0; g < F::first; ++g) {
      start.at[g] = projected(s, j, b) + g * W;
      start.stride[g] = stride;
    }
    if (F::split_candidate) {
      start.at[F::gates - 1] = packed_ + layout_.bias(j) + F::gates * W;
      start.stride[F::gates - 1] = bias_stride;
    }
    return start;
  }

  void step(const Share& share, const Moment& now, int meeting) {
    constexpr long most = rows_at_once<F::first>();
    const bool down = turns++ & 1;
    alignas(64) R products[most_rows * 4 * W];
    const auto finish_first = [&](const R* sums, long b, long count, long j) {
      if constexpr (F::two_stages)
        gates_of(sums, now, b, count, j);
      else
        finish(sums, now, b, count, j);
    };
    const bool alone = !rounding && share.row_end - share.row == 1;
    if constexpr (!rounding) {
      const long b = share.row;
      each_tile(share.panel, alone ? share.panel_end : 0, panels_at_once, [&](long j, long count) {
        row_product<R, F::first>(
            count, chains(now.s, j, b, p_.batch * F::gates * W, (F::gates + 1) * W),
            now.fed + b * width_, p_.units, packed_ + layout_.recurrent(j), p_.units * F::first * W,
            {products, F::first * W});
        for (long i = 0; i < count; ++i) finish_first(products + i * F::first * W, b, 1, j + i);
      }, down);
    }
    if (!alone) {
      each_tile(share.panel, share.panel_end, 1, [&](long j, long) {
        each_tile(share.row, share.row_end, most, [&](long b, long count) {
          const FactorRows<R> h{now.fed + b * fed_width_, fed_width_, factors(p_.units)};
          product<R, F::first>(count, chains(now.s, j, b, F::gates * W, 0), h,
                               packed_ + layout_.recurrent(j), {products, F::first * W});
          finish_first(products, b, count, j);
        });
      }, down);
    }
    if constexpr (F::two_stages) second_stage(share, now, meeting, down);
  }

  // Reset before: the candidate's product waits for the reset gate of every unit.
  void second_stage(const Share& share, const Moment& now, int meeting, bool down) {
    barrier_.wait(meeting);
    alignas(64) R products[most_rows * W];
    if constexpr (!rounding) {
      const bool alone = share.row_end - share.row == 1;
      const long b = share.row;
      each_tile(share.panel, alone ? share.panel_end : 0, panels_at_once, [&](long j, long count) {
        Start<R> start;
        start.at[0] = projected(now.s, j, b) + F::first * W;
        start.stride[0] = p_.batch * F::gates * W;
        row_product<R, 1>(count, start, reset_fed_ + b * width_, p_.units,
                          packed_ + layout_.candidate(j), p_.units * W, {products, W});
        for (long i = 0; i < count; ++i) finish(products + i * W, now, b, 1, j + i);
      }, down);
      if (alone) return;
    }
    each_tile(share.panel, share.panel_end, 1, [&](long j, long) {
      const R* panel = packed_ + layout_.candidate(j);
      each_tile(share.row, share.row_end, rows_at_once<1>(), [&](long b, long count) {
        Start<R> start;
        start.at[0] = projected(now.s, j, b) + F::first * W;
        start.stride[0] = F::gates * W;
        const FactorRows<R> h{reset_fed_ + b * fed_width_, fed_width_, factors(p_.units)};
        product<R, 1>(count, start, h, panel, {products, W});
        finish(products, now, b, count, j);
      });
    }, down);
  }

  // The gates of rows [b, b + count), and what of the state the candidate's product reads.
  void gates_of(const R* sums, const Moment& now, long b, long count, long j) {
    const bool drops = call_.recurrent_dropout.data, keeps = p_.keep;
    for (const long end = b + count; b < end; ++b, sums += F::first * W) {
      const long at = b * width_ + j * W;
      const Vec<R> reset = equations_.gate(load(sums)), update = equations_.gate(load(sums + W));
      Vec<R> fed = load(now.state + at);
      if (drops && plan_.at(now.t, b) & runs)
        fed = fed * series_at(call_.recurrent_dropout, b, now.t, j, real_lanes<R>(p_.units, j));
      put(reset_fed_ + b * fed_width_ + j * W, reset * fed);
      store(update_ + at, update);
      if (keeps && plan_.at(now.t, b) & runs) {
        Kept<R>* kept = kept_at(now.t, j, b);
        keep(kept, reset);
        keep(kept + W, update);
      }
    }
  }

  // What rows [b, b + count) of the panel j make of their products. Plain: every step runs and every
  // value of the panel is there. Rows wait for nothing of each other: the less there is between two of
  // them, the more of them the processor works on at once.
  template <bool plain>
  RECURRA_INLINE void finish_rows(const R* sums, const Moment& now, long b, long count, long j) {
    const long real = plain ? W : real_lanes<R>(p_.units, j);
    const R* projected = this->projected(now.s, j, b);
    Kept<R>* kept = p_.keep ? kept_at(now.t, j, b) : nullptr;
    R* y = out_.y.data ? out_.y.at(b, now.t) + j * W : nullptr;
    const long y_stride = out_.y.batch, width = width_;
    const bool handed = handed_on(), streams = streams_;
    const F equations = equations_;
    const auto keep = [=](Kept<R>* to, Vec<R> v) { streams ? stream_kept(to, v) : put(to, v); };
    long at = b * width + j * W;
    for (const long end = b + count; b < end; ++b, at += width, projected += F::gates * W) {
      const uint8_t flag = plain ? within | runs : plan_.at(now.t, b);
      const Vec<R> h = load(now.state + at);
      const Vec<R> c_before = F::has_cell ? load(cell_ + at) : Vec<R>{};
      Vec<R> fresh = h, c = c_before;
      if (flag & runs) {
        Vec<R> values[F::kept];
        if (F::two_stages) values[1] = load(update_ + at);
        equations.forward(sums, projected, h, fresh, c, values);
        if (!plain && call_.zoneout_h.data)
          fresh = fused(series_at(call_.zoneout_h, b, now.t, j, real), fresh - h, h);
        if (F::has_cell) {
          if (!plain && call_.zoneout_c.data)
            c = fused(series_at(call_.zoneout_c, b, now.t, j, real), c - c_before, c_before);
          store(cell_ + at, c);
        }
        if (kept)
          for (int i = F::two_stages ? F::first : 0; i < F::kept - F::states; ++i)
            keep(kept + i * W, values[i]);
      } else if (kept) {
        for (int i = 0; i < F::kept - F::states; ++i) keep(kept + i * W, Vec<R>{});
      }
      if (kept && handed) keep_state(kept, flag & runs, h, c_before);
      store(now.next + at, fresh);
      if (rounding && handed) put(now.next_fed + b * fed_width_ + j * W, fresh);
      if (y) store_part(y, flag & within ? fresh : Vec<R>{}, real);
      sums += (F::two_stages ? 1 : F::first) * W;
      if (kept) kept += F::kept * W;
      if (y) y += y_stride;
    }
  }

  RECURRA_INLINE void finish(const R* sums, const Moment& now, long b, long count, long j) {
    if (plain_ && real_lanes<R>(p_.units, j) == W)
      finish_rows<true>(sums, now, b, count, j);
    else
      finish_rows<false>(sums, now, b, count, j);
  }

  const Call<R>& call_;
  const Problem& p_;
  const Outputs<R>& out_;
  F equations_;
  Packed<F> layout_;
  const R* packed_;
  long panels_, width_, fed_width_, x_width_;
  Team team_;
  Plan<R> plan_;
  // What is kept would be gone from the caches before backward reads it.
  bool streams_ = streaming && p_.keep && kept_length<F>(p_) * sizeof(R) > 24e6;
  // Whether nothing of a step depends on the row or the time.
  bool plain_ = false;
  long chunk_ = 1;
  size_t used_ = 0;
  R *state_[2], *cell_ = nullptr, *update_ = nullptr, *projected_ = nullptr;
  Factor<R> *fed_[2], *reset_fed_ = nullptr, *x_ = nullptr;
  Barrier barrier_;
};
