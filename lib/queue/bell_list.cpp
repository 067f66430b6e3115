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

bool replace(BellList::Note& note, std::uint64_t from, std::uint64_t to) noexcept {
  return note.compare_exchange_strong(from, to, std::memory_order_seq_cst,  // [N]
                                      std::memory_order_relaxed);
}

// The first free note of the page, now ours.
BellList::Note* take_note(BellPage& page, std::uint64_t name) noexcept {
  for (BellList::Note& note : page.notes) {
    // relaxed: a guess, the exchange decides
    const std::uint64_t seen = note.load(std::memory_order_relaxed);
    if ((seen == 0 || !shm::has_owner(seen)) && replace(note, seen, name)) return &note;
  }
  return nullptr;
}

}  // namespace

BellList::Note& BellList::note(const shm::Bell& bell) {
  for (shm::Location* location = &first_;;) {
    BellPage* page = page_at(*location);
    if (page == nullptr) {
      shm::OwnedBlock block(shm::allocate(sizeof(BellPage)));
      new (block.get().data()) BellPage{};
      if (shm::link(block.get(), *location)) (void)block.let_go();  // else: somebody else's
      MULTIPROCESSING_CRASH_POINT("queue.bell.linked");
      continue;
    }
    if (Note* mine = take_note(*page, bell.name())) {
      MULTIPROCESSING_CRASH_POINT("queue.bell.noted");
      return *mine;
    }
    location = &page->next;
  }
}

void BellList::arm(Note& note, const shm::Bell& bell) noexcept {
  note.store(bell.name() | shm::kBellFlag, std::memory_order_seq_cst);  // [N], I1
  word_.fetch_or(kBelled, std::memory_order_seq_cst);                   // [N], I1
  MULTIPROCESSING_CRASH_POINT("queue.bell.armed");
}

// A waker may be turning it from armed to noted.
void BellList::leave(Note& note, const shm::Bell& bell) noexcept {
  if (!replace(note, bell.name() | shm::kBellFlag, 0)) (void)replace(note, bell.name(), 0);
}

void BellList::ring() noexcept {
  word_.fetch_and(~kBelled, std::memory_order_seq_cst);  // [N], I1
  MULTIPROCESSING_CRASH_POINT("queue.bell.cleared");
  bool failed = false;
  for (BellPage* page = page_at(first_); page != nullptr; page = page_at(page->next)) {
    for (Note& note : page->notes) {
      const std::uint64_t seen = note.load(std::memory_order_seq_cst);  // [N]
      if ((seen & shm::kBellFlag) == 0) continue;
      const std::uint64_t noted = seen & ~shm::kBellFlag;
      if (!replace(note, seen, noted)) continue;  // first: its owner may arm it again at once
      MULTIPROCESSING_CRASH_POINT("queue.bell.rung");
      const shm::Rung rung = shm::ring(noted);
      if (rung == shm::Rung::nobody_there) (void)replace(note, noted, 0);
      if (rung != shm::Rung::failed) continue;
      failed = true;
      (void)replace(note, noted, seen);
    }
  }
  // For want of a descriptor: the next waker tries again, and sleepers have their slices.
  if (failed) word_.fetch_or(kBelled, std::memory_order_seq_cst);
}

void destroy_bells(shm::Location& first) noexcept {
  shm::release_chain<BellPage>(first);
}

}  // namespace multiprocessing::lanes
