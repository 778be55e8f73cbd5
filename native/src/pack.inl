// Weights in the order in which the tiles read them.

// Of dense weight [G*H, K]: out [k][n][lane] = weight[gate[n] * H + j * W + lane][k], for the panel
// of units j, in parts of vectors_at_once(count) vectors; lanes beyond H are zero.
template <class R>
void pack_panel(const R* weight, long units, long inputs, long j, const int* gate, int count,
                R* out) {
  constexpr int W = lanes<R>;
  const long real = smaller(W, units - j * W);
  constexpr long block = 16;  // so many inputs at once: one cache line of each row
  const int at_once = vectors_at_once(count);
  for (long k0 = 0; k0 < inputs; k0 += block) {
    const long k1 = smaller(inputs, k0 + block);
    for (int n = 0; n < count; ++n) {
      const R* rows = weight + (gate[n] * units + j * W) * inputs;
      R* part = out + n / at_once * inputs * at_once * W + n % at_once * W;
      for (long lane = 0; lane < W; ++lane)
        for (long k = k0; k < k1; ++k)
          part[k * at_once * W + lane] = lane < real ? rows[lane * inputs + k] : R(0);
    }
  }
}

// The transpose, for gradients that flow back: out [k][lane] for the columns from `column` on, where
// k runs over panels of units j, gates n and lanes of the gate; zero beyond H and beyond K.
template <class R>
void pack_transposed(const R* weight, long units, long inputs, long column, long width,
                     const int* gate, int count, R* out) {
  constexpr int W = lanes<R>;
  const long real = smaller(width, inputs - column);
  for (long j = 0; j < ceiling(units, W); ++j)
    for (int n = 0; n < count; ++n)
      for (long lane = 0; lane < W; ++lane, out += width) {
        const bool inside = j * W + lane < units;
        const R* row = weight + (gate[n] * units + j * W + lane) * inputs + column;
        for (long i = 0; i < width; ++i) out[i] = inside && i < real ? row[i] : R(0);
      }
}

// Carves a workspace into arrays, each on its own cache lines. From nullptr it only counts.
class Carve {
 public:
  explicit Carve(char* from) : from_(from) {}

  template <class T>
  T* take(size_t count) {
    const size_t at = used_;
    used_ += (count * sizeof(T) + 63) / 64 * 64;
    return from_ ? reinterpret_cast<T*>(from_ + at) : nullptr;
  }
  size_t used() const { return used_; }

 private:
  char* from_;
  size_t used_ = 0;
};
