// The inner product on AMX tiles: both factors rounded to bfloat16, products and sums in float32.
//
// out[m][n] = start[m][n] + sum_k rows[m][k] * panel[k][n]. A row of the result is computed by itself,
// in blocks of 32 factors in the order of k: no row count or blocking of rows changes a bit of it.
// Panels hold [k / 32][n][16 pairs of k][16 lanes][2]; rows are padded to whole blocks with zeros.

template <class R>
using Factor = uint16_t;
constexpr bool rounding = true;
constexpr long tile_depth = 32;
constexpr long tile_factors = 512;
constexpr long most_rows = 32;
constexpr long row_grain = tile_depth;

// Eight tiles: sums of two blocks of rows beside a tile of each factor; four vectors leave room for one.
template <int N>
constexpr long rows_at_once() { return N <= 3 ? 32 : 16; }

RECURRA_INLINE long factors(long k) { return ceiling(k, tile_depth) * tile_depth; }
template <class R>
RECURRA_INLINE long panel_length(long k, long vectors) { return k * vectors * lanes<R> / 2; }

// As Operand, of rounded factors; `run` counts padded factors. 0 as panel_step: panels lie dense.
template <class R>
struct FactorRows {
  const uint16_t* rows = nullptr;
  long row_stride = 0;
  long run = 0, runs = 1, jump = 0;
  long panel_step = 0;
};

// The intrinsics of some compilers do not say that they read and write memory.
RECURRA_INLINE void settle_memory() { asm volatile("" ::: "memory"); }

// Rows of the tiles that hold rows and sums; 0: not configured. Of the thread, as the tiles are.
static thread_local long configured_rows __attribute__((tls_model("initial-exec"))) = 0;

inline void configure(long rows) {
  struct alignas(64) {
    uint8_t palette = 1, first_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {};
    uint8_t rows[16] = {};
  } layout;
  for (int tile = 0; tile < 8; ++tile) {
    layout.row_bytes[tile] = 64;
    layout.rows[tile] = uint8_t(tile == 7 ? 16 : rows);
  }
  settle_memory();
#if defined(RECURRA_EMULATED)
  tile_layout(&layout);
#else
  asm volatile("ldtilecfg %0" ::"m"(layout));
#endif
  configured_rows = rows;
}

// Another library may have configured or released the tiles since the last call; a thread that
// leaves them in use makes every switch of threads save them.
class ProductScope {
 public:
  ProductScope() { configure(16); }
  ~ProductScope() {
    _tile_release();
    configured_rows = 0;
  }
};

RECURRA_INLINE void put(uint16_t* to, Vec<float> v) {
  const __m256bh rounded = _mm512_cvtneps_pbh(v);
  __builtin_memcpy(to, &rounded, sizeof rounded);
}

// What forward keeps for backward is rounded as the factors are: half the memory.
template <class R>
using Kept = uint16_t;
RECURRA_INLINE Vec<float> recall(const uint16_t* from) {
  typedef uint16_t Half __attribute__((vector_size(32)));
  Half rounded;
  __builtin_memcpy(&rounded, from, sizeof rounded);
  return (Vec<float>)(__builtin_convertvector(rounded, Bits<float>) << 16);
}
RECURRA_INLINE void stream_kept(uint16_t* to, Vec<float> v) {
  _mm256_stream_si256(reinterpret_cast<__m256i*>(to), (__m256i)_mm512_cvtneps_pbh(v));
}

#define RECURRA_LOAD_SUM(tile, n, from) \
  _tile_loadd(tile, start.at[n] + (from) * start.stride[n], start.stride[n] * 4)
#define RECURRA_STORE_SUM(tile, n, from) \
  _tile_stored(tile, out.rows + (from) * out.row_stride + (n) * 16, out.row_stride * 4)

// One block of at most 16 rows.
template <int N>
__attribute__((noinline)) void one_block(const Start<float>& start, const FactorRows<float>& a,
                                         const uint16_t* panel, const Result<float>& out) {
  settle_memory();
  RECURRA_LOAD_SUM(0, 0, 0);
  if constexpr (N > 1) RECURRA_LOAD_SUM(1, 1, 0);
  if constexpr (N > 2) RECURRA_LOAD_SUM(2, 2, 0);
  if constexpr (N > 3) RECURRA_LOAD_SUM(3, 3, 0);
  const long step = a.panel_step ? a.panel_step : N * tile_factors;
  for (long i = 0; i < a.runs; ++i)
    for (long k = 0; k < a.run; k += tile_depth, panel += step) {
      _tile_loadd(6, a.rows + i * a.jump + k, a.row_stride * 2);
      _tile_loadd(7, panel, 64);
      _tile_dpbf16ps(0, 6, 7);
      if constexpr (N > 1) {
        _tile_loadd(7, panel + tile_factors, 64);
        _tile_dpbf16ps(1, 6, 7);
      }
      if constexpr (N > 2) {
        _tile_loadd(7, panel + 2 * tile_factors, 64);
        _tile_dpbf16ps(2, 6, 7);
      }
      if constexpr (N > 3) {
        _tile_loadd(7, panel + 3 * tile_factors, 64);
        _tile_dpbf16ps(3, 6, 7);
      }
    }
  RECURRA_STORE_SUM(0, 0, 0);
  if constexpr (N > 1) RECURRA_STORE_SUM(1, 1, 0);
  if constexpr (N > 2) RECURRA_STORE_SUM(2, 2, 0);
  if constexpr (N > 3) RECURRA_STORE_SUM(3, 3, 0);
  settle_memory();
}

// Two blocks of as many rows each, the second from row `second` on: each tile of the panel is loaded
// once for both, each tile of rows four times for three vectors.
template <int N>
__attribute__((noinline)) void two_blocks(long second, const Start<float>& start,
                                          const FactorRows<float>& a, const uint16_t* panel,
                                          const Result<float>& out) {
  settle_memory();
  RECURRA_LOAD_SUM(0, 0, 0);
  RECURRA_LOAD_SUM(3, 0, second);
  if constexpr (N > 1) {
    RECURRA_LOAD_SUM(1, 1, 0);
    RECURRA_LOAD_SUM(4, 1, second);
  }
  if constexpr (N > 2) {
    RECURRA_LOAD_SUM(2, 2, 0);
    RECURRA_LOAD_SUM(5, 2, second);
  }
  const long step = a.panel_step ? a.panel_step : N * tile_factors;
  const long stride = a.row_stride * 2;
  for (long i = 0; i < a.runs; ++i) {
    const uint16_t* upper = a.rows + i * a.jump;
    const uint16_t* lower = upper + second * a.row_stride;
    for (long k = 0; k < a.run; k += tile_depth, panel += step) {
      _tile_loadd(7, panel, 64);
      _tile_loadd(6, upper + k, stride);
      _tile_dpbf16ps(0, 6, 7);
      _tile_loadd(6, lower + k, stride);
      _tile_dpbf16ps(3, 6, 7);
      if constexpr (N > 1) {
        _tile_loadd(7, panel + tile_factors, 64);
        _tile_dpbf16ps(4, 6, 7);
        _tile_loadd(6, upper + k, stride);
        _tile_dpbf16ps(1, 6, 7);
      }
      if constexpr (N > 2) {
        _tile_loadd(7, panel + 2 * tile_factors, 64);
        _tile_dpbf16ps(2, 6, 7);
        _tile_loadd(6, lower + k, stride);
        _tile_dpbf16ps(5, 6, 7);
      }
    }
  }
  RECURRA_STORE_SUM(0, 0, 0);
  RECURRA_STORE_SUM(3, 0, second);
  if constexpr (N > 1) {
    RECURRA_STORE_SUM(1, 1, 0);
    RECURRA_STORE_SUM(4, 1, second);
  }
  if constexpr (N > 2) {
    RECURRA_STORE_SUM(2, 2, 0);
    RECURRA_STORE_SUM(5, 2, second);
  }
  settle_memory();
}

#undef RECURRA_LOAD_SUM
#undef RECURRA_STORE_SUM

// At most rows_at_once<N>() rows. An odd row more than two blocks hold is computed in both: its bits
// are the same.
template <class R, int N>
RECURRA_INLINE void product(long count, const Start<R>& start, const FactorRows<R>& a,
                            const R* panel, const Result<R>& out) {
  const bool two = count > 16;
  const long rows = two ? ceiling(count, 2) : count;
  if (rows != configured_rows) configure(rows);
  const uint16_t* tiles = reinterpret_cast<const uint16_t*>(panel);
  if constexpr (N <= 3)
    if (two) return two_blocks<N>(count - rows, start, a, tiles, out);
  one_block<N>(start, a, tiles, out);
}

// Rows of 16 pairs become columns of them: lanes whose number has the bit `half` change places.
template <int half = 1>
RECURRA_INLINE void exchange(Bits<float> (&rows)[16]) {
  const Bits<float> lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const Bits<float> even = (lane & half) != 0 ? 16 + (lane ^ half) : lane;
  const Bits<float> odd = (lane & half) != 0 ? 16 + lane : lane | half;
  RECURRA_UNROLL
  for (int i = 0; i < 16; ++i)
    if (!(i & half)) {
      const Bits<float> a = rows[i], b = rows[i | half];
      rows[i] = __builtin_shuffle(a, b, even);
      rows[i | half] = __builtin_shuffle(a, b, odd);
    }
  if constexpr (half < 8) exchange<2 * half>(rows);
}

// Of dense weight [G*H, K], for the panel of units j: as pack_panel, in tiles.
template <class R>
void pack_factors(const R* weight, long units, long inputs, long j, const int* gate, int count,
                R* to) {
  uint16_t* out = reinterpret_cast<uint16_t*>(to);
  const long real = smaller(16, units - j * 16);
  for (long k = 0; k < inputs; k += tile_depth)
    for (int n = 0; n < count; ++n, out += tile_factors) {
      Bits<float> pairs[16];
      for (long lane = 0; lane < 16; ++lane) {
        alignas(64) uint16_t row[tile_depth] = {};
        if (lane < real) {
          const R* from = weight + (gate[n] * units + j * 16 + lane) * inputs + k;
          put(row, load_part(from, smaller(16, inputs - k)));
          if (inputs - k > 16) put(row + 16, load_part(from + 16, smaller(16, inputs - k - 16)));
        }
        __builtin_memcpy(&pairs[lane], row, sizeof row);
      }
      exchange(pairs);
      __builtin_memcpy(out, pairs, sizeof pairs);
    }
}

RECURRA_INLINE Bits<float> interleave(const uint16_t* even, const uint16_t* odd) {
  typedef uint16_t Half __attribute__((vector_size(32)));
  Half low, high;
  __builtin_memcpy(&low, even, sizeof low);
  __builtin_memcpy(&high, odd, sizeof high);
  return __builtin_convertvector(low, Bits<float>) | __builtin_convertvector(high, Bits<float>) << 16;
}

// The transpose, for gradients that flow back: k runs over slots n, then units, each padded; the
// columns from `column` on in whole vectors.
template <class R>
void pack_factors_transposed(const R* weight, long units, long inputs, long column, long width,
                           const int* gate, int count, R* to) {
  uint16_t* out = reinterpret_cast<uint16_t*>(to);
  for (int n = 0; n < count; ++n)
    for (long k = 0; k < factors(units); k += tile_depth)
      for (long v = 0; v < width; v += 16)
        for (long pair = 0; pair < 16; ++pair, out += 32) {
          alignas(64) uint16_t rows[2][16] = {};
          for (long i = 0; i < 2; ++i) {
            const long unit = k + 2 * pair + i, left = inputs - column - v;
            if (unit < units && left > 0)
              put(rows[i], load_part(weight + (gate[n] * units + unit) * inputs + column + v,
                                     smaller(16, left)));
          }
          const Bits<float> pairs = interleave(rows[0], rows[1]);
          __builtin_memcpy(out, &pairs, sizeof pairs);
        }
}
