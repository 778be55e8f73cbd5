// A private pool of threads, and what they wait for each other with.
#pragma once

#include <atomic>

namespace recurra {

// Runs body(context, index, count) on `count` threads at once, the caller's among them, index 0.
// count is `threads`, or less where so many cannot be had (another call holds the pool).
using Body = void (*)(void* context, int index, int count);
void parallel(int threads, Body body, void* context);

// One turn of waiting: first a pause of the processor, after a while the rest of the time slice.
// Spinning alone would starve whoever it waits for when threads outnumber processors.
class Patience {
 public:
  void wait();

 private:
  int turns_ = 0;
};

// All `count` threads arrive before any goes on.
class Barrier {
 public:
  void wait(int count) {
    if (count < 2) return;
    const int round = round_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) == count - 1) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    for (Patience patience; round_.load(std::memory_order_acquire) == round;) patience.wait();
  }

 private:
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<int> round_{0};
};

}  // namespace recurra
