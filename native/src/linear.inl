// The linear map (linear.h): panels of two vectors of outputs, [I][2W], biases after them.

template <class R>
struct LinearLayout {
  static constexpr long width = 2 * lanes<R>;
  long groups, inputs;

  explicit LinearLayout(const Linear<R>& l)
      : groups(ceiling(l.outputs, width)), inputs(l.inputs) {}
  long panel(long g) const { return g * inputs * width; }
  long bias(long g) const { return panel(groups) + g * width; }
  long size() const { return bias(groups); }
};

template <class R>
size_t linear_packed_size(const Linear<R>& l) {
  return LinearLayout<R>(l).size();
}

template <class R>
void linear_pack(const Linear<R>& l, R* to) {
  const LinearLayout<R> layout(l);
  for (long g = 0; g < layout.groups; ++g)
    for (long lane = 0; lane < layout.width; ++lane) {
      const long o = g * layout.width + lane;
      const bool real = o < l.outputs;
      for (long k = 0; k < l.inputs; ++k)
        to[layout.panel(g) + k * layout.width + lane] = real ? l.weight[o * l.inputs + k] : R(0);
      to[layout.bias(g) + lane] = real && l.bias ? l.bias[o] : R(0);
    }
}

template <class R>
void linear(const Linear<R>& l, const R* packed, Rows<const R> x, long rows, Rows<R> y) {
  constexpr int W = lanes<R>;
  Flushing flushing;
  const LinearLayout<R> layout(l);
  alignas(64) R sums[8 * layout.width];
  for (long g = 0; g < layout.groups; ++g) {
    Start<R> start;
    for (int n = 0; n < 2; ++n) start.at[n] = packed + layout.bias(g) + n * W;
    each_tile(0, rows, tile_rows<2>(), [&](long row, long count) {
      const Operand<R> a{x.at(row), x.batch, l.inputs};
      product<R, 2>(count, start, a, packed + layout.panel(g), {sums, 2 * W});
      for (long m = 0; m < count; ++m)
        for (long n = 0; n < 2; ++n) {
          const long at = g * layout.width + n * W;
          store_part(y.at(row + m) + at, load(sums + (2 * m + n) * W), l.outputs - at);
        }
    });
  }
}
