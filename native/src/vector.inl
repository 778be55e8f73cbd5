// A vector of this instruction set's width, for float and for double, and the few operations on it
// that the compiler's own operators (+ - * / < ?:) do not give.

#define RECURRA_INLINE inline __attribute__((always_inline))
#define RECURRA_UNROLL _Pragma("GCC unroll 16")

template <class R>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float type __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
  typedef int32_t bits __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
};
template <>
struct VectorOf<double> {
  typedef double type __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
  typedef int64_t bits __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
};
template <class R>
using Vec = typename VectorOf<R>::type;
template <class R>
using Bits = typename VectorOf<R>::bits;
template <class R>
constexpr int lanes = RECURRA_VECTOR_BYTES / sizeof(R);

template <class R>
RECURRA_INLINE Vec<R> load(const R* from) {
  Vec<R> v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

template <class R>
RECURRA_INLINE void store(R* to, Vec<R> v) {
  __builtin_memcpy(to, &v, sizeof v);
}

// Past the caches, to a whole cache line that nobody reads soon: `to` is aligned.
#if RECURRA_VECTOR_BYTES == 64
constexpr bool streaming = true;
RECURRA_INLINE void stream(float* to, Vec<float> v) { _mm512_stream_ps(to, v); }
RECURRA_INLINE void stream(double* to, Vec<double> v) { _mm512_stream_pd(to, v); }
// Before another thread may read what was streamed.
RECURRA_INLINE void settle_streams() { _mm_sfence(); }
#else
constexpr bool streaming = false;
template <class R>
RECURRA_INLINE void stream(R* to, Vec<R> v) { store(to, v); }
RECURRA_INLINE void settle_streams() {}
#endif

// The first `count` lanes; the others are zero.
template <class R>
RECURRA_INLINE Vec<R> load_part(const R* from, long count) {
  if (count >= lanes<R>) return load(from);
  Vec<R> v{};
  for (long i = 0; i < count; ++i) v[i] = from[i];
  return v;
}

template <class R>
RECURRA_INLINE void store_part(R* to, Vec<R> v, long count) {
  if (count >= lanes<R>) return store(to, v);
  for (long i = 0; i < count; ++i) to[i] = v[i];
}

// x in every lane. (x - 0 is x for every x, -0 and NaN too; x + 0 is not.)
template <class R>
RECURRA_INLINE Vec<R> spread(R x) {
  return x - Vec<R>{};
}

// a * b + c with one rounding where the instruction set has it, with two where it has not.
#if RECURRA_VECTOR_BYTES == 64
RECURRA_INLINE Vec<float> fused(Vec<float> a, Vec<float> b, Vec<float> c) {
  return _mm512_fmadd_ps(a, b, c);
}
RECURRA_INLINE Vec<double> fused(Vec<double> a, Vec<double> b, Vec<double> c) {
  return _mm512_fmadd_pd(a, b, c);
}
#elif RECURRA_VECTOR_BYTES == 32
RECURRA_INLINE Vec<float> fused(Vec<float> a, Vec<float> b, Vec<float> c) {
  return _mm256_fmadd_ps(a, b, c);
}
RECURRA_INLINE Vec<double> fused(Vec<double> a, Vec<double> b, Vec<double> c) {
  return _mm256_fmadd_pd(a, b, c);
}
#else
RECURRA_INLINE Vec<float> fused(Vec<float> a, Vec<float> b, Vec<float> c) { return a * b + c; }
RECURRA_INLINE Vec<double> fused(Vec<double> a, Vec<double> b, Vec<double> c) { return a * b + c; }
#endif

// x cut to [-bound, bound]; NaN stays. (The processor's own instructions give their second operand
// where one is NaN; a compiler may not turn a comparison into them. The masks are of all lanes: GCC 12
// warns of its own header otherwise.)
#if RECURRA_VECTOR_BYTES == 64
RECURRA_INLINE Vec<float> within_bound(Vec<float> x, float bound) {
  return _mm512_maskz_max_ps(0xffff, spread(-bound),
                              _mm512_maskz_min_ps(0xffff, spread(bound), x));
}
#elif RECURRA_VECTOR_BYTES == 32
RECURRA_INLINE Vec<float> within_bound(Vec<float> x, float bound) {
  return _mm256_max_ps(spread(-bound), _mm256_min_ps(spread(bound), x));
}
#else
RECURRA_INLINE Vec<float> within_bound(Vec<float> x, float bound) {
  x = x > bound ? spread(bound) : x;
  return x < -bound ? spread(-bound) : x;
}
#endif

RECURRA_INLINE long smaller(long a, long b) { return a < b ? a : b; }
RECURRA_INLINE long larger(long a, long b) { return a > b ? a : b; }
RECURRA_INLINE long ceiling(long a, long b) { return (a + b - 1) / b; }

// Denormals count as zero from here to the end of the scope; then the caller's mode is back. A
// network that is fed zeros for long would else decay into arithmetic a hundred times slower.
class Flushing {
 public:
#if defined(RECURRA_X86)
  Flushing() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
  ~Flushing() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#else
  Flushing() {}
#endif
};
