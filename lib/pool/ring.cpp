#include "pool/ring.hpp"

#include <new>

#include <multiprocessing/errors.hpp>

#include "sys/crash_point.hpp"

namespace multiprocessing::pool {
namespace {

constexpr std::uint64_t make_entry(std::uint64_t position, std::uint32_t cell) noexcept {
  return std::uint64_t{static_cast<std::uint32_t>(position) + 1U} << 32U | cell;
}
constexpr bool stands_at(std::uint64_t entry, std::uint64_t position) noexcept {
  return static_cast<std::uint32_t>(entry >> 32U) == static_cast<std::uint32_t>(position) + 1U;
}

}  // namespace

Ring::Entry* Ring::array(std::uint32_t index) noexcept {
  // relaxed: every thread that looks finds the same address
  if (Entry* known = arrays_[index].load(std::memory_order_relaxed)) return known;
  const auto ref = shm::BlockRef::unpack(state_->arrays[index].load(std::memory_order_acquire));
  if (!ref) return nullptr;
  Entry* found = shm::block_as<Entry>(ref.id);
  arrays_[index].store(found, std::memory_order_relaxed);
  return found;
}

void Ring::make_array(std::uint32_t index) {
  if (index >= kRingArrays) throw ArenaExhausted("too many tasks wait in the pool");
  const std::uint64_t count = std::uint64_t{kFirstRing} << index;
  shm::OwnedBlock block(shm::allocate(count * sizeof(Entry)));
  auto* entries = reinterpret_cast<Entry*>(block.get().data());
  for (std::uint64_t i = 0; i < count; ++i) new (entries + i) Entry(0);
  (void)shm::link(block.get(), state_->arrays[index]);
}

Ring::Peek Ring::peek() noexcept {
  for (;;) {
    const std::uint64_t position = state_->head.load(std::memory_order_acquire);
    const std::uint32_t current = state_->current.load(std::memory_order_acquire);  // [G]
    if (array(current) == nullptr) return {};  // nothing was ever pushed
    const std::uint64_t seen = entry(current, position).load(std::memory_order_acquire);  // [P]
    if (stands_at(seen, position)) return {true, position, static_cast<std::uint32_t>(seen)};
    // Not there, or we are late: head or array have moved on.
    if (state_->head.load(std::memory_order_acquire) == position &&
        state_->current.load(std::memory_order_acquire) == current) {
      return {};
    }
  }
}

void Ring::pass(std::uint64_t position) noexcept {
  (void)state_->head.compare_exchange_strong(position, position + 1, std::memory_order_acq_rel,
                                             std::memory_order_relaxed);
}

void Ring::grow() {
  // relaxed: the producer is the only writer of `current` and `tail`
  const std::uint32_t old = state_->current.load(std::memory_order_relaxed);
  if (array(old + 1) == nullptr) make_array(old + 1);
  const std::uint64_t tail = state_->tail.load(std::memory_order_relaxed);
  for (std::uint64_t p = state_->head.load(std::memory_order_acquire); p != tail; ++p) {
    entry(old + 1, p)
        .store(entry(old, p).load(std::memory_order_relaxed),
               std::memory_order_relaxed);  // relaxed: [G] publishes them
  }
  // seq_cst: [G], and before the push that follows, as [P]
  state_->current.store(old + 1, std::memory_order_seq_cst);
}

void Ring::reserve() {
  // relaxed: own
  if (array(0) == nullptr) make_array(0);
  const std::uint64_t tail = state_->tail.load(std::memory_order_relaxed);
  const std::uint64_t room = std::uint64_t{kFirstRing}
                             << state_->current.load(std::memory_order_relaxed);
  if (tail - seen_head_ < room) return;  // without a look at a line that consumers write
  seen_head_ = state_->head.load(std::memory_order_acquire);
  if (tail - seen_head_ >= room) grow();
}

void Ring::push(std::uint32_t cell) {
  reserve();
  // relaxed: own
  const std::uint64_t position = state_->tail.load(std::memory_order_relaxed);
  entry(state_->current.load(std::memory_order_relaxed), position)
      .exchange(make_entry(position, cell), std::memory_order_seq_cst);  // [P]
  MULTIPROCESSING_CRASH_POINT("pool.ring.pushed");
  state_->tail.store(position + 1, std::memory_order_release);
}

void Ring::push_once(std::uint32_t cell) {
  const std::uint64_t tail = state_->tail.load(std::memory_order_relaxed);
  const std::uint32_t current = state_->current.load(std::memory_order_relaxed);
  // Not the head itself: whoever is about to pass it may have looked before the cell was claimable.
  for (std::uint64_t p = state_->head.load(std::memory_order_seq_cst) + 1; p < tail; ++p) {
    if (entry(current, p).load(std::memory_order_relaxed) == make_entry(p, cell)) return;
  }
  push(cell);
}

void Ring::take_over() noexcept {
  if (array(0) == nullptr) return;
  const std::uint64_t tail = state_->tail.load(std::memory_order_acquire);
  const std::uint32_t current = state_->current.load(std::memory_order_acquire);
  if (stands_at(entry(current, tail).load(std::memory_order_acquire), tail)) {
    state_->tail.store(tail + 1, std::memory_order_release);
  }
}

}  // namespace multiprocessing::pool
