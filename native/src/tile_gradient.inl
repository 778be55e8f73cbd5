// The factors of the weight gradients in bfloat16: pairs of rows interleaved, as the tiles read them.

// As Columns: first row by row, then, transposed, [columns][rows].
template <class R>
struct RoundedColumns {
  uint16_t *staged = nullptr, *packed = nullptr;
  long columns = 0, rows = 0, width = 0;

  template <int N>
  static constexpr long at_once = rows_at_once<N>();

  void prepare(Carve& carve, long count, long at_least, long chunk_rows) {
    columns = count;
    rows = factors(chunk_rows);
    width = factors(larger(count, at_least));
    staged = carve.take<uint16_t>(size_t(rows) * width);
    packed = carve.take<uint16_t>(size_t(rows) * width);
  }

  void put_one(long row, long column, R value) const {
    alignas(64) uint16_t rounded[16];
    put(rounded, spread(value));
    staged[row * width + column] = rounded[0];
  }
  // Leaves zeros in the whole row beyond `count`.
  void put_row(long row, const R* x, long count) const {
    for (long i = 0; i < width; i += 16)
      put(staged + row * width + i, x && i < count ? load_part(x + i, count - i) : Vec<R>{});
  }
  RECURRA_INLINE void put_vector(long row, long j, Vec<R> v) const {
    put(staged + row * width + j * 16, v);
  }
  // Rows [row, row_end) are complete; up to a whole block they count as zero.
  void close(long row, long row_end) const {
    for (long at = row_end; at < factors(row_end); ++at) put_row(at, nullptr, 0);
    for (long at = row; at < row_end; at += tile_depth)
      for (long column = 0; column < columns; column += 16) {
        Bits<float> pairs[16];
        for (long p = 0; p < 16; ++p) {
          const uint16_t* even = staged + (at + 2 * p) * width + column;
          pairs[p] = interleave(even, even + width);
        }
        exchange(pairs);
        for (long m = 0; m < 16; ++m)
          __builtin_memcpy(packed + (column + m) * rows + at, &pairs[m], sizeof pairs[m]);
      }
  }
};

// As Slots: [count][rows][units], and for the weight gradients [panels][rows / 32][count] tiles.
template <class R, int count>
struct RoundedSlots {
  uint16_t *values = nullptr, *tiles = nullptr;
  long panels = 0, rows = 0, width = 0;

  void prepare(Carve& carve, long units, long chunk_rows) {
    panels = ceiling(units, 16);
    rows = factors(chunk_rows);
    width = factors(units);
    values = carve.take<uint16_t>(size_t(count) * rows * width);
    tiles = carve.take<uint16_t>(size_t(panels) * rows * count * 16);
  }
  uint16_t* at(long row, int slot) const { return values + (slot * rows + row) * width; }

  RECURRA_INLINE void put_slot(long row, long j, int slot, Vec<R> v) const {
    uint16_t* to = at(row, slot) + j * 16;
    put(to, v);
    // The last panel of an odd number also clears what fills its block.
    if (j + 1 == panels && panels % 2) put(to + 16, Vec<R>{});
  }
  FactorRows<R> operand(long row, int first, int some) const {
    return {at(row, first), width, width, some, rows * width};
  }
  long depth(int some) const { return width * some; }

  void close(long row, long row_end) const {
    for (int slot = 0; slot < count; ++slot)
      for (long to_clear = row_end; to_clear < factors(row_end); ++to_clear)
        __builtin_memset(at(to_clear, slot), 0, width * sizeof(uint16_t));
    for (long j = 0; j < panels; ++j)
      for (long from = row; from < row_end; from += tile_depth)
        for (int slot = 0; slot < count; ++slot)
          for (long p = 0; p < 16; ++p) {
            const uint16_t* even = at(from + 2 * p, slot) + j * 16;
            const Bits<float> pairs = interleave(even, even + width);
            __builtin_memcpy(tile(j, from, slot) + p * 32, &pairs, sizeof pairs);
          }
  }
  uint16_t* tile(long j, long row, int slot) const {
    return tiles + ((j * rows + row) / tile_depth * count + slot) * tile_factors;
  }
};

// One chain of the chunk's rows.
template <int N, class R, int count>
RECURRA_INLINE void gradient_of(const RoundedColumns<R>& columns, long tile,
                                const RoundedSlots<R, count>& slots, long j, int first, long rows,
                                R* out) {
  alignas(64) static constexpr R none[16] = {};
  constexpr long at_once = rows_at_once<N>();
  Start<R> start;
  for (int n = 0; n < N; ++n) start.at[n] = none;
  const FactorRows<R> a{columns.packed + tile * at_once * columns.rows, columns.rows, factors(rows),
                        1, 0, count * tile_factors};
  product<R, N>(smaller(at_once, columns.columns - tile * at_once), start, a,
                reinterpret_cast<const R*>(slots.tile(j, 0, first)), {out, N * 16});
}
