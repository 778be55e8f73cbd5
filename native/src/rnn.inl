// The equation of the simple recurrent network (rnn.h) on one vector of units of one row.

template <class R_, class Activations>
struct Rnn : Activations {
  using R = R_;
  using Real = R_;
  using Activations::Activations;
  static constexpr int W = lanes<R>;
  static constexpr int gates = 1, first = 1, states = 1, kept = 2;
  static constexpr bool two_stages = false, split_candidate = false, has_cell = false;
  static constexpr int slots = 1, input_slot = 0, input_slots = 1;
  static constexpr int recurrent_slot = 0, recurrent_slots = 1;
  static constexpr int input_gates[] = {0};
  static constexpr int recurrent_gates[] = {0};

  RECURRA_INLINE void forward(const R* sums, const R*, Vec<R>, Vec<R>& fresh, Vec<R>&,
                              Vec<R>* keep) const {
    fresh = keep[0] = this->candidate(load(sums));
  }

  RECURRA_INLINE void backward(const Kept<R>* kept_at, Vec<R> d, Vec<R>, Vec<R>, Vec<R>&, Vec<R>&,
                               Vec<R>* slot) const {
    slot[0] = d * this->candidate_slope(recall(kept_at));
  }
};
