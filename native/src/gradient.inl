// Weight gradients: C = sum over rows q of columns[q] x slots[q], rows in chunks of fixed size.
//
// Within a chunk chains of 64 rows, then pairs of chains; over chunks, pairs of chunks. Pairing as
// a binary counter carries: sum i waits at the level of its lowest bits. The order is fixed by the
// shape alone, so neither who computes a tile nor how many do changes a bit.

constexpr long chain_rows = 64;
constexpr int most_levels = 32;  // of chains: more rows than `need_possible` lets through

// One factor: columns packed eight side by side, [ceil(columns / 8)][rows][8].
template <class R>
struct Columns {
  R* packed = nullptr;
  long columns = 0, rows = 0;

  // How many columns a tile of N slots takes at once.
  template <int N>
  static constexpr long at_once = 8;

  void prepare(Carve& carve, long count, long at_least, long chunk_rows) {
    columns = count;
    // Tiles a power of two apart would all fall on the same few lines of the cache.
    rows = chunk_rows + 2;
    packed = carve.take<R>(size_t(ceiling(larger(count, at_least), 8)) * 8 * rows);
  }
  R* at(long tile, long row) const { return packed + (tile * rows + row) * 8; }

  void put_one(long row, long column, R value) const { at(column / 8, row)[column % 8] = value; }
  void put_row(long row, const R* x, long count) const {
    constexpr int W = lanes<R>;
    long i = 0;
    for (; i + W <= count; i += W) put_vector(row, i / W, x ? load(x + i) : Vec<R>{});
    for (; i < count; ++i) put_one(row, i, x ? x[i] : R(0));
  }
  RECURRA_INLINE void put_vector(long row, long j, Vec<R> v) const {
    constexpr int W = lanes<R>, piece = W < 8 ? W : 8;
    alignas(64) R values[W];
    store(values, v);
    for (int i = 0; i < W; i += piece)
      __builtin_memcpy(at((j * W + i) / 8, row) + (j * W + i) % 8, values + i, piece * sizeof(R));
  }
  // Rows [row, row_end) are complete.
  void close(long, long) const {}
};

// The other factor: gradients of the sums, [panels][rows][count][W].
template <class R, int count>
struct Slots {
  static constexpr int W = lanes<R>;
  R* values = nullptr;
  long panels = 0, rows = 0;

  void prepare(Carve& carve, long units, long chunk_rows) {
    panels = ceiling(units, W);
    rows = chunk_rows;
    values = carve.take<R>(size_t(panels) * rows * count * W);
  }
  R* at(long row, long j) const { return values + (j * rows + row) * count * W; }

  RECURRA_INLINE void put_slot(long row, long j, int slot, Vec<R> v) const {
    store(at(row, j) + slot * W, v);
  }
  // `some` slots from the slot `first` on, as the rows of a product with transposed weights, and
  // how long its sums are.
  Operand<R> operand(long row, int first, int some) const {
    return {at(row, 0) + first * W, count * W, some * W, panels, rows * count * W};
  }
  long depth(int some) const { return panels * W * some; }
  void close(long, long) const {}
};

// out = the sum of the chain, and `more` where there is more.
template <class R, int M, int N>
RECURRA_INLINE void chain(const R* column, const R* slots, long stride, long rows, const R* more,
                          R* out) {
  constexpr int W = lanes<R>;
  Vec<R> sum[M][N];
  RECURRA_UNROLL
  for (int m = 0; m < M; ++m) {
    RECURRA_UNROLL
    for (int n = 0; n < N; ++n) sum[m][n] = Vec<R>{};
  }
  for (long q = 0; q < rows; ++q, column += 8, slots += stride)
    multiply<R>(
        sum, [&](int m) { return spread(column[m]); }, [&](int n) { return load(slots + n * W); });
  RECURRA_UNROLL
  for (int m = 0; m < M; ++m) {
    RECURRA_UNROLL
    for (int n = 0; n < N; ++n) {
      const long at = (m * N + n) * W;
      store(out + at, more ? sum[m][n] + load(more + at) : sum[m][n]);
    }
  }
}

template <class R>
RECURRA_INLINE void add_to(R* sum, const R* more, long vectors) {
  constexpr int W = lanes<R>;
  for (long i = 0; i < vectors * W; i += W) store(sum + i, load(more + i) + load(sum + i));
}

// As many columns at a time as leave their sums in registers.
template <class R, int M, int N>
RECURRA_INLINE void chains(const R* column, const R* slots, long stride, long rows, const R* more,
                           R* out) {
  constexpr int wide = RECURRA_VECTOR_BYTES == 64 ? (N < 4 ? 8 : 4) : (N < 4 ? 4 : 3);
  constexpr int high = M < wide ? M : wide;
  chain<R, high, N>(column, slots, stride, rows, more, out);
  constexpr long done = high * N * lanes<R>;
  if constexpr (high < M)
    chains<R, M - high, N>(column + high, slots, stride, rows, more ? more + done : nullptr,
                           out + done);
}

// One tile of C for the rows of one chunk.
template <class R, int M, int N>
__attribute__((noinline)) void gradient_tile(const R* column, const R* slots, long stride,
                                             long rows, R* out) {
  constexpr int W = lanes<R>;
  alignas(64) R level[most_levels][M * N * W];
  long count = 0;
  for (long q = 0; q < rows; q += chain_rows, ++count) {
    // The chain itself adds the sum that waits for it, and goes at once to where it will wait.
    int at = 0;
    while (count >> at & 1) ++at;
    chains<R, M, N>(column + q * 8, slots + q * stride, stride, smaller(chain_rows, rows - q),
                    at > 0 ? level[0] : nullptr, level[at]);
    for (int below = 1; below < at; ++below) add_to(level[at], level[below], M * N);
  }
  bool any = false;
  for (int at = 0; count >> at; ++at)
    if (count >> at & 1) {
      if (any)
        add_to(out, level[at], M * N);
      else
        __builtin_memcpy(out, level[at], sizeof level[0]);
      any = true;
    }
}

template <class R, int N>
RECURRA_INLINE void gradient_tile_of(long columns, const R* column, const R* slots, long stride,
                                     long rows, R* out) {
  switch (columns) {
    case 8: return gradient_tile<R, 8, N>(column, slots, stride, rows, out);
    case 7: return gradient_tile<R, 7, N>(column, slots, stride, rows, out);
    case 6: return gradient_tile<R, 6, N>(column, slots, stride, rows, out);
    case 5: return gradient_tile<R, 5, N>(column, slots, stride, rows, out);
    case 4: return gradient_tile<R, 4, N>(column, slots, stride, rows, out);
    case 3: return gradient_tile<R, 3, N>(column, slots, stride, rows, out);
    case 2: return gradient_tile<R, 2, N>(column, slots, stride, rows, out);
    default: return gradient_tile<R, 1, N>(column, slots, stride, rows, out);
  }
}

// Columns of one tile times N slots of the panel j from the slot `first` on, over `rows` rows.
template <int N, class R, int count>
RECURRA_INLINE void gradient_of(const Columns<R>& columns, long tile, const Slots<R, count>& slots,
                                long j, int first, long rows, R* out) {
  gradient_tile_of<R, N>(smaller(8, columns.columns - tile * 8), columns.at(tile, 0),
                         slots.at(0, j) + first * lanes<R>, count * lanes<R>, rows, out);
}

// The gradient of one weight matrix, tile by tile. N slots of each unit from the slot `first` on.
template <class R, int N, class Columns>
class WeightGradient {
  static constexpr int W = lanes<R>;
  static constexpr long at_once = Columns::template at_once<N>;
  static constexpr long tile_size = at_once * N * W;

 public:
  void prepare(Carve& carve, const Columns& columns, long panels, long chunks) {
    columns_ = columns;
    panels_ = panels;
    // The last chunk's sums go straight to where all of them are wanted.
    last_ = chunks - 1;
    for (levels_ = 0; chunks && last_ >> levels_; ++levels_) {}
    sums_ = carve.take<R>(size_t(levels_) * items() * tile_size);
  }

  long tiles() const { return ceiling(columns_.columns, at_once); }
  long items() const { return panels_ * tiles(); }

  // Items [from, to) of one chunk that is not the last.
  template <class Slots>
  void add(long from, long to, const Slots& slots, int first, long rows, long chunk) {
    alignas(64) R sum[tile_size];
    for (long item = from; item < to; ++item) {
      const auto [j, tile, columns] = place(item);
      gradient_of<N>(columns_, tile, slots, j, first, rows, sum);
      int at = 0;
      for (; chunk >> at & 1; ++at) add_to(sum, level(at, item), columns * N);
      __builtin_memcpy(level(at, item), sum, columns * N * W * sizeof(R));
    }
  }

  // The last chunk, and with it all: writes gate rows gate[n] of `target.weight` [G*H, K], and of the
  // biases what stands in the column beyond.
  struct Target {
    const int* gate;
    long units, inputs;
    R *weight, *bias, *other_bias;
  };
  template <class Slots>
  void finish(long from, long to, const Slots& slots, int first, long rows, const Target& target) {
    if (last_ < 0) return;
    alignas(64) R sum[tile_size];
    for (long item = from; item < to; ++item) {
      const auto [j, tile, columns] = place(item);
      gradient_of<N>(columns_, tile, slots, j, first, rows, sum);
      for (int at = 0; at < levels_; ++at)
        if (last_ >> at & 1) add_to(sum, level(at, item), columns * N);
      write(sum, item, target);
    }
  }

 private:
  struct Place {
    long j, tile, columns;
  };
  Place place(long item) const {
    const long tile = item % tiles();
    return {item / tiles(), tile, smaller(at_once, columns_.columns - tile * at_once)};
  }

  void write(const R* sum, long item, const Target& target) const {
    const auto [j, tile, columns] = place(item);
    for (int n = 0; n < N; ++n)
      for (long lane = 0; lane < smaller(W, target.units - j * W); ++lane) {
        const long row = target.gate[n] * target.units + j * W + lane;
        for (long m = 0; m < columns; ++m) {
          const R value = sum[(m * N + n) * W + lane];
          const long column = tile * at_once + m;
          if (column < target.inputs) {
            target.weight[row * target.inputs + column] = value;
            continue;
          }
          if (target.bias) target.bias[row] = value;
          if (target.other_bias) target.other_bias[row] = value;
        }
      }
  }

  R* level(int at, long item) const { return sums_ + (at * items() + item) * tile_size; }

  Columns columns_;
  long panels_ = 0, last_ = -1;
  int levels_ = 0;
  R* sums_ = nullptr;
};
