// What AVX-512's and AMX's instructions do, in plain C++: so a processor with AVX2 alone can test the
// code of both. Slow; never part of what is installed (RECURRA_EMULATE in CMakeLists.txt).
// Semantics: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2 (VFMADD, VMAXPS,
// VCVTNEPS2BF16, LDTILECFG, TILELOADD, TILESTORED, TDPBF16PS).

template <class V>
RECURRA_INLINE V in_halves(V a, V b, V c) {
  constexpr bool single = sizeof(a[0]) == sizeof(float);
  V sum;
  for (int half = 0; half < 2; ++half) {
    const auto part = [half](const V& v, auto& to) {
      __builtin_memcpy(&to, reinterpret_cast<const char*>(&v) + half * 32, 32);
    };
    if constexpr (single) {
      __m256 x, y, z;
      part(a, x), part(b, y), part(c, z);
      z = _mm256_fmadd_ps(x, y, z);
      __builtin_memcpy(reinterpret_cast<char*>(&sum) + half * 32, &z, 32);
    } else {
      __m256d x, y, z;
      part(a, x), part(b, y), part(c, z);
      z = _mm256_fmadd_pd(x, y, z);
      __builtin_memcpy(reinterpret_cast<char*>(&sum) + half * 32, &z, 32);
    }
  }
  return sum;
}

#define _mm512_fmadd_ps in_halves
#define _mm512_fmadd_pd in_halves
// The second operand where one is NaN.
#define _mm512_maskz_max_ps(mask, a, b) ((a) > (b) ? (a) : (b))
#define _mm512_maskz_min_ps(mask, a, b) ((a) < (b) ? (a) : (b))
#define _mm512_stream_ps(to, v) __builtin_memcpy(to, &(v), 64)
#define _mm512_stream_pd(to, v) __builtin_memcpy(to, &(v), 64)

#if defined(RECURRA_TILES)
// To the nearest bfloat16, ties to even; denormals are zeros, NaN stays one.
inline uint16_t to_bfloat16(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  const uint32_t size = bits & 0x7fffffff;
  if (size > 0x7f800000) return uint16_t(bits >> 16 | 0x40);
  if (size < 0x00800000) return uint16_t(bits >> 16 & 0x8000);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
inline float from_bfloat16(uint16_t half) {
  const uint32_t bits = (half & 0x7f80) ? uint32_t(half) << 16 : uint32_t(half & 0x8000) << 16;
  float value;
  __builtin_memcpy(&value, &bits, 4);
  return value;
}

template <class V>
inline __m256bh rounded_vector(V v) {
  uint16_t halves[16];
  for (int i = 0; i < 16; ++i) halves[i] = to_bfloat16(v[i]);
  __m256bh all;
  __builtin_memcpy(&all, halves, sizeof all);
  return all;
}
#define _mm512_cvtneps_pbh rounded_vector

struct Tile {
  int rows, bytes;
  char data[16][64];
};
// On the heap: the little room that threads have for an extension loaded late is not enough for tiles.
static thread_local std::unique_ptr<Tile[]> emulated_tiles;

// Tiles that are not configured may not be used: the processor raises a fault there, and so does this.
inline Tile& tile_of(int number) {
  if (!emulated_tiles || emulated_tiles[number].rows == 0) __builtin_trap();
  return emulated_tiles[number];
}
inline void tile_layout(const void* from) {
  const uint8_t* layout = static_cast<const uint8_t*>(from);
  emulated_tiles = std::make_unique<Tile[]>(8);
  for (int i = 0; i < 8; ++i) {
    emulated_tiles[i].bytes = layout[16 + 2 * i] + 256 * layout[17 + 2 * i];
    emulated_tiles[i].rows = layout[48 + i];
  }
}
inline void tile_load(int number, const void* from, long stride) {
  Tile& tile = tile_of(number);
  for (int i = 0; i < tile.rows; ++i)
    __builtin_memcpy(tile.data[i], static_cast<const char*>(from) + i * stride, tile.bytes);
}
inline void tile_store(int number, void* to, long stride) {
  const Tile& tile = tile_of(number);
  for (int i = 0; i < tile.rows; ++i)
    __builtin_memcpy(static_cast<char*>(to) + i * stride, tile.data[i], tile.bytes);
}
// Even and odd factors have a sum each, which meet at the end.
inline void tile_multiply(int sums, int left, int right) {
  Tile &c = tile_of(sums), &a = tile_of(left), &b = tile_of(right);
  for (int m = 0; m < c.rows; ++m) {
    uint16_t row[32];
    float out[16];
    __builtin_memcpy(row, a.data[m], sizeof row);
    __builtin_memcpy(out, c.data[m], sizeof out);
    for (int n = 0; n < c.bytes / 4; ++n) {
      float sum[2] = {};
      for (int k = 0; k < a.bytes / 4; ++k) {
        uint16_t pair[2];
        __builtin_memcpy(pair, b.data[k] + 4 * n, sizeof pair);
        for (int i = 0; i < 2; ++i)
          sum[i] = __builtin_fmaf(from_bfloat16(row[2 * k + i]), from_bfloat16(pair[i]), sum[i]);
      }
      out[n] += sum[0] + sum[1];
    }
    __builtin_memcpy(c.data[m], out, sizeof out);
  }
}
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#undef _tile_release
#define _tile_loadd tile_load
#define _tile_stored tile_store
#define _tile_dpbf16ps tile_multiply
#define _tile_release() emulated_tiles.reset()
#endif
