#include "pool.h"

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cstdint>

#if defined(RECURRA_X86)
#include <immintrin.h>
#endif

namespace recurra {
namespace {

constexpr int most_workers = 63;
// About 50 microseconds of pauses: longer than the gap between two calls of a busy loop, shorter
// than anything a person or another process would notice.
constexpr int spins_before_sleep = 1000;

// Threads of one call wait for each other at every step: whoever is late has lost its processor,
// and gets it back the sooner.
constexpr int spins_before_yield = 200;

void pause() {
#if defined(RECURRA_X86)
  _mm_pause();
#endif
}

struct Worker {
  alignas(64) std::atomic<uint32_t> called{0};
  alignas(64) std::atomic<uint32_t> finished{0};
  Body body = nullptr;
  void* context = nullptr;
  int index = 0, count = 0;
};

struct Pool {
  std::atomic_flag taken = ATOMIC_FLAG_INIT;
  int started = 0;
  Worker workers[most_workers];
};

// Never freed: workers may still sleep in it when the process ends.
std::atomic<Pool*> current{nullptr};

void* work(void* argument) {
  Worker& worker = *static_cast<Worker*>(argument);
  for (uint32_t seen = 0;;) {
    for (int spin = 0; worker.called.load(std::memory_order_acquire) == seen; ++spin) {
      if (spin < spins_before_sleep)
        pause();
      else
        worker.called.wait(seen, std::memory_order_acquire);
    }
    ++seen;
    worker.body(worker.context, worker.index, worker.count);
    worker.finished.store(seen, std::memory_order_release);
  }
  return nullptr;
}

// A child of fork has none of the threads: it begins with an empty pool.
void forget_workers() { current.store(new Pool); }

Pool* pool() {
  Pool* known = current.load(std::memory_order_acquire);
  if (known) return known;
  Pool* fresh = new Pool;
  if (current.compare_exchange_strong(known, fresh)) {
    pthread_atfork(nullptr, nullptr, forget_workers);
    return fresh;
  }
  delete fresh;
  return known;
}

int start(Pool& pool, int wanted) {
  if (wanted > most_workers) wanted = most_workers;
  while (pool.started < wanted) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, work, &pool.workers[pool.started]) != 0) break;
    pthread_detach(thread);
    ++pool.started;
  }
  return wanted < pool.started ? wanted : pool.started;
}

}  // namespace

void Patience::wait() {
  if (++turns_ < spins_before_yield)
    pause();
  else
    sched_yield();
}

void parallel(int threads, Body body, void* context) {
  if (threads < 2) return body(context, 0, 1);
  Pool& all = *pool();
  // Two calls at once: the second works alone rather than wait; no result depends on it.
  if (all.taken.test_and_set(std::memory_order_acquire)) return body(context, 0, 1);
  const int helpers = start(all, threads - 1);
  for (int i = 0; i < helpers; ++i) {
    Worker& worker = all.workers[i];
    worker.body = body;
    worker.context = context;
    worker.index = i + 1;
    worker.count = helpers + 1;
    worker.called.fetch_add(1, std::memory_order_release);
    worker.called.notify_one();
  }
  body(context, 0, helpers + 1);
  for (int i = 0; i < helpers; ++i) {
    Worker& worker = all.workers[i];
    const uint32_t call = worker.called.load(std::memory_order_relaxed);
    for (Patience patience; worker.finished.load(std::memory_order_acquire) != call;)
      patience.wait();
  }
  all.taken.clear(std::memory_order_release);
}

}  // namespace recurra
