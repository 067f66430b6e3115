// Pages of a claimed leaf: made larger, split in two, made smaller, dropped.

#include <algorithm>
#include <array>
#include <bit>

#include <multiprocessing/errors.hpp>

#include "shared/dict_session.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shared {
namespace {

std::uint32_t slots_for(std::uint32_t entries) noexcept {
  return std::max(4U, std::bit_ceil((entries * 8 + 6) / 7));
}

/// A page that nobody sees yet, with room for so many entries of so many words together.
struct FreshPage {
  shm::OwnedBlock block;
  Page page;
};

FreshPage make_page(std::uint32_t entries, std::uint32_t words, std::uint32_t depth) {
  const std::uint32_t slots = slots_for(entries);
  const std::uint32_t wanted = kSlotsAt + slots + words;
  if (wanted > kPageWords) throw ArenaExhausted("too many keys of a Dict have the same hash");
  shm::OwnedBlock block(shm::allocate(wanted * sizeof(Word)));
  const Word capacity = shm::block_capacity(block.get().ref.id) / sizeof(Word);
  const auto fits = static_cast<std::uint32_t>(std::min<Word>(capacity, kPageWords));
  const Page page =
      Page::make(reinterpret_cast<Words>(block.get().data()), {slots, fits, depth, false});
  return {std::move(block), page};
}

/// Half as much again, but no more than what a page has before it is split.
FreshPage make_page_to_grow(std::uint32_t entries, std::uint32_t words, std::uint32_t depth) {
  const std::uint32_t more_entries =
      std::max(entries, std::min(entries + entries / 2, kSplitEntries));
  const std::uint32_t most = kSplitWords - kSlotsAt - slots_for(more_entries);
  const std::uint32_t more_words = std::max(words, std::min(words + words / 2, most));
  return make_page(more_entries, more_words, depth);
}

struct Load {
  std::uint32_t entries = 0;
  std::uint32_t words = 0;

  void add(const Slot& slot) noexcept {
    ++entries;
    words += entry_words(slot);
  }
  [[nodiscard]] bool too_much() const noexcept {
    return entries > kSplitEntries || kSlotsAt + slots_for(entries) + words > kSplitWords;
  }
};

Load load_of(const Page& page) noexcept {
  Load sum;
  page.for_each([&](const Slot& slot) { sum.add(slot); });
  return sum;
}

}  // namespace

void Growth::make_room(std::uint32_t entries, std::uint32_t words) {
  if (leaf_.empty()) {
    FreshPage fresh = make_page(entries, words, leaf_.depth());
    replace(fresh.block);
    return;
  }
  const Page old = leaf_.page();
  const Load there = load_of(old);
  const Load wanted{there.entries + entries, there.words + words};
  const std::uint32_t depth = leaf_.depth();
  if (wanted.too_much() && there.entries >= 2 && depth < kMaxDepth) {
    split(old);
    return;
  }
  rebuild(old, wanted.entries, wanted.words);
}

Word Growth::hash_of(const Page& page, const Slot& slot) const {
  // relaxed: written before the object was published
  return page.hash_of(slot, leaf_.table().state().seed.load(std::memory_order_relaxed));
}

void Growth::rebuild(const Page& old, std::uint32_t entries, std::uint32_t words) {
  FreshPage fresh = make_page_to_grow(entries, words, old.header().depth);
  old.for_each([&](const Slot& slot) { fresh.page.adopt(old, slot, hash_of(old, slot)); });
  replace(fresh.block);
}

void Growth::shrink() noexcept {
  const Page old = leaf_.page();
  const Load there = load_of(old);
  const std::uint32_t words = old.header().words;
  if (words < 32 || (kSlotsAt + slots_for(there.entries) + there.words) * 3 > words) return;
  try {
    rebuild(old, there.entries, there.words);
  } catch (const ArenaExhausted&) {
    return;  // it stays too large
  }
}

// new_page, old_page, then the publish: `page`.
void Growth::replace(shm::OwnedBlock& fresh) noexcept {
  Bucket& bucket = leaf_.bucket();
  const Word page = fresh.get().ref.packed();
  MULTIPROCESSING_CRASH_POINT("dict.page.filled");
  if (!shm::link(fresh.get(), bucket.new_page)) broken_invariant("I3");
  MULTIPROCESSING_CRASH_POINT("dict.page.linked");
  const Word old = leaf_.page_word();
  if (!is_empty_page(old)) bucket.old_page.store(old, std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("dict.page.noted");
  begin_change(bucket);
  MULTIPROCESSING_CRASH_POINT("dict.page.odd");
  bucket.page.store(page, std::memory_order_release);  // [P]
  leaf_.refresh();
  MULTIPROCESSING_CRASH_POINT("dict.page.published");
  end_change(bucket);
  MULTIPROCESSING_CRASH_POINT("dict.page.even");
  bucket.new_page.store(0, std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("dict.page.forgotten");
  if (is_empty_page(old)) return;
  free_block(old);
  MULTIPROCESSING_CRASH_POINT("dict.page.freed");
  bucket.old_page.store(0, std::memory_order_release);
}

void Growth::empty(bool records) noexcept {
  Bucket& bucket = leaf_.bucket();
  const Word old = leaf_.page_word();
  if (leaf_.empty()) return;
  Page page = leaf_.page();
  bucket.old_page.store(old, std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("dict.clear.noted");
  begin_change(bucket);
  if (records) page.condemn(true);
  MULTIPROCESSING_CRASH_POINT("dict.clear.condemned");
  bucket.page.store(empty_page(page.header().depth), std::memory_order_release);  // [P]
  leaf_.refresh();
  MULTIPROCESSING_CRASH_POINT("dict.clear.published");
  leaf_.table().account(bucket, 0);
  end_change(bucket);
  if (records) free_records(page);
  MULTIPROCESSING_CRASH_POINT("dict.clear.records");
  free_block(old);
  MULTIPROCESSING_CRASH_POINT("dict.clear.freed");
  bucket.old_page.store(0, std::memory_order_release);
}

// The entries go to two new pages. The publish makes the child present; from then on everybody
// looks for its keys there, and what the parent still has to do can be done by anybody.
void Growth::split(const Page& old) {
  const std::uint32_t depth = old.header().depth;
  const std::uint32_t child_index = leaf_.index() | 1U << depth;
  Bucket& child = leaf_.table().make_bucket(child_index);
  const auto goes_right = [&](Word hash) { return (hash >> depth & 1U) != 0; };
  std::array<Load, 2> loads;
  old.for_each([&](const Slot& slot) { loads[goes_right(hash_of(old, slot)) ? 1 : 0].add(slot); });
  FreshPage left = make_page_to_grow(loads[0].entries, loads[0].words, depth + 1);
  FreshPage right = make_page_to_grow(loads[1].entries, loads[1].words, depth + 1);
  old.for_each([&](const Slot& slot) {
    const Word hash = hash_of(old, slot);
    (goes_right(hash) ? right : left).page.adopt(old, slot, hash);
  });
  MULTIPROCESSING_CRASH_POINT("dict.split.filled");

  // first, so that whoever recovers the parent knows of the child
  if (!shm::link(left.block.get(), leaf_.bucket().new_page)) broken_invariant("I3");
  MULTIPROCESSING_CRASH_POINT("dict.split.self");
  leaf_.table().seize_child(child, child_index);
  MULTIPROCESSING_CRASH_POINT("dict.split.claimed");
  if (!shm::link(right.block.get(), child.new_page)) broken_invariant("I3");
  MULTIPROCESSING_CRASH_POINT("dict.split.child");
  child.counted.store(loads[1].entries, std::memory_order_release);
  publish_split(child, loads[0].entries);

  if (goes_right(leaf_.hash())) {
    leaf_.move_to(child, child_index);
  } else {
    release(child);
  }
  MULTIPROCESSING_CRASH_POINT("dict.split.released");
}

void Growth::publish_split(Bucket& child, std::uint32_t live_left) noexcept {
  Bucket& parent = leaf_.bucket();
  const Word old = leaf_.page_word();
  parent.old_page.store(old, std::memory_order_release);
  begin_change(parent);
  MULTIPROCESSING_CRASH_POINT("dict.split.odd");
  // both are ours: relaxed
  child.page.store(child.new_page.load(std::memory_order_relaxed),
                   std::memory_order_release);  // [P]
  MULTIPROCESSING_CRASH_POINT("dict.split.published");
  parent.counted.store(live_left, std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("dict.split.counted");
  parent.page.store(parent.new_page.load(std::memory_order_relaxed),
                    std::memory_order_release);  // [P]
  leaf_.refresh();
  MULTIPROCESSING_CRASH_POINT("dict.split.adopted");
  end_change(parent);
  MULTIPROCESSING_CRASH_POINT("dict.split.even");
  // relaxed: a hint
  leaf_.table().state().buckets.fetch_add(1, std::memory_order_relaxed);
  child.new_page.store(0, std::memory_order_release);
  parent.new_page.store(0, std::memory_order_release);
  free_block(old);
  MULTIPROCESSING_CRASH_POINT("dict.split.freed");
  parent.old_page.store(0, std::memory_order_release);
}

}  // namespace multiprocessing::shared
