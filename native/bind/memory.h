// Memory for the kernels: aligned to 64 bytes, on huge pages where it is large.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace recurra {

struct Free {
  void operator()(void* at) const { std::free(at); }
};
using Memory = std::unique_ptr<char, Free>;

inline Memory allocate(size_t bytes) {
  constexpr size_t huge = size_t(2) << 20;
  const size_t alignment = bytes >= huge ? huge : 64;
  const size_t whole = (bytes + alignment) / alignment * alignment;
  void* at = std::aligned_alloc(alignment, whole);
  if (!at) throw std::bad_alloc();
#if defined(__linux__)
  // A panel of weights spans hundreds of small pages: more than the processor's table of them holds.
  if (alignment == huge) madvise(at, whole, MADV_HUGEPAGE);
#endif
  return Memory(static_cast<char*>(at));
}

// A thread's own scratch: it grows to what its calls need, so that a call that comes again makes no
// allocation; what is very large is given back.
class Scratch {
 public:
  char* ensure(size_t bytes) {
    if (bytes > size_) {
      memory_.reset();
      size_ = 0;
      memory_ = allocate(bytes);
      size_ = bytes;
    }
    return memory_.get();
  }
  void trim() {
    constexpr size_t most = size_t(64) << 20;
    if (size_ <= most) return;
    memory_.reset();
    size_ = 0;
  }

 private:
  Memory memory_;
  size_t size_ = 0;
};

inline Scratch& scratch() {
  static thread_local Scratch own;
  return own;
}

}  // namespace recurra
