#include "shm/warm_chunks.hpp"

#include "shm/arena.hpp"
#include "shm/chunk.hpp"
#include "shm/local.hpp"

namespace multiprocessing::shm {
namespace {

constexpr std::uint64_t kPartsOfLimit = 8;  // one of them a process frees before others know it

}  // namespace

// A guess as soon as it is known, so nobody has to keep a count that a death could spoil, and whose
// line would go from process to process with each run.
void count_warm() noexcept {
  ArenaHeader& head = arena().header();
  std::uint64_t warm = 0;
  const std::uint64_t used = head.chunks_used.load(std::memory_order_acquire);
  for (std::uint64_t chunk = 1; chunk < used; ++chunk) {
    warm += chunk_state(chunk) == ChunkState::warm ? 1U : 0U;
  }
  head.warm_chunks.store(warm, std::memory_order_relaxed);  // a hint
}

// Much of what has been freed is taken again meanwhile: counted anew before the sum can come to the
// limit.
bool keeps_warm(std::uint64_t more) noexcept {
  ArenaHeader& head = arena().header();
  const std::uint64_t limit = head.warm_limit / kChunkSize;
  const std::uint64_t part = limit / kPartsOfLimit;
  std::uint64_t& freed = local().freed_chunks;
  // relaxed: a hint
  if (freed >= part) {
    const std::uint64_t before = head.warm_chunks.fetch_add(freed, std::memory_order_relaxed);
    if (before + freed + part >= limit) count_warm();
    freed = 0;
  }
  const bool room = head.warm_chunks.load(std::memory_order_relaxed) + freed < limit;
  freed += more;
  return room;
}

}  // namespace multiprocessing::shm
