// The factors of a product as the register tiles of gemm.inl read them: the values themselves.

template <class R>
using Factor = R;
constexpr bool rounding = false;
constexpr long most_rows = 8;   // of any tile
constexpr long row_grain = 8;   // rows of a chunk that one thread packs together

template <int N>
constexpr long rows_at_once() { return tile_rows<N>(); }

// How many factors a row of k takes, and how many elements a panel of that many rows takes.
RECURRA_INLINE long factors(long k) { return k; }
template <class R>
RECURRA_INLINE long panel_length(long k, long vectors) { return k * vectors * lanes<R>; }

template <class R>
using FactorRows = Operand<R>;

// What a thread needs around its products.
struct ProductScope {
  ProductScope() {}
};

template <class R>
RECURRA_INLINE void put(R* to, Vec<R> v) { store(to, v); }

// What forward keeps for backward: as it was computed.
template <class R>
using Kept = R;
template <class R>
RECURRA_INLINE Vec<R> recall(const R* from) { return load(from); }
template <class R>
RECURRA_INLINE void stream_kept(R* to, Vec<R> v) { stream(to, v); }

template <class R>
void pack_factors(const R* weight, long units, long inputs, long j, const int* gate, int count,
                  R* out) {
  pack_panel(weight, units, inputs, j, gate, count, out);
}

template <class R>
void pack_factors_transposed(const R* weight, long units, long inputs, long column, long width,
                             const int* gate, int count, R* out) {
  pack_transposed(weight, units, inputs, column, width, gate, count, out);
}
