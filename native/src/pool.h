// Threads for one call, and what they wait for each other with. Nobody spins for long: a thread that
// waits for one that has lost its processor blocks, and leaves its own to whoever needs it.
#pragma once

#include <atomic>

namespace recurra {

// Runs body(context, index, count) on `count` threads at once, the caller's among them, index 0.
// count is `threads`, or less where so many cannot be had (another call holds the pool). In a process
// that runs PyTorch the threads are its own: they go on spinning for milliseconds after each of its
// operations, and others would have to fight them for the processors.
//
// apart: no index waits for another. Then the caller also does the part of a thread that has not begun
// when its own is done, rather than wait for a processor that somebody else has.
using Body = void (*)(void* context, int index, int count);
void parallel(int threads, bool apart, Body body, void* context);

// All `count` threads arrive before any goes on.
class Barrier {
 public:
  // watchful: whether work between meetings is so short that who comes late has lost its processor.
  explicit Barrier(bool watchful = false) : watchful_(watchful) {}

  // True once someone came late: the threads had better not meet so often. All get the same answer.
  bool wait(int count);

 private:
  void stay(int round);

  const bool watchful_;
  alignas(64) std::atomic<int> arrived_{0};
  std::atomic<bool> late_{false};
  alignas(64) std::atomic<int> round_{0};
  bool part_ = false;  // written by the last to arrive, before the others go on
};

// Whether threads that meet at every step have lately waited for one that had no processor: then
// such work stays on one thread for a while, longer each time that it happens again.
bool crowded();

}  // namespace recurra
