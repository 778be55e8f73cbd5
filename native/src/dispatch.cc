#include "recurra/dispatch.h"

#include <atomic>
#include <cstring>

namespace recurra {

namespace baseline {
const Table& table();
}
#if defined(RECURRA_X86)
namespace avx2 {
const Table& table();
}
namespace avx512 {
const Table& table();
}
#endif

namespace {

struct Found {
  const Table* list[4] = {};

  Found() {
    int count = 0;
#if defined(RECURRA_X86)
    __builtin_cpu_init();
    const bool fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
      list[count++] = &avx512::table();
    if (fma) list[count++] = &avx2::table();
#endif
    list[count] = &baseline::table();
  }
};

const Found& found() {
  static const Found once;
  return once;
}

const Table* named(const char* name) {
  for (const Table* const* at = found().list; *at; ++at)
    if (std::strcmp((*at)->name, name) == 0) return *at;
  return nullptr;
}

std::atomic<const Table*> chosen{nullptr};

}  // namespace

const Table* const* tables() { return found().list; }

const Table& table() {
  const Table* now = chosen.load(std::memory_order_acquire);
  return now ? *now : *found().list[0];
}

bool choose(const char* name) {
  const Table* wanted = named(name);
  if (wanted) chosen.store(wanted, std::memory_order_release);
  return wanted != nullptr;
}

const Table* table_of(int id) {
  for (const Table* const* at = found().list; *at; ++at)
    if ((*at)->id == id) return *at;
  return nullptr;
}

}  // namespace recurra
