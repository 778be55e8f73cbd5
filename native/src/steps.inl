// Which steps count, who computes what, and the parts of a call that forward and backward share.

enum Flag : uint8_t { within = 1, runs = 2, begins = 4 };

template <class R>
struct Plan {
  const Call<R>* call;
  uint8_t* flags = nullptr;  // [T][B]; absent: every step runs and none begins

  uint8_t at(long t, long b) const { return flags ? flags[t * call->problem.batch + b] : within | runs; }
};

template <class R>
bool needs_flags(const Call<R>& call) {
  return call.lengths.data || call.valid.data || call.starts.data;
}

template <class R>
void fill_flags(const Call<R>& call, uint8_t* flags) {
  const Problem& p = call.problem;
  for (long b = 0; b < p.batch; ++b) {
    const long length = call.lengths.data ? *call.lengths.at(b) : p.time;
    for (long t = 0; t < p.time; ++t) {
      uint8_t flag = 0;
      if (t < length) {
        flag = within;
        if (!call.valid.data || *call.valid.at(b, t)) flag |= runs;
        // Backwards, a segment begins at its far end: the step before the next one's start.
        const long edge = p.reverse ? t + 1 : t;
        if (call.starts.data && edge < length && *call.starts.at(b, edge)) flag |= begins;
      }
      flags[t * p.batch + b] = flag;
    }
  }
}

// What one thread computes: rows [row, row_end) of panels [panel, panel_end).
struct Share {
  long row, row_end, panel, panel_end;
};

struct Team {
  bool by_units = false;  // then the threads meet at every step
  bool watchful = false;
  int threads = 1;

  // Decided anew for each run: a workspace must fit whatever other processes do.
  int threads_now() const { return watchful && crowded() ? 1 : threads; }

  // Even parts of `count` in steps of `grain`.
  static void part(long count, long grain, int index, int of, long& from, long& to) {
    const long grains = ceiling(count, grain);
    from = smaller(count, grains * index / of * grain);
    to = smaller(count, grains * (index + 1) / of * grain);
  }

  Share share(int index, int count, long rows, long panels) const {
    Share s{0, rows, 0, panels};
    if (by_units)
      part(panels, 2, index, count, s.panel, s.panel_end);
    else
      part(rows, 8, index, count, s.row, s.row_end);
    return s;
  }
};

// How many threads, and what they share. No result depends on it.
template <class R>
Team team_for(const Problem& p, double passes) {
  Team team;
  const double step = double(p.gates()) * p.units * (p.inputs + p.units);  // multiply-adds of a row
  const double work = passes * step * p.batch * p.time;
  // Below about 30 microseconds of work waking the others costs more than they bring.
  if (work < 5e5) return team;
  // What every step reads: each thread's part of it should fit the second cache.
  const double weights = double(p.gates()) * p.units * p.units * sizeof(Factor<R>);
  const long panels = ceiling(p.units, lanes<R>);
  team.by_units = p.batch < 16 * p.threads || weights > 2.5e6;
  if (team.by_units) {
    // Below about 200 microseconds a step, waiting for one that lost its processor is the most of it.
    team.watchful = step * p.batch < 5e6;
    // A barrier a step costs about as much as 10,000 multiply-adds.
    const double worth = passes * step * p.batch / 2e4;
    team.threads = int(smaller(smaller(p.threads, ceiling(panels, 2)), long(larger(1, long(worth)))));
  } else {
    team.threads = int(smaller(p.threads, ceiling(p.batch, 8)));
  }
  return team;
}

// The lanes of the panel j that a user's array really has.
template <class R>
RECURRA_INLINE long real_lanes(long units, long j) {
  return smaller(lanes<R>, units - j * lanes<R>);
}

// Values of a [B, T, H] array whose units lie side by side or are all one value.
template <class R>
RECURRA_INLINE Vec<R> series_at(const Series<const R>& a, long b, long t, long j, long real) {
  const R* at = a.at(b, t) + j * lanes<R> * a.unit;
  return a.unit == 0 ? spread(*at) : load_part(at, real);
}

template <class R>
RECURRA_INLINE Vec<R> rows_at(const Rows<const R>& a, long b, long j, long real) {
  return a.data ? load_part(a.at(b) + j * lanes<R>, real) : Vec<R>{};
}

// kept: a header that names its writer and its W, then [T][panels][B][values][W] of Kept.
constexpr long kept_header = 16;

template <class F>
RECURRA_INLINE long kept_offset(const Problem& p, long t, long j, long b) {
  constexpr int W = lanes<typename F::Real>;
  return ((t * ceiling(p.units, W) + j) * p.batch + b) * F::kept * W;
}

template <class F>
long kept_length(const Problem& p) {
  using R = typename F::Real;
  return kept_header + kept_offset<F>(p, p.time, 0, 0) * long(sizeof(Kept<R>)) / long(sizeof(R));
}

template <class R>
RECURRA_INLINE Kept<R>* kept_values(R* kept) {
  return reinterpret_cast<Kept<R>*>(kept + kept_header);
}
template <class R>
RECURRA_INLINE const Kept<R>* kept_values(const R* kept) {
  return reinterpret_cast<const Kept<R>*>(kept + kept_header);
}

template <class R>
void name_writer(R* kept) {
  for (long i = 0; i < kept_header; ++i) kept[i] = 0;
  kept[0] = R(RECURRA_ISA_ID);
  kept[1] = R(lanes<R>);
}

// Packed weights: biases [panels][G+1][W] (the last begins a chain of its own, where there is one),
// then the input panels [panels][I][G][W], the recurrent ones [panels][H][first][W] and, for a
// second stage, its own [panels][H][W]; as long as `panel_length` says.
template <class F>
struct Packed {
  using R = typename F::Real;
  static constexpr int W = lanes<R>;
  long panels, bias_size, input_size, recurrent_size, candidate_size;

  explicit Packed(const Problem& p)
      : panels(ceiling(p.units, W)), bias_size((F::gates + 1) * W),
        input_size(panel_length<R>(factors(p.inputs), F::gates)),
        recurrent_size(panel_length<R>(factors(p.units), F::first)),
        candidate_size(F::two_stages ? panel_length<R>(factors(p.units), 1) : 0) {}

  long bias(long j) const { return j * bias_size; }
  long input(long j) const { return panels * bias_size + j * input_size; }
  long recurrent(long j) const { return input(panels) + j * recurrent_size; }
  long candidate(long j) const { return recurrent(panels) + j * candidate_size; }
  long size() const { return candidate(panels); }
};

template <class F>
void pack(const Problem& p, const Weights<typename F::Real>& w, typename F::Real* to) {
  using R = typename F::Real;
  constexpr int W = lanes<R>;
  const int order[] = {0, 1, 2, 3};
  const Packed<F> packed(p);
  const auto bias_of = [](const R* bias, long row) { return bias ? bias[row] : R(0); };
  for (long j = 0; j < packed.panels; ++j) {
    R* bias = to + packed.bias(j);
    for (int g = 0; g <= F::gates; ++g)
      for (long lane = 0; lane < W; ++lane) {
        const long unit = j * W + lane, row = (g < F::gates ? g : F::gates - 1) * p.units + unit;
        R value = 0;
        if (unit < p.units) {
          // A gate whose recurrent chain stands alone keeps the two biases apart.
          const bool apart = F::split_candidate && g >= F::gates - 1;
          if (g < F::gates) value += bias_of(w.input_bias, row);
          if (g < F::gates ? !apart : apart) value += bias_of(w.recurrent_bias, row);
        }
        bias[g * W + lane] = value;
      }
    pack_factors(w.input, p.units, p.inputs, j, order, F::gates,
               to + packed.input(j));
    pack_factors(w.recurrent, p.units, p.units, j, order, F::first,
               to + packed.recurrent(j));
    if (F::two_stages)
      pack_factors(w.recurrent, p.units, p.units, j, order + F::first, 1,
                 to + packed.candidate(j));
  }
}
