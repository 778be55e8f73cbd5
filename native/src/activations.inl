// The activations and their slopes. Each slope is taken from the activation's own value, so that
// nothing but the value has to be kept. NaN passes through all of them: comparisons are written so
// that NaN falls to the branch that keeps it.

template <class V>
RECURRA_INLINE V magnitude(V x) {
  return x < 0 ? -x : x;
}

// tanh x = x P(x^2) / Q(x^2), minimax of degree 9/8 on [-8, 8]. Beyond, the quotient grows past 1 (at
// 9 by 1e-6, more than its rounding): cut there, a saturated gate is exactly open or shut.
RECURRA_INLINE Vec<float> hyperbolic(Vec<float> x) {
  x = within_bound(x, 9.0f);
  const Vec<float> s = x * x;
  Vec<float> p = fused(spread(0x1.05a936p-26f), s, spread(0x1.6f55a0p-16f));
  Vec<float> q = fused(spread(0x1.c98d08p-21f), s, spread(0x1.65b3a6p-12f));
  p = fused(p, s, spread(0x1.d4234ep-9f));
  q = fused(q, s, spread(0x1.acadccp-6f));
  p = fused(p, s, spread(0x1.1357f0p-3f));
  q = fused(q, s, spread(0x1.df014ap-2f));
  p = fused(p, s, spread(1.0f));
  q = fused(q, s, spread(1.0f));
  return within_bound(x * p / q, 1.0f);
}

// exp on [0, 44], after Cephes (Moshier): reduced by ln 2 in two parts, then a Pade form.
RECURRA_INLINE Vec<double> exponential(Vec<double> x) {
  // Adding 1.5 * 2^52 rounds to the nearest integer, and leaves it in the low bits.
  const Vec<double> shift = spread(0x1.8p52);
  const Vec<double> raised = fused(x, spread(1.4426950408889634), shift);
  const Vec<double> whole = raised - shift;
  x = fused(whole, spread(-6.93145751953125e-1), x);
  x = fused(whole, spread(-1.42860682030941723212e-6), x);
  const Vec<double> s = x * x;
  Vec<double> p = fused(spread(1.26177193074810590878e-4), s, spread(3.02994407707441961300e-2));
  p = x * fused(p, s, spread(9.99999999999999999910e-1));
  Vec<double> q = fused(spread(3.00198505138664455042e-6), s, spread(2.52448340349684104192e-3));
  q = fused(q, s, spread(2.27265548208155028766e-1));
  q = fused(q, s, spread(2.0));
  const Vec<double> power = 1.0 + 2.0 * (p / (q - p));
  const Bits<double> exponent = ((Bits<double>)raised + 1023) << 52;
  return power * (Vec<double>)exponent;
}

// After Cephes: a rational form near 0, where 1 - 2 / (e^2x + 1) would cancel; that form elsewhere.
RECURRA_INLINE Vec<double> hyperbolic(Vec<double> x) {
  const Vec<double> size = magnitude(x);
  const Vec<double> s = x * x;
  Vec<double> p = fused(spread(-9.64399179425052238628e-1), s, spread(-9.92877231001918586564e1));
  p = fused(p, s, spread(-1.61468768441708447952e3));
  Vec<double> q = s + spread(1.12811678491632931402e2);
  q = fused(q, s, spread(2.23548839060100448583e3));
  q = fused(q, s, spread(4.84406305325125486048e3));
  const Vec<double> near = fused(x * s, p / q, x);
  // tanh is 1 in float64 from 20 on.
  const Vec<double> bounded = size > 20.0 ? spread(20.0) : size;
  const Vec<double> upper = 1.0 - 2.0 / (exponential(2.0 * bounded) + 1.0);
  const Vec<double> far = x < 0.0 ? -upper : upper;
  return size > 0.625 ? far : near;
}

template <class V>
RECURRA_INLINE V logistic(V x) {
  return fused(hyperbolic(0.5f * x), V{} + 0.5f, V{} + 0.5f);
}

template <class V>
RECURRA_INLINE V activate(Activation which, V x) {
  switch (which) {
    case Activation::tanh:
      return hyperbolic(x);
    case Activation::sigmoid:
      return logistic(x);
    case Activation::relu:
      return x <= 0 ? V{} : x;
    case Activation::hard_sigmoid:
      x = x / 6 + 0.5f;
      x = x < 0 ? V{} : x;
      return x > 1 ? V{} + 1 : x;
    case Activation::hard_tanh:
      x = x < -1 ? V{} - 1 : x;
      return x > 1 ? V{} + 1 : x;
    case Activation::softsign:
      return x / (1 + magnitude(x));
    case Activation::identity:
      return x;
  }
  return x;
}

// The slope where the activation's value is a.
template <class V>
RECURRA_INLINE V slope(Activation which, V a) {
  switch (which) {
    case Activation::tanh:
      return fused(-a, a, V{} + 1);
    case Activation::sigmoid:
      return fused(-a, a, a);
    case Activation::relu:
      return a > 0 ? V{} + 1 : V{};
    case Activation::hard_sigmoid:
      return ((a > 0) & (a < 1)) ? (V{} + 1) / 6 : V{};
    case Activation::hard_tanh:
      return magnitude(a) < 1 ? V{} + 1 : V{};
    case Activation::softsign: {
      const V rest = 1 - magnitude(a);
      return rest * rest;
    }
    case Activation::identity:
      return V{} + 1;
  }
  return a;
}

// The usual pair, known to the compiler, so that no step asks which it is.
struct Usual {
  explicit Usual(const Problem&) {}
  template <class V>
  RECURRA_INLINE V candidate(V x) const { return hyperbolic(x); }
  template <class V>
  RECURRA_INLINE V gate(V x) const { return logistic(x); }
  template <class V>
  RECURRA_INLINE V candidate_slope(V a) const { return slope(Activation::tanh, a); }
  template <class V>
  RECURRA_INLINE V gate_slope(V a) const { return slope(Activation::sigmoid, a); }
};

struct Named {
  explicit Named(const Problem& p) : candidate_(p.activation), gate_(p.gate_activation) {}
  template <class V>
  RECURRA_INLINE V candidate(V x) const { return activate(candidate_, x); }
  template <class V>
  RECURRA_INLINE V gate(V x) const { return activate(gate_, x); }
  template <class V>
  RECURRA_INLINE V candidate_slope(V a) const { return slope(candidate_, a); }
  template <class V>
  RECURRA_INLINE V gate_slope(V a) const { return slope(gate_, a); }

 private:
  Activation candidate_, gate_;
};
