#include "queue/bell_list.hpp"

#include <new>

#include "shm/hold_list.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::lanes {
namespace {

BellPage* page_at(const shm::Location& location) noexcept {
  const auto ref = shm::BlockRef::unpack(location.load(std::memory_order_acquire));  // shm's [L]
  return ref ? shm::block_as<BellPage>(ref.id) : nullptr;
}

constexpr std::uint64_t kArmed = 1;
constexpr std::uint64_t kRinging = 2;
constexpr std::uint64_t kTime = 4;

// The first free note of the page, now ours.
BellNote* take_note(BellPage& page, std::uint64_t name) noexcept {
  for (BellNote& note : page.notes) {
    // relaxed: a guess, the exchange decides
    std::uint64_t seen = note.owner.load(std::memory_order_relaxed);
    if ((seen == 0 || !shm::has_owner(seen)) &&
        note.owner.compare_exchange_strong(seen, name, std::memory_order_acq_rel)) {
      return &note;
    }
  }
  return nullptr;
}

void disarm(BellNote& note, std::uint64_t state) noexcept {
  (void)note.state.compare_exchange_strong(state, state & ~(kArmed | kRinging),
                                           std::memory_order_seq_cst);
}

// False: somebody may be left who was not told.
bool ring_note(BellNote& note) noexcept {
  std::uint64_t state = note.state.load(std::memory_order_seq_cst);  // [N]
  while ((state & (kArmed | kRinging)) == kArmed) {
    if (note.state.compare_exchange_weak(state, state | kRinging, std::memory_order_seq_cst)) {
      state |= kRinging;
    }
  }
  std::uint64_t owner = note.owner.load(std::memory_order_acquire);
  if ((state & kArmed) == 0 || owner == 0) return true;
  MULTIPROCESSING_CRASH_POINT("queue.bell.found");
  if (shm::ring(owner) == shm::Rung::yes) {
    MULTIPROCESSING_CRASH_POINT("queue.bell.rung");
    disarm(note, state);  // I2: unless it was armed again
    return true;
  }
  // Only a dead owner is gone for good: a living one may be out of this process's reach.
  if (shm::has_owner(owner)) return false;
  disarm(note, state);
  (void)note.owner.compare_exchange_strong(owner, 0, std::memory_order_acq_rel);
  return true;
}

}  // namespace

BellNote& BellList::note(const shm::Bell& bell) {
  for (shm::Location* location = &first_;;) {
    BellPage* page = page_at(*location);
    if (page == nullptr) {
      shm::OwnedBlock block(shm::allocate(sizeof(BellPage)));
      new (block.get().data()) BellPage{};
      if (shm::link(block.get(), *location)) (void)block.let_go();  // else: somebody else's
      MULTIPROCESSING_CRASH_POINT("queue.bell.linked");
      continue;
    }
    if (BellNote* mine = take_note(*page, bell.name())) {
      MULTIPROCESSING_CRASH_POINT("queue.bell.noted");
      return *mine;
    }
    location = &page->next;
  }
}

std::uint32_t BellList::arm(BellNote& note) noexcept {
  std::uint64_t state = note.state.load(std::memory_order_relaxed);  // the exchange decides
  while (!note.state.compare_exchange_weak(state, ((state & ~kRinging) | kArmed) + kTime,
                                           std::memory_order_seq_cst)) {  // [N], I1
  }
  std::uint32_t word = word_.load(std::memory_order_relaxed);  // likewise
  while (!word_.compare_exchange_weak(word, (word | kBelled) + kChange,
                                      std::memory_order_seq_cst)) {  // [N], I1
  }
  MULTIPROCESSING_CRASH_POINT("queue.bell.armed");
  return (word | kBelled) + kChange;
}

// relaxed: a guess of the note's owner, who arms it anew in doubt
bool BellList::untouched(const BellNote& note) noexcept {
  return (note.state.load(std::memory_order_relaxed) & (kArmed | kRinging)) == kArmed;
}

void BellList::leave(BellNote& note, const shm::Bell& bell) noexcept {
  note.state.fetch_and(~(kArmed | kRinging), std::memory_order_seq_cst);
  std::uint64_t mine = bell.name();
  // release: with it disarmed, before the next owner
  (void)note.owner.compare_exchange_strong(mine, 0, std::memory_order_acq_rel);
}

void BellList::ring() noexcept {
  std::uint32_t word = word_.load(std::memory_order_seq_cst);  // [N], I2
  bool told = true;
  for (BellPage* page = page_at(first_); page != nullptr; page = page_at(page->next)) {
    for (BellNote& note : page->notes) told = ring_note(note) && told;
  }
  // Not all: the next waker tries again, and sleepers have their slices.
  if (!told || (word & kBelled) == 0) return;
  (void)word_.compare_exchange_strong(word, word & ~kBelled, std::memory_order_seq_cst);  // [N], I2
  MULTIPROCESSING_CRASH_POINT("queue.bell.cleared");
}

void destroy_bells(shm::Location& first) noexcept {
  shm::release_chain<BellPage>(first);
}

}  // namespace multiprocessing::lanes
