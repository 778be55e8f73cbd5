// The backward sweep of every family F, from the last step that ran to the first: the equations'
// slopes, the product back to the previous state, and chunk by chunk the gradients of x and weights.

template <class F>
class BackwardSweep {
  using R = typename F::Real;
  static constexpr int W = lanes<R>;
  static constexpr int slots = F::slots;
  static constexpr long group = 2;  // vectors of one transposed panel
  static constexpr long rows_ahead = 4;  // are on their way to the caches
  // Rows of sums' gradients that stay in the second cache while every panel passes.
  static constexpr long rows_at_hand = 128;

 public:
  BackwardSweep(const Call<R>& call, const Weights<R>& weights, const Gradients<R>& out,
                char* workspace)
      : call_(call), p_(call.problem), weights_(weights), out_(out), equations_(p_),
        panels_(ceiling(p_.units, W)), width_(panels_ * W), team_(team_for<R>(p_, 2)), plan_{&call},
        some_(team_.watchful) {
    // Rows of a chunk: enough to fill the chains of the weight gradients, few enough for the cache.
    chunk_ = larger(1, smaller(p_.time, 512 / larger(1, p_.batch)));
    chunks_ = p_.batch > 0 ? ceiling(p_.time, chunk_) : 0;
    rows_ = chunk_ * p_.batch;
    Carve carve(workspace);
    const size_t state = size_t(p_.batch) * width_;
    plain_ = !needs_flags(call) && !call.zoneout_h.data && !call.zoneout_c.data &&
             !call.decay.data && !call.recurrent_dropout.data && p_.units % W == 0;
    if (needs_flags(call)) plan_.flags = carve.take<uint8_t>(size_t(p_.time) * p_.batch);
    dh_ = carve.take<R>(state);
    if (F::has_cell) dc_ = carve.take<R>(state);
    if (F::two_stages) d_fed_ = carve.take<R>(state);
    slots_.prepare(carve, p_.units, rows_);
    recurrent_ = carve.take<R>(transposed(F::recurrent_slots, panels_));
    if (F::two_stages) candidate_ = carve.take<R>(transposed(1, panels_));
    input_ = carve.take<R>(transposed(F::input_slots, ceiling(p_.inputs, W)));
    x_.prepare(carve, p_.inputs + 1, 0, rows_);
    fed_.prepare(carve, p_.units + (F::split_candidate ? 1 : 0), width_, rows_);
    d_input_.prepare(carve, x_, panels_, chunks_);
    d_recurrent_.prepare(carve, fed_, panels_, chunks_);
    if (F::two_stages) {
      reset_fed_.prepare(carve, p_.units, width_, rows_);
      d_candidate_.prepare(carve, reset_fed_, panels_, chunks_);
    }
    used_ = carve.used();
  }

  size_t workspace() const { return used_; }

  void run() {
    if (plan_.flags) fill_flags(call_, plan_.flags);
    parallel(team_.threads_now(), false, [](void* self, int index, int count) {
      Flushing flushing;
      ProductScope products;
      static_cast<BackwardSweep*>(self)->work(index, count);
    }, this);
  }

 private:
  // Elements of so many vectors of columns of transposed weights, whose sums run over some slots.
  size_t transposed(int some, long vectors) const {
    return panel_length<R>(slots_.depth(some), vectors);
  }

  // Steps count in the order in which forward ran them.
  long time_of(long s) const { return p_.reverse ? p_.time - 1 - s : s; }

  void work(int index, int count) {
    Share share = team_.share(index, count, p_.batch, panels_);
    int meeting = team_.by_units ? count : 1;
    transpose(index, count);
    enter(share);
    all_.wait(count);
    for (long chunk = chunks_ - 1; chunk >= 0; --chunk) {
      const long from = chunk * chunk_, to = smaller(p_.time, from + chunk_);
      for (long s = to - 1; s >= from; --s) {
        slopes(share, s);
        some_.wait(meeting);
        if constexpr (F::two_stages) {
          through_reset(share, s);
          some_.wait(meeting);
        }
        to_state(share, s);
        if (some_.wait(meeting)) {
          // One takes the steps from here on; what belongs to whole chunks is still shared.
          share = index > 0 ? Share{} : team_.share(0, 1, p_.batch, panels_);
          meeting = 1;
        }
      }
      all_.wait(count);
      long row, row_end;
      Team::part((to - from) * p_.batch, row_grain, index, count, row, row_end);
      for (long block = row; block < row_end; block += rows_at_hand)
        to_inputs(from, block, smaller(row_end, block + rows_at_hand));
      pack_columns(from, row, row_end);
      all_.wait(count);
      if (chunk == 0) break;  // the last to be taken goes straight to the weights
      to_weights(index, count, (to - from) * p_.batch, chunks_ - 1 - chunk);
      all_.wait(count);
    }
    leave(share);
    finish(index, count);
  }

  void transpose(int index, int count) {
    const auto each_group = [&](long vectors, auto visit) {
      long from, to;
      Team::part(vectors, group, index, count, from, to);
      for (long v = from; v < to; v += group) visit(v * W, smaller(group, vectors - v) * W);
    };
    each_group(panels_, [&](long column, long width) {
      pack_factors_transposed(weights_.recurrent, p_.units, p_.units, column, width, F::recurrent_gates,
                      F::recurrent_slots,
                              recurrent_ + transposed(F::recurrent_slots, column / W));
      if (F::two_stages)
        pack_factors_transposed(weights_.recurrent, p_.units, p_.units, column, width,
                        F::recurrent_gates + F::first, 1,
                                candidate_ + transposed(1, column / W));
    });
    each_group(ceiling(p_.inputs, W), [&](long column, long width) {
      pack_factors_transposed(weights_.input, p_.units, p_.inputs, column, width, F::input_gates,
                      F::input_slots,
                              input_ + transposed(F::input_slots, column / W));
    });
  }

  template <class Visit>
  RECURRA_INLINE void each_vector(const Share& share, Visit visit) const {
    for (long b = share.row; b < share.row_end; ++b)
      for (long j = share.panel; j < share.panel_end; ++j)
        visit(b, j, b * width_ + j * W, real_lanes<R>(p_.units, j));
  }

  void enter(const Share& share) {
    each_vector(share, [&](long b, long j, long at, long real) {
      store(dh_ + at, rows_at(out_.h, b, j, real));
      if (F::has_cell) store(dc_ + at, rows_at(out_.c, b, j, real));
    });
  }

  void leave(const Share& share) {
    each_vector(share, [&](long b, long j, long at, long real) {
      store_part(out_.h0.at(b) + j * W, load(dh_ + at), real);
      if (F::has_cell) store_part(out_.c0.at(b) + j * W, load(dc_ + at), real);
    });
  }

  const Kept<R>* kept(long t, long j, long b) const {
    return kept_values(out_.kept) + kept_offset<F>(p_, t, j, b);
  }

  // The state as the step read it: raw, decayed, and as the recurrent product read it.
  struct Read {
    Vec<R> raw, h, fed;
  };
  RECURRA_INLINE Read state_of(const Kept<R>* kept) const {
    const Vec<R> h = recall(kept + (F::kept - 1) * W);
    return {h, h, h};
  }
  RECURRA_INLINE Read read_state(long t, long j, long b, long real) const {
    Read state = state_of(kept(t, j, b));
    if (call_.decay.data) state.h = state.h * series_at(call_.decay, b, t, j, real);
    state.fed = state.h;
    if (call_.recurrent_dropout.data)
      state.fed = state.fed * series_at(call_.recurrent_dropout, b, t, j, real);
    return state;
  }

  // The row of the chunk.
  long row_of(long s, long b) const { return (s % chunk_) * p_.batch + b; }

  // The gradient of the state after step s becomes those of the step's sums. What the step's products
  // read of the state goes to the weight gradients' columns while it is at hand.
  void slopes(const Share& share, long s) {
    if (plain_)
      slopes_of_rows<true>(share, s);
    else
      slopes_of_rows<false>(share, s);
  }

  // Plain: every step runs and every value of every panel is there. Row by row: rows of dy and of the
  // state's gradient lie one after the other, and what is kept of a row is fetched ahead.
  template <bool plain>
  void slopes_of_rows(const Share& share, long s) {
    const long t = time_of(s), first_row = row_of(s, 0), width = width_;
    const long kept_stride = p_.batch * F::kept * W;
    const F equations = equations_;
    for (long b = share.row; b < share.row_end; ++b) {
      const uint8_t flag = plain ? within | runs : plan_.at(t, b);
      const long row = first_row + b;
      const bool fetch = b + rows_ahead < share.row_end;
      const R* const dy = out_.y.at(b, t);
      const R* const dy_ahead = fetch ? out_.y.at(b + rows_ahead, t) : nullptr;
      const Kept<R>* kept = this->kept(t, share.panel, b);
      for (long j = share.panel; j < share.panel_end; ++j, kept += kept_stride) {
        const long at = b * width + j * W, real = plain ? W : real_lanes<R>(p_.units, j);
        if (fetch) {
          const Kept<R>* const ahead = kept + rows_ahead * F::kept * W;
          for (size_t i = 0; i < F::kept * W * sizeof(Kept<R>); i += 64)
            __builtin_prefetch(reinterpret_cast<const char*>(ahead) + i);
          __builtin_prefetch(dy_ahead + j * W);
        }
        slopes_of<plain>({t, b, j, row, at, real}, flag, equations, kept, dy + j * W);
      }
    }
  }

  // One vector: units of the panel j of the row b, which is `row` of the chunk; `at` in a state.
  struct Place {
    long t, b, j, row, at, real;
  };
  template <bool plain>
  RECURRA_INLINE void slopes_of(const Place& on, uint8_t flag, const F& equations,
                                const Kept<R>* kept, const R* dy) {
    const auto [t, b, j, row, at, real] = on;
    Vec<R> dh = load(dh_ + at);
    if (flag & within) dh = dh + load_part(dy, real);
    if (!(flag & runs)) {
      store(dh_ + at, dh);
      for (int i = 0; i < slots; ++i) slots_.put_slot(row, j, i, Vec<R>{});
      fed_.put_vector(row, j, Vec<R>{});
      if constexpr (F::two_stages) reset_fed_.put_vector(row, j, Vec<R>{});
      return;
    }
    Vec<R> taken = dh, through{};
    if (!plain && call_.zoneout_h.data) {
      taken = dh * series_at(call_.zoneout_h, b, t, j, real);
      through = dh - taken;
    }
    Vec<R> dc = F::has_cell ? load(dc_ + at) : Vec<R>{}, share_c = spread(R(1));
    if (!plain && F::has_cell && call_.zoneout_c.data)
      share_c = series_at(call_.zoneout_c, b, t, j, real);
    Vec<R> d_sums[slots];
    const Read state = plain ? state_of(kept) : read_state(t, j, b, real);
    equations.backward(kept, taken, state.h, share_c, through, dc, d_sums);
    fed_.put_vector(row, j, state.fed);
    if constexpr (F::two_stages) reset_fed_.put_vector(row, j, state.fed * recall(kept));
    for (int i = 0; i < slots; ++i) slots_.put_slot(row, j, i, d_sums[i]);
    store(dh_ + at, through);
    if (F::has_cell) store(dc_ + at, dc);
  }

  // Products with transposed weights for the share's rows and units: visit(b, j, sums).
  template <class Visit>
  RECURRA_INLINE void each_product(const Share& share, long s, const R* panels, int first, int count,
                                   Visit visit) {
    alignas(64) R sums[most_rows * group * W];
    const long first_row = row_of(s, 0);
    const long groups = ceiling(share.panel_end - share.panel, group);
    // Up and down in turn, as in forward.
    const bool down = turns++ & 1;
    for (long turn = 0; turn < groups; ++turn) {
      const long v = share.panel + (down ? groups - 1 - turn : turn) * group;
      const R* panel = panels + transposed(count, v);
      const long vectors = smaller(group, panels_ - v);
      const auto tile_at = [&](auto wide, long b, long rows) {
        constexpr int N = decltype(wide)::value;
        alignas(64) static constexpr R none[W] = {};
        Start<R> start;
        for (int n = 0; n < N; ++n) start.at[n] = none;
        const FactorRows<R> d = slots_.operand(first_row + b, first, count);
        product<R, N>(rows, start, d, panel, {sums, N * W});
        for (long m = 0; m < rows; ++m)
          for (int n = 0; n < N; ++n) visit(b + m, v + n, load(sums + (m * N + n) * W));
      };
      if (vectors == group)
        each_tile(share.row, share.row_end, rows_at_once<2>(),
                  [&](long b, long rows) { tile_at(Constant<2>{}, b, rows); });
      else
        each_tile(share.row, share.row_end, rows_at_once<1>(),
                  [&](long b, long rows) { tile_at(Constant<1>{}, b, rows); });
    }
  }

  // Reset before: from the candidate's sum through U_n to r * m, and so to the reset gate.
  void through_reset(const Share& share, long s) {
    const long t = time_of(s), first_row = row_of(s, 0);
    each_product(share, s, candidate_, F::first, 1, [&](long b, long j, Vec<R> d) {
      if (!(plan_.at(t, b) & runs)) return;
      const Vec<R> reset = recall(kept(t, j, b));
      const Vec<R> fed = read_state(t, j, b, real_lanes<R>(p_.units, j)).fed;
      slots_.put_slot(first_row + b, j, 0, d * fed * equations_.gate_slope(reset));
      store(d_fed_ + b * width_ + j * W, d * reset);
    });
  }

  // The gradient of the state ahead of step s: through the product, the dropout, the decay, a start.
  void to_state(const Share& share, long s) {
    const long t = time_of(s);
    each_product(share, s, recurrent_, F::recurrent_slot, F::recurrent_slots,
                 [&](long b, long j, Vec<R> d) {
      const uint8_t flag = plan_.at(t, b);
      const long at = b * width_ + j * W, real = real_lanes<R>(p_.units, j);
      Vec<R> dh = load(dh_ + at);
      if (flag & runs) {
        if (F::two_stages) d = d + load(d_fed_ + at);
        if (call_.recurrent_dropout.data)
          d = d * series_at(call_.recurrent_dropout, b, t, j, real);
        dh = dh + d;
        if (call_.decay.data) {
          if (out_.decay.data)
            store_part(out_.decay.at(b, t) + j * W, dh * read_state(t, j, b, real).raw, real);
          dh = dh * series_at(call_.decay, b, t, j, real);
        }
      }
      if (flag & begins) {
        move(out_.start_h, b, j, real, dh);
        if (F::has_cell) {
          Vec<R> dc = load(dc_ + at);
          move(out_.start_c, b, j, real, dc);
          store(dc_ + at, dc);
        }
      }
      store(dh_ + at, dh);
    });
  }

  // A segment's start takes the gradient; nothing of it reaches the step before.
  RECURRA_INLINE static void move(const Rows<R>& start, long b, long j, long real, Vec<R>& d) {
    if (start.data) {
      R* to = start.at(b) + j * W;
      store_part(to, load_part<R>(to, real) + d, real);
    }
    d = Vec<R>{};
  }

  void to_inputs(long from, long row, long row_end) {
    if (!out_.x.data) return;
    alignas(64) R sums[most_rows * group * W];
    alignas(64) static constexpr R none[W] = {};
    const long vectors = ceiling(p_.inputs, W);
    for (long v = 0; v < vectors; v += group) {
      const R* panel = input_ + transposed(F::input_slots, v);
      const auto tile_at = [&](auto wide, long q, long rows) {
        constexpr int N = decltype(wide)::value;
        Start<R> start;
        for (int n = 0; n < N; ++n) start.at[n] = none;
        const FactorRows<R> d = slots_.operand(q, F::input_slot, F::input_slots);
        product<R, N>(rows, start, d, panel, {sums, N * W});
        for (long m = 0; m < rows; ++m) {
          const long t = time_of(from + (q + m) / p_.batch), b = (q + m) % p_.batch;
          const bool ran = plan_.at(t, b) & runs;
          for (int n = 0; n < N; ++n)
            store_part(out_.x.at(b, t) + (v + n) * W, ran ? load(sums + (m * N + n) * W) : Vec<R>{},
                       smaller(W, p_.inputs - (v + n) * W));
        }
      };
      if (vectors - v >= group)
        each_tile(row, row_end, rows_at_once<2>(),
                  [&](long q, long rows) { tile_at(Constant<2>{}, q, rows); });
      else
        each_tile(row, row_end, rows_at_once<1>(),
                  [&](long q, long rows) { tile_at(Constant<1>{}, q, rows); });
    }
  }

  // The rest of the weight gradients' columns, rows of skipped steps as zeros: 0 * NaN would be NaN.
  void pack_columns(long from, long row, long row_end) {
    for (long q = row; q < row_end; ++q) {
      const long t = time_of(from + q / p_.batch), b = q % p_.batch;
      const bool ran = plan_.at(t, b) & runs;
      x_.put_row(q, ran ? call_.x.at(b, t) : nullptr, p_.inputs);
      x_.put_one(q, p_.inputs, R(1));
      if (F::split_candidate) fed_.put_one(q, p_.units, R(1));
    }
    x_.close(row, row_end);
    fed_.close(row, row_end);
    if (F::two_stages) reset_fed_.close(row, row_end);
    slots_.close(row, row_end);
  }

  void to_weights(int index, int count, long rows, long turn) {
    const auto add = [&](auto& gradient, int first) {
      long from, to;
      Team::part(gradient.items(), 1, index, count, from, to);
      gradient.add(from, to, slots_, first, rows, turn);
    };
    add(d_input_, F::input_slot);
    add(d_recurrent_, F::recurrent_slot);
    if constexpr (F::two_stages) add(d_candidate_, F::first);
  }

  void finish(int index, int count) {
    const long rows = smaller(p_.time, chunk_) * p_.batch;
    const auto finish = [&](auto& gradient, int first, const int* gates, long inputs, R* weight,
                            R* bias, R* other_bias) {
      long from, to;
      Team::part(gradient.items(), 1, index, count, from, to);
      gradient.finish(from, to, slots_, first, rows,
                      {gates, p_.units, inputs, weight, bias, other_bias});
    };
    // Where no chain stands alone both biases enter the same sums: one gradient for both.
    finish(d_input_, F::input_slot, F::input_gates, p_.inputs, out_.input_weight, out_.input_bias,
           F::split_candidate ? nullptr : out_.recurrent_bias);
    finish(d_recurrent_, F::recurrent_slot, F::recurrent_gates, p_.units, out_.recurrent_weight,
           out_.recurrent_bias, nullptr);
    if constexpr (F::two_stages)
      finish(d_candidate_, F::first, F::recurrent_gates + F::first, p_.units, out_.recurrent_weight,
             nullptr, nullptr);
  }

  template <int N>
  struct Constant {
    static constexpr int value = N;
  };

  const Call<R>& call_;
  const Problem& p_;
  const Weights<R>& weights_;
  const Gradients<R>& out_;
  F equations_;
  long panels_, width_;
  Team team_;
  Plan<R> plan_;
  // Whether nothing of a step depends on the row or the time, and every panel is full.
  bool plain_ = false;
  long chunk_ = 1, chunks_ = 0, rows_ = 0;
  size_t used_ = 0;
  R *dh_ = nullptr, *dc_ = nullptr, *d_fed_ = nullptr;
  R *recurrent_ = nullptr, *candidate_ = nullptr, *input_ = nullptr;
  SlotsOf<R, slots> slots_;
  ColumnsOf<R> x_, fed_, reset_fed_;
  WeightGradient<R, F::input_slots, ColumnsOf<R>> d_input_;
  WeightGradient<R, F::recurrent_slots, ColumnsOf<R>> d_recurrent_;
  WeightGradient<R, 1, ColumnsOf<R>> d_candidate_;
  Barrier all_, some_;
};
