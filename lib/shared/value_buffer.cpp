#include <cstring>

#include "shared/value_head.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shared {
namespace {

using Word = std::atomic<std::uint64_t>;

// What follows the last byte of a value in its last word is zero.
std::uint64_t load_chunk(const std::byte* from, std::uint64_t bytes) noexcept {
  std::uint64_t chunk = 0;
  std::memcpy(&chunk, from, bytes < 8 ? bytes : 8);
  return chunk;
}

void store_chunk(std::byte* to, std::uint64_t bytes, std::uint64_t chunk) noexcept {
  std::memcpy(to, &chunk, bytes < 8 ? bytes : 8);
}

}  // namespace

void read_buffered(const std::atomic<std::uint64_t>& word, const std::byte* buffers,
                   std::uint64_t bytes, void* out) noexcept {
  auto* to = static_cast<std::byte*>(out);
  for (;;) {
    const std::uint64_t version = word.load(std::memory_order_acquire);  // [V]
    const auto* from =
        reinterpret_cast<const Word*>(buffers + (version % 2) * buffer_stride(bytes));
    for (std::uint64_t i = 0; i < words_of(bytes); ++i) {
      store_chunk(to + i * 8, bytes - i * 8, from[i].load(std::memory_order_acquire));  // [V]
    }
    // relaxed: the acquire loads above keep it behind them
    if (word.load(std::memory_order_relaxed) == version) return;
  }
}

void write_buffered(std::atomic<std::uint64_t>& word, std::byte* buffers, std::uint64_t bytes,
                    const void* from) noexcept {
  const auto* source = static_cast<const std::byte*>(from);
  const std::uint64_t version = word.load(std::memory_order_relaxed) + 1;  // I1: mine to write
  auto* to = reinterpret_cast<Word*>(buffers + (version % 2) * buffer_stride(bytes));
  for (std::uint64_t i = 0; i < words_of(bytes); ++i) {
    to[i].store(load_chunk(source + i * 8, bytes - i * 8), std::memory_order_release);  // [V]
    MULTIPROCESSING_CRASH_POINT("value.write.copied");
  }
  word.store(version, std::memory_order_release);  // [V]
  MULTIPROCESSING_CRASH_POINT("value.write.published");
}

}  // namespace multiprocessing::shared
