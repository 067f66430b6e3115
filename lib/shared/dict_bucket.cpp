// The writer of a bucket, and what the next one makes good after its death.

#include <bit>

#include "shared/dict_table.hpp"
#include "shm/local.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "sys/clock.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shared {
namespace {

shm::Name owner_of(Word claim) noexcept {
  return {static_cast<std::uint32_t>(claim >> 1U & mask(16)) - 1, claim >> 17U};
}

std::uint32_t live_in(Word page) noexcept {
  return is_empty_page(page) ? 0 : Page(page).live();
}

bool refers_to(Word page, Word record) noexcept {
  return !is_empty_page(page) && Page(page).refers_to(record);
}

Word page_of(const Bucket& bucket) noexcept {
  return bucket.page.load(std::memory_order_acquire);
}

}  // namespace

Word own_claim() noexcept {
  const shm::Name me = shm::here().name;
  return Word{me.slot + 1} << 1U | me.generation << 17U;
}

bool is_there(Word block) noexcept {
  const shm::BlockRef ref = shm::BlockRef::unpack(block);
  const shm::BlockWord word =
      shm::BlockWord::unpack(shm::block_word(ref.id).load(std::memory_order_acquire));
  return word.sequence == ref.sequence &&
         (word.state == shm::BlockState::published || word.state == shm::BlockState::priv);
}

void free_block(Word block) noexcept {
  shm::Block taken;
  if (shm::take(shm::BlockRef::unpack(block), shm::PublishKind::none, 0, 0, taken)) {
    shm::release(taken);
  }
}

void free_records(const Page& page) noexcept {
  page.for_each([&](const Slot& slot) {
    if (slot.kind == SlotKind::record) free_block(RecordEntry::read(page.at(slot.at)).block);
  });
}

// Claim ------------------------------------------------------------------------------------------

void Table::claim(Bucket& bucket, std::uint32_t index, Word me) const {
  Word nobody = 0;
  if (!bucket.claim.compare_exchange_strong(nobody, me, std::memory_order_acquire,  // [C]
                                            std::memory_order_relaxed)) {
    claim_slowly(bucket, index, me);
  }
  MULTIPROCESSING_CRASH_POINT("dict.claim.taken");
}

// Cases:
//   1  free                take it
//   2  a dead one's        take it over, recover
//   3  a live one's        false, `seen` says whose
bool Table::try_claim(Bucket& bucket, std::uint32_t index, Word me, Word& seen, bool slept) const {
  for (;;) {
    seen = bucket.claim.load(std::memory_order_relaxed);  // the moves below see what there is
    const Word owner = seen & ~kWaiters;
    const bool dead = owner != 0 && owner != me &&
                      (!shm::is_live(owner_of(owner)) || shm::bury_if_dead(owner_of(owner)));
    if (owner != 0 && !dead) return false;  // 3
    const Word mine = me | (seen & kWaiters) | (slept ? kWaiters : 0);
    if (!bucket.claim.compare_exchange_strong(seen, mine, std::memory_order_acquire,  // [C]
                                              std::memory_order_relaxed)) {
      continue;
    }
    if (dead) recover(bucket, index);  // 2
    return true;                       // 1
  }
}

// Who wakes it: the owner's release, since the word says that somebody waits; the owner's death,
// since the sleep is noted.
void Table::claim_slowly(Bucket& bucket, std::uint32_t index, Word me) const {
  Word seen = 0;
  for (shm::Spinner spinner; spinner.again();) {
    // relaxed: a look; the claim decides
    if (bucket.claim.load(std::memory_order_relaxed) == 0 &&
        bucket.claim.compare_exchange_strong(seen, me, std::memory_order_acquire,  // [C]
                                             std::memory_order_relaxed)) {
      return;
    }
    seen = 0;
  }
  const std::atomic<std::uint32_t>& word = shm::low_half(bucket.claim);
  shm::Sleeper sleeper(word);
  bool slept = false;
  for (;;) {
    sleeper.note();
    if (try_claim(bucket, index, me, seen, slept)) return;
    // relaxed: the bit carries no data
    if ((seen & kWaiters) == 0 &&
        !bucket.claim.compare_exchange_strong(seen, seen | kWaiters, std::memory_order_relaxed)) {
      continue;
    }
    try {
      (void)sleeper.sleep(static_cast<std::uint32_t>(seen | kWaiters), sys::kForever);
    } catch (...) {
      shm::wake(word, 1);  // a wake-up that we may have had belongs to somebody else
      throw;
    }
    slept = true;
  }
}

void Table::seize_child(Bucket& child, std::uint32_t index) const noexcept {
  const Word before = child.claim.exchange(own_claim(), std::memory_order_acquire);  // [C]
  if (before != 0) recover(child, index);
}

void release(Bucket& bucket) noexcept {
  const Word before = bucket.claim.exchange(0, std::memory_order_release);  // [C]
  MULTIPROCESSING_CRASH_POINT("dict.claim.released");
  if ((before & kWaiters) != 0) shm::wake(shm::low_half(bucket.claim), 1);
}

void Table::await_change(Bucket& bucket, std::uint32_t index) const {
  for (shm::Spinner spinner; spinner.again();) {
    // relaxed: a look
    if ((bucket.version.load(std::memory_order_relaxed) & 1U) == 0) return;
  }
  claim(bucket, index, own_claim());  // its writer sleeps, or is dead
  release(bucket);
}

// Change -----------------------------------------------------------------------------------------

void begin_change(Bucket& bucket) noexcept {
  const Word version = bucket.version.load(std::memory_order_relaxed);  // ours
  bucket.version.store(version | 1U, std::memory_order_relaxed);  // [W]: before the words, all of
}  // which are released

void end_change(Bucket& bucket) noexcept {
  const Word version = bucket.version.load(std::memory_order_relaxed);  // ours
  bucket.version.store((version | 1U) + 1, std::memory_order_release);  // [V]
}

void Table::account(Bucket& bucket, std::uint32_t live) const noexcept {
  const Word counted = bucket.counted.load(std::memory_order_relaxed);  // ours
  if (counted == live) return;
  bucket.counted.store(live | kBusy, std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("dict.count.busy");
  Counter& counter = state_->counters[shm::here().name.slot % kCounters];
  counter.entries.fetch_add(Word{live} - counted, std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("dict.count.added");
  bucket.counted.store(live, std::memory_order_release);
}

// Recovery ---------------------------------------------------------------------------------------

namespace {

void finish_new_record(Bucket& bucket) noexcept {
  const Word record = bucket.new_record.load(std::memory_order_acquire);
  if (record == 0) return;
  if (refers_to(page_of(bucket), record)) {
    bucket.new_record.store(0, std::memory_order_release);
    return;
  }
  shm::Block block = shm::unlink(bucket.new_record);
  if (block) shm::release(block);
}

void finish_old_page(Bucket& bucket) noexcept {
  const Word old = bucket.old_page.load(std::memory_order_acquire);
  if (old == 0) return;
  if (is_there(old)) {
    Page page(old);
    if (old == page_of(bucket)) {
      page.condemn(false);
    } else {
      if (page.header().condemned) free_records(page);
      free_block(old);
    }
  }
  bucket.old_page.store(0, std::memory_order_release);
}

void finish_old_record(Bucket& bucket) noexcept {
  const Word old = bucket.old_record.load(std::memory_order_acquire);
  if (old == 0) return;
  if (!refers_to(page_of(bucket), old)) free_block(old);
  bucket.old_record.store(0, std::memory_order_release);
}

}  // namespace

void Table::recover(Bucket& bucket, std::uint32_t index) const noexcept {
  begin_change(bucket);
  MULTIPROCESSING_CRASH_POINT("dict.recover.begun");
  finish_new_record(bucket);
  MULTIPROCESSING_CRASH_POINT("dict.recover.record");
  finish_new_page(bucket, index);
  MULTIPROCESSING_CRASH_POINT("dict.recover.page");
  finish_old_page(bucket);
  finish_old_record(bucket);
  MULTIPROCESSING_CRASH_POINT("dict.recover.old");
  recount(bucket);
  MULTIPROCESSING_CRASH_POINT("dict.recover.counted");
  end_change(bucket);
}

void Table::finish_new_page(Bucket& bucket, std::uint32_t index) const noexcept {
  const Word fresh = bucket.new_page.load(std::memory_order_acquire);
  if (fresh == 0) return;
  const Word page = page_of(bucket);
  if (fresh == page) {
    bucket.new_page.store(0, std::memory_order_release);
    return;
  }
  if (page != 0 && is_there(fresh)) {
    const std::uint32_t depth = depth_of_page(page);
    const std::uint32_t child_index = index | 1U << depth;
    Bucket* child = Page(fresh).header().depth == depth + 1 ? this->bucket(child_index) : nullptr;
    if (child != nullptr && page_of(*child) != 0) {  // the split was published
      bucket.counted.store(live_in(fresh), std::memory_order_release);
      bucket.page.store(fresh, std::memory_order_release);  // [P]
      bucket.new_page.store(0, std::memory_order_release);
      return;
    }
    if (child != nullptr) {
      seize_child(*child, child_index);
      release(*child);
    }
  }
  shm::Block block = shm::unlink(bucket.new_page);
  if (block) shm::release(block);
}

void Table::recount(Bucket& bucket) const noexcept {
  const Word page = page_of(bucket);
  if (page == 0) {
    bucket.counted.store(0, std::memory_order_release);  // a child that never was
    return;
  }
  const std::uint32_t live = live_in(page);
  if ((bucket.counted.load(std::memory_order_acquire) & kBusy) != 0) {
    state_->scan.store(1, std::memory_order_release);
    bucket.counted.store(live, std::memory_order_release);
  } else {
    account(bucket, live);
  }
}

void Table::recover_all() const {
  for_each_bucket([this](std::uint32_t index, Bucket& bucket) {
    const Word owner = bucket.claim.load(std::memory_order_acquire) & ~kWaiters;
    if (owner == 0 || page_of(bucket) == 0) return;  // an absent child is its parent's business
    if (shm::is_live(owner_of(owner))) return;
    claim(bucket, index, own_claim());
    release(bucket);
  });
}

}  // namespace multiprocessing::shared
