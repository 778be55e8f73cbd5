#include "pool.h"

#include <pthread.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

#if defined(__linux__)
#include <dlfcn.h>
#include <link.h>

#include <cstring>
#endif
#if defined(RECURRA_X86)
#include <immintrin.h>
#endif

namespace recurra {
namespace {

using Clock = std::chrono::steady_clock;
using Nanoseconds = int64_t;

constexpr int most_workers = 63;
// Longer than the gap between two calls of a busy loop and than most waits for a thread that runs,
// shorter than anything that another process would notice. Blocking and waking costs about as much.
constexpr Nanoseconds patience = 50'000;
// Waking a thread takes less, a scheduler takes a processor away for longer.
constexpr Nanoseconds lateness = 1'000'000;
constexpr Nanoseconds shortest_crowd = 50'000'000, longest_crowd = 1'000'000'000;

void pause() {
#if defined(RECURRA_X86)
  _mm_pause();
#endif
}

Nanoseconds now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

// Until `changing` is no longer `seen`: spins for as long as patience lasts, then blocks.
void await_change(const std::atomic<uint32_t>& changing, uint32_t seen) {
  for (Nanoseconds began = 0;;) {
    for (int spin = 0; spin < 32; ++spin) {
      if (changing.load(std::memory_order_acquire) != seen) return;
      pause();
    }
    const Nanoseconds at = now();
    if (!began) began = at;
    if (at - began > patience) break;
  }
  changing.wait(seen, std::memory_order_acquire);
}

std::atomic<Nanoseconds> crowded_until{0}, crowd{shortest_crowd};

// Each lateness costs some milliseconds; meeting again is tried the more seldom the more often it fails.
void note_late() {
  const Nanoseconds at = now(), lasting = crowd.load(std::memory_order_relaxed);
  const Nanoseconds before = crowded_until.exchange(at + lasting, std::memory_order_relaxed);
  if (before > at) return;  // many threads may see the same one late
  const Nanoseconds next = at - before > longest_crowd ? shortest_crowd : 2 * lasting;
  crowd.store(next < longest_crowd ? next : longest_crowd, std::memory_order_relaxed);
}

struct Worker {
  alignas(64) std::atomic<uint32_t> called{0};
  // The last call that somebody began on, and the last that this thread has finished.
  alignas(64) std::atomic<uint32_t> begun{0};
  alignas(64) std::atomic<uint32_t> finished{0};
  Body body = nullptr;
  void* context = nullptr;
  int index = 0, count = 0;

  // Whether this call is now the asker's to do. What it is stays the same as long as nobody has.
  bool begin(uint32_t call) {
    uint32_t before = call - 1;
    return begun.compare_exchange_strong(before, call, std::memory_order_acq_rel);
  }
};

struct Pool {
  std::atomic_flag taken = ATOMIC_FLAG_INIT;
  bool forked = false;  // a child of fork
  int started = 0;
  Worker workers[most_workers];
};

// Never freed: workers may still sleep in it when the process ends.
std::atomic<Pool*> current{nullptr};

void* work(void* argument) {
  Worker& worker = *static_cast<Worker*>(argument);
  for (uint32_t seen = 0;;) {
    await_change(worker.called, seen);
    seen = worker.called.load(std::memory_order_acquire);
    if (!worker.begin(seen)) continue;
    worker.body(worker.context, worker.index, worker.count);
    worker.finished.store(seen, std::memory_order_release);
    worker.finished.notify_one();
  }
  return nullptr;
}

// A child of fork has none of the threads, neither ours nor OpenMP's: it begins with an empty pool.
void forget_workers() {
  Pool* empty = new Pool;
  empty->forked = true;
  current.store(empty);
}

// Told from when these kernels are loaded: PyTorch may have started threads ahead of our first call.
[[maybe_unused]] const int told_of_forks = pthread_atfork(nullptr, nullptr, forget_workers);

Pool* pool() {
  Pool* known = current.load(std::memory_order_acquire);
  if (known) return known;
  Pool* fresh = new Pool;
  if (current.compare_exchange_strong(known, fresh)) return fresh;
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

void run_on_workers(Pool& pool, int threads, bool apart, Body body, void* context) {
  const int helpers = start(pool, threads - 1);
  for (int i = 0; i < helpers; ++i) {
    Worker& worker = pool.workers[i];
    worker.body = body;
    worker.context = context;
    worker.index = i + 1;
    worker.count = helpers + 1;
    worker.called.fetch_add(1, std::memory_order_release);
    worker.called.notify_one();
  }
  body(context, 0, helpers + 1);
  for (int i = 0; i < helpers; ++i) {
    Worker& worker = pool.workers[i];
    const uint32_t call = worker.called.load(std::memory_order_relaxed);
    if (apart && worker.begin(call)) {
      body(context, i + 1, helpers + 1);
      continue;
    }
    for (uint32_t last; (last = worker.finished.load(std::memory_order_acquire)) != call;)
      await_change(worker.finished, last);
  }
}

// The OpenMP library that PyTorch runs on, through the entry that compilers call. It is there where
// PyTorch was loaded before; GNU's and LLVM's libraries both have it.
struct OpenMP {
  void (*parallel)(void (*)(void*), void*, unsigned, unsigned) = nullptr;
  int (*index)() = nullptr;
  int (*count)() = nullptr;
};

#if defined(__linux__)
struct Search {
  unsigned long long seen;  // libraries loaded so far, when last looked at
  unsigned long long loaded = 0;
  const char* name = nullptr;
};

int look_at(dl_phdr_info* library, size_t size, void* context) {
  Search& search = *static_cast<Search*>(context);
  if (size < offsetof(dl_phdr_info, dlpi_subs)) return 1;
  search.loaded = library->dlpi_adds;
  if (search.loaded == search.seen) return 1;
  if (!library->dlpi_name || !std::strstr(library->dlpi_name, "/libtorch_cpu.")) return 0;
  search.name = library->dlpi_name;
  return 1;
}

// Looked for again only when libraries have been loaded since. The caller holds the pool.
const OpenMP* openmp() {
  static OpenMP found;
  static unsigned long long seen = 0;
  if (found.parallel) return &found;
  Search search{seen};
  dl_iterate_phdr(look_at, &search);
  seen = search.loaded;
  if (!search.name) return nullptr;
  void* torch = dlopen(search.name, RTLD_LAZY | RTLD_NOLOAD);
  if (!torch) return nullptr;
  OpenMP all;
  // From torch's own dependencies, since a process may hold several such libraries.
  all.parallel = reinterpret_cast<decltype(all.parallel)>(dlsym(torch, "GOMP_parallel"));
  all.index = reinterpret_cast<decltype(all.index)>(dlsym(torch, "omp_get_thread_num"));
  all.count = reinterpret_cast<decltype(all.count)>(dlsym(torch, "omp_get_num_threads"));
  if (!all.parallel || !all.index || !all.count) return nullptr;
  found = all;
  return &found;
}
#else
const OpenMP* openmp() { return nullptr; }
#endif

void run_on_openmp(const OpenMP& openmp, int threads, Body body, void* context) {
  struct Task {
    const OpenMP& openmp;
    Body body;
    void* context;
  } task{openmp, body, context};
  openmp.parallel(
      [](void* at) {
        const Task& task = *static_cast<const Task*>(at);
        task.body(task.context, task.openmp.index(), task.openmp.count());
      },
      &task, unsigned(threads), 0);
}

}  // namespace

bool crowded() {
  const Nanoseconds until = crowded_until.load(std::memory_order_relaxed);
  return until && now() < until;
}

bool Barrier::wait(int count) {
  if (count < 2) return false;
  const int round = round_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) == count - 1) {
    arrived_.store(0, std::memory_order_relaxed);
    part_ = late_.load(std::memory_order_relaxed);
    round_.store(round + 1, std::memory_order_release);
    round_.notify_all();
  } else if (round_.load(std::memory_order_acquire) == round) {
    stay(round);
  }
  return part_;
}

void Barrier::stay(int round) {
  const Nanoseconds began = now();
  for (Nanoseconds at = began; at - began < patience; at = now())
    for (int spin = 0; spin < 32; ++spin) {
      if (round_.load(std::memory_order_acquire) != round) return;
      pause();
    }
  while (round_.load(std::memory_order_acquire) == round)
    round_.wait(round, std::memory_order_acquire);
  if (!watchful_ || now() - began < lateness || late_.load(std::memory_order_relaxed)) return;
  late_.store(true, std::memory_order_relaxed);
  note_late();
}

void parallel(int threads, bool apart, Body body, void* context) {
  if (threads < 2) return body(context, 0, 1);
  Pool& all = *pool();
  // Two calls at once: the second works alone rather than wait; no result depends on it.
  if (all.taken.test_and_set(std::memory_order_acquire)) return body(context, 0, 1);
  // OpenMP's threads do not survive a fork, and it does not notice.
  const OpenMP* shared = all.forked ? nullptr : openmp();
  if (shared)
    run_on_openmp(*shared, threads, body, context);
  else
    run_on_workers(all, threads, apart, body, context);
  all.taken.clear(std::memory_order_release);
}

}  // namespace recurra
