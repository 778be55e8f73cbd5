// Memory for the kernels: aligned to 64 bytes, on huge pages where it is large.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace recurra {

constexpr size_t huge_page = size_t(2) << 20;

// Large blocks that were let go wait here for a call that needs one alike, as the next step of a
// training does: to clear fresh pages takes the system longer than a kernel takes to fill them.
class Reserve {
 public:
  // A block of at least `bytes` and not much more, which become its size; nullptr: none is there.
  void* take(size_t& bytes) {
    std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock) return nullptr;
    for (size_t i = 0; i < count_; ++i)
      if (blocks_[i].bytes >= bytes && blocks_[i].bytes <= bytes + bytes / 4) {
        const Block found = blocks_[i];
        drop(i);
        bytes = found.bytes;
        return found.at;
      }
    return nullptr;
  }

  void give(void* at, size_t bytes) {
    // A child of fork may find the lock taken for ever: then it does without.
    std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock || bytes > most_bytes) return std::free(at);
    while (count_ == most_blocks || held_ + bytes > most_bytes) {
      std::free(blocks_[0].at);  // the oldest
      drop(0);
    }
    blocks_[count_++] = {at, bytes};
    held_ += bytes;
  }

 private:
  static constexpr size_t most_blocks = 16, most_bytes = size_t(128) << 20;
  struct Block {
    void* at;
    size_t bytes;
  };

  void drop(size_t i) {
    held_ -= blocks_[i].bytes;
    for (--count_; i < count_; ++i) blocks_[i] = blocks_[i + 1];
  }

  std::mutex mutex_;
  Block blocks_[most_blocks];
  size_t count_ = 0, held_ = 0;
};

inline Reserve& reserve() {
  static Reserve& all = *new Reserve;  // arrays may outlive the module
  return all;
}

struct Free {
  size_t bytes = 0;  // of a block on huge pages
  void operator()(void* at) const {
    if (bytes)
      reserve().give(at, bytes);
    else
      std::free(at);
  }
};
using Memory = std::unique_ptr<char, Free>;

inline Memory allocate(size_t bytes) {
  const bool large = bytes >= huge_page;
  const size_t alignment = large ? huge_page : 64;
  size_t whole = (bytes + alignment) / alignment * alignment;
  void* at = large ? reserve().take(whole) : nullptr;
  if (!at) {
    at = std::aligned_alloc(alignment, whole);
    if (!at) throw std::bad_alloc();
#if defined(__linux__)
    // A panel of weights spans hundreds of small pages: more than the processor's table of them holds.
    if (large) madvise(at, whole, MADV_HUGEPAGE);
#endif
  }
  return Memory(static_cast<char*>(at), Free{large ? whole : 0});
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
