// The equations of the GRU (gru.h) on one vector of units of one row.

template <class R_, Reset reset, class Activations>
struct Gru : Activations {
  using R = R_;
  using Real = R_;
  using Activations::Activations;
  static constexpr int W = lanes<R>;
  static constexpr int gates = reset == Reset::none ? 2 : 3;
  // Before: the products of the gates come first; they are needed for the candidate's.
  static constexpr bool two_stages = reset == Reset::before;
  static constexpr int first = two_stages ? 2 : gates;
  // After: the candidate's recurrent product is a chain of its own, for the reset gate to scale.
  static constexpr bool split_candidate = reset == Reset::after;
  static constexpr bool has_cell = false;
  static constexpr int states = 1;
  static constexpr int kept = gates + 1 + (split_candidate ? 1 : 0);

  // Gradients of the sums: after has two for the candidate, that of W x first and of U h last.
  static constexpr int slots = split_candidate ? 4 : gates;
  static constexpr int input_slot = 0, input_slots = gates;
  static constexpr int recurrent_slot = split_candidate ? 1 : 0, recurrent_slots = first;
  static constexpr int input_gates[] = {split_candidate ? 2 : 0, split_candidate ? 0 : 1,
                                        split_candidate ? 1 : 2};
  static constexpr int recurrent_gates[] = {0, 1, 2};

  RECURRA_INLINE void forward(const R* sums, const R* projected, Vec<R> h, Vec<R>& fresh, Vec<R>&,
                              Vec<R>* keep) const {
    Vec<R> update, candidate;
    if constexpr (reset == Reset::after) {
      const Vec<R> inner = load(sums + 2 * W);
      keep[0] = this->gate(load(sums));
      keep[3] = inner;
      update = keep[1] = this->gate(load(sums + W));
      candidate = keep[2] = this->candidate(fused(keep[0], inner, load(projected + 2 * W)));
    } else if constexpr (reset == Reset::before) {
      update = keep[1];
      candidate = keep[2] = this->candidate(load(sums));
    } else {
      update = keep[0] = this->gate(load(sums));
      candidate = keep[1] = this->candidate(load(sums + W));
    }
    fresh = fused(update, candidate - h, h);
  }

  // d: the gradient of the new h; h: what the step read. Adds to `through` what reaches h directly.
  // For before, slot 0 (reset) is filled in by `reset_slot` once the candidate's product is known.
  RECURRA_INLINE void backward(const Kept<R>* kept_at, Vec<R> d, Vec<R> h, Vec<R>, Vec<R>& through,
                               Vec<R>&, Vec<R>* slot) const {
    constexpr int first_kept = reset == Reset::none ? 0 : 1;
    const Vec<R> update = recall(kept_at + first_kept * W);
    const Vec<R> candidate = recall(kept_at + (first_kept + 1) * W);
    const Vec<R> d_candidate = d * update;
    through = through + (d - d_candidate);
    const Vec<R> d_sum = d_candidate * this->candidate_slope(candidate);
    const Vec<R> d_update = d * (candidate - h) * this->gate_slope(update);
    if constexpr (reset == Reset::after) {
      const Vec<R> opened = recall(kept_at), inner = recall(kept_at + 3 * W);
      slot[0] = d_sum;
      slot[1] = d_sum * inner * this->gate_slope(opened);
      slot[2] = d_update;
      slot[3] = d_sum * opened;
    } else if constexpr (reset == Reset::before) {
      slot[0] = Vec<R>{};
      slot[1] = d_update;
      slot[2] = d_sum;
    } else {
      slot[0] = d_update;
      slot[1] = d_sum;
    }
  }
};
