// The equations of the LSTM (lstm.h) on one vector of units of one row.

template <class R_, class Activations>
struct Lstm : Activations {
  using R = R_;
  using Real = R_;
  using Activations::Activations;
  static constexpr int W = lanes<R>;
  static constexpr int gates = 4, first = 4, states = 2, kept = 6;
  static constexpr bool two_stages = false, split_candidate = false, has_cell = true;
  static constexpr int slots = 4, input_slot = 0, input_slots = 4;
  static constexpr int recurrent_slot = 0, recurrent_slots = 4;
  static constexpr int input_gates[] = {0, 1, 2, 3};
  static constexpr int recurrent_gates[] = {0, 1, 2, 3};

  RECURRA_INLINE void forward(const R* sums, const R*, Vec<R>, Vec<R>& fresh, Vec<R>& c,
                              Vec<R>* keep) const {
    keep[0] = this->gate(load(sums));
    keep[1] = this->gate(load(sums + W));
    keep[2] = this->candidate(load(sums + 2 * W));
    keep[3] = this->gate(load(sums + 3 * W));
    c = fused(keep[1], c, keep[0] * keep[2]);
    fresh = keep[3] * this->candidate(c);
  }

  // share_c is the share of the new c that the step took; dc enters as the gradient of the c after
  // the step and leaves as that of the c before it.
  RECURRA_INLINE void backward(const Kept<R>* kept_at, Vec<R> d, Vec<R>, Vec<R> share_c, Vec<R>&,
                               Vec<R>& dc, Vec<R>* slot) const {
    const Vec<R> input = recall(kept_at), forget = recall(kept_at + W);
    const Vec<R> cell = recall(kept_at + 2 * W), output = recall(kept_at + 3 * W);
    const Vec<R> c = recall(kept_at + 4 * W);
    const Vec<R> shown = this->candidate(fused(forget, c, input * cell));
    const Vec<R> d_taken = share_c * dc;
    const Vec<R> d_fresh = fused(d * output, this->candidate_slope(shown), d_taken);
    dc = fused(d_fresh, forget, dc - d_taken);
    slot[0] = d_fresh * cell * this->gate_slope(input);
    slot[1] = d_fresh * c * this->gate_slope(forget);
    slot[2] = d_fresh * input * this->candidate_slope(cell);
    slot[3] = d * shown * this->gate_slope(output);
  }
};
