#include "recurra/dispatch.h"

#include <atomic>
#include <cstring>

#if defined(RECURRA_X86) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

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
namespace amx {
const Table& table();
}
#endif

namespace {

#if defined(RECURRA_X86) && !defined(RECURRA_EMULATED)
// The processor has the tiles and bfloat16, and the kernel lets this process use them.
bool tiles_granted() {
#if defined(__linux__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned tile = 1u << 24, tile_bfloat16 = 1u << 22, vector_bfloat16 = 1u << 5;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & tile) || !(d & tile_bfloat16)) return false;
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & vector_bfloat16)) return false;
  constexpr long request_permission = 0x1023, tile_values = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_values) == 0;
#else
  return false;
#endif
}
#endif

struct Found {
  const Table* list[5] = {};

  Found() {
    int count = 0;
#if defined(RECURRA_X86)
    __builtin_cpu_init();
    const bool fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#if defined(RECURRA_EMULATED)
    if (fma) list[count++] = &amx::table(), list[count++] = &avx512::table();
#else
    if (fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
      if (tiles_granted()) list[count++] = &amx::table();
      list[count++] = &avx512::table();
    }
#endif
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
