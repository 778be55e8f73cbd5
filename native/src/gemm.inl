// The inner product of every family: a register tile of rows x vectors, over a packed panel.
//
// out[m][n] = start[m][n] + sum_k rows[m][k] * panel[k][n], one chain of fused multiply-adds in the
// order of k for every output (of a few, where it would be long): no tile size, row count or blocking
// changes a bit of it.

// Of N vectors, how many one tile takes. With 16 registers four would leave room for three rows only,
// and the panel would have to come from the second cache twice as fast: such a panel lies in halves,
// one after the other, [N / at once][K][at once][W].
constexpr int vectors_at_once(int n) { return RECURRA_VECTOR_BYTES < 64 && n == 4 ? 2 : n; }

// The rows of a tile with N vectors: as many as the registers hold beside one column of the panel.
template <int N>
constexpr int tile_rows() {
  constexpr int wide[] = {0, 8, 8, 8, 6}, narrow[] = {0, 8, 6, 4};
  return RECURRA_VECTOR_BYTES == 64 ? wide[N] : narrow[vectors_at_once(N)];
}

// Row m at step k of the sum is rows[m * row_stride + (k / run) * jump + k % run].
template <class R>
struct Operand {
  const R* rows = nullptr;
  long row_stride = 0;
  long run = 0, runs = 1, jump = 0;
};

// Where the chains begin: vector n of row m at at[n] + m * stride[n].
template <class R>
struct Start {
  const R* at[4] = {};
  long stride[4] = {};
};

template <class R>
struct Result {
  R* rows = nullptr;
  long row_stride = 0;
};

// sum[m][n] += factor[m] * column[n], in registers. Beside M x N sums there is room for one column and
// all factors, or the other way round: whichever takes fewer.
template <class R, int M, int N, class Factor, class Column>
RECURRA_INLINE void multiply(Vec<R> (&sum)[M][N], Factor factor_of, Column column_of) {
  if constexpr (M < N) {
    Vec<R> factor[M];
    RECURRA_UNROLL
    for (int m = 0; m < M; ++m) factor[m] = factor_of(m);
    RECURRA_UNROLL
    for (int n = 0; n < N; ++n) {
      const Vec<R> column = column_of(n);
      RECURRA_UNROLL
      for (int m = 0; m < M; ++m) sum[m][n] = fused(factor[m], column, sum[m][n]);
    }
  } else {
    Vec<R> column[N];
    RECURRA_UNROLL
    for (int n = 0; n < N; ++n) column[n] = column_of(n);
    RECURRA_UNROLL
    for (int m = 0; m < M; ++m) {
      const Vec<R> factor = factor_of(m);
      RECURRA_UNROLL
      for (int n = 0; n < N; ++n) sum[m][n] = fused(factor, column[n], sum[m][n]);
    }
  }
}

template <class R, int M, int N>
RECURRA_INLINE void accumulate(Vec<R> (&sum)[M][N], const R* rows, long row_stride,
                               const R* panel, long count) {
  constexpr int W = lanes<R>;
  const R* upper = rows + 4 * row_stride;
  for (long k = 0; k < count; ++k, panel += N * W)
    multiply<R>(
        sum,
        [&](int m) { return spread((m < 4 ? rows + m * row_stride : upper + (m - 4) * row_stride)[k]); },
        [&](int n) { return load(panel + n * W); });
}

// Chains over several runs are not longer than this: beyond, sums of whole runs are added up, which
// keeps the error of deep products (3 H factors back to the state) near that of blocked ones.
constexpr long longest_chain = 256;

template <class R, int M, int N>
__attribute__((noinline)) void tile(const Start<R>& start, const Operand<R>& a, const R* panel,
                                    const Result<R>& out) {
  constexpr int W = lanes<R>;
  const long together = larger(1, longest_chain / larger(1, a.run));
  const R* rows = a.rows;
  long i = 0;
  do {
    const bool first = i == 0;
    Vec<R> sum[M][N];
    RECURRA_UNROLL
    for (int m = 0; m < M; ++m) {
      RECURRA_UNROLL
      for (int n = 0; n < N; ++n)
        sum[m][n] = first ? load(start.at[n] + m * start.stride[n]) : Vec<R>{};
    }
    for (const long end = smaller(a.runs, i + together); i < end; ++i) {
      accumulate<R, M, N>(sum, rows, a.row_stride, panel, a.run);
      rows += a.jump;
      panel += a.run * N * W;
    }
    RECURRA_UNROLL
    for (int m = 0; m < M; ++m) {
      RECURRA_UNROLL
      for (int n = 0; n < N; ++n) {
        R* to = out.rows + m * out.row_stride + n * W;
        store(to, first ? sum[m][n] : load(to) + sum[m][n]);
      }
    }
  } while (i < a.runs);
}

// Panels of one tile where there is a single row: its own few chains would leave the multipliers
// waiting. Each chain is the same as in `tile`.
constexpr int panels_at_once = 3;

// Panel p begins at panel + p * panel_stride; its chains at start.at[n] + p * start.stride[n]; its
// result at out.rows + p * out.row_stride.
template <class R, int P, int N>
__attribute__((noinline)) void row_tile(const Start<R>& start, const R* row, long count,
                                        const R* panel, long panel_stride, const Result<R>& out) {
  constexpr int W = lanes<R>;
  Vec<R> sum[P][N];
  RECURRA_UNROLL
  for (int p = 0; p < P; ++p) {
    RECURRA_UNROLL
    for (int n = 0; n < N; ++n) sum[p][n] = load(start.at[n] + p * start.stride[n]);
  }
  for (long k = 0; k < count; ++k, panel += N * W) {
    const Vec<R> factor = spread(row[k]);
    RECURRA_UNROLL
    for (int p = 0; p < P; ++p) {
      RECURRA_UNROLL
      for (int n = 0; n < N; ++n)
        sum[p][n] = fused(factor, load(panel + p * panel_stride + n * W), sum[p][n]);
    }
  }
  RECURRA_UNROLL
  for (int p = 0; p < P; ++p) {
    RECURRA_UNROLL
    for (int n = 0; n < N; ++n) store(out.rows + p * out.row_stride + n * W, sum[p][n]);
  }
}

// visit(start, panel, out) for each part of a panel that one tile takes; `depth` is K.
template <int N, class R, class Visit>
RECURRA_INLINE void each_part(const Start<R>& start, const R* panel, long depth,
                              const Result<R>& out, Visit visit) {
  constexpr int W = lanes<R>, at_once = vectors_at_once(N);
  for (int from = 0; from < N; from += at_once) {
    Start<R> begin;
    for (int n = 0; n < at_once; ++n) {
      begin.at[n] = start.at[from + n];
      begin.stride[n] = start.stride[from + n];
    }
    visit(begin, panel + from * depth * W, Result<R>{out.rows + from * W, out.row_stride});
  }
}

// One row times `count` panels, at most panels_at_once.
template <class R, int N>
RECURRA_INLINE void row_product(long count, const Start<R>& start, const R* row, long inputs,
                                const R* panel, long panel_stride, const Result<R>& out) {
  constexpr int at_once = vectors_at_once(N);
  if constexpr (at_once < N)
    return each_part<N>(start, panel, inputs, out, [&](auto& begin, auto* part, auto to) {
      row_product<R, at_once>(count, begin, row, inputs, part, panel_stride, to);
    });
  if (count == 3) return row_tile<R, 3, N>(start, row, inputs, panel, panel_stride, out);
  if (count == 2) return row_tile<R, 2, N>(start, row, inputs, panel, panel_stride, out);
  row_tile<R, 1, N>(start, row, inputs, panel, panel_stride, out);
}

// One tile of `count` rows, at most tile_rows<N>().
template <class R, int N>
RECURRA_INLINE void product(long count, const Start<R>& start, const Operand<R>& a, const R* panel,
                            const Result<R>& out) {
  constexpr int most = tile_rows<N>(), at_once = vectors_at_once(N);
  if constexpr (at_once < N)
    return each_part<N>(start, panel, a.run * a.runs, out, [&](auto& begin, auto* part, auto to) {
      product<R, at_once>(count, begin, a, part, to);
    });
  switch (count) {
    case 8: if constexpr (most >= 8) return tile<R, 8, N>(start, a, panel, out); [[fallthrough]];
    case 7: if constexpr (most >= 7) return tile<R, 7, N>(start, a, panel, out); [[fallthrough]];
    case 6: if constexpr (most >= 6) return tile<R, 6, N>(start, a, panel, out); [[fallthrough]];
    case 5: if constexpr (most >= 5) return tile<R, 5, N>(start, a, panel, out); [[fallthrough]];
    case 4: if constexpr (most >= 4) return tile<R, 4, N>(start, a, panel, out); [[fallthrough]];
    case 3: return tile<R, 3, N>(start, a, panel, out);
    case 2: return tile<R, 2, N>(start, a, panel, out);
    default: return tile<R, 1, N>(start, a, panel, out);
  }
}

// Cuts [from, to) into the fewest tiles of at most `most`, of sizes as equal as can be: a last tile
// of one or two rows would wait for its own few chains. Downward from the last where asked.
template <class Visit>
RECURRA_INLINE void each_tile(long from, long to, long most, Visit visit, bool down = false) {
  const long count = to - from;
  if (count <= 0) return;
  const long tiles = ceiling(count, most), size = count / tiles, larger_ones = count % tiles;
  for (long turn = 0; turn < tiles; ++turn) {
    const long i = down ? tiles - 1 - turn : turn;
    visit(from + i * size + smaller(i, larger_ones), size + (i < larger_ones ? 1 : 0));
  }
}
