#include "shared/list_session.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include <multiprocessing/errors.hpp>

#include "shared/dict_page.hpp"
#include "shared/dict_snapshot.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shared {
namespace {

sync::LockState& lock_of(ListState& list) noexcept {
  return *reinterpret_cast<sync::LockState*>(list.lock.data());
}

/// Moves the version on, so that no reader trusts what it saw before (I4).
void bump(ListState& list) noexcept {
  list.version.fetch_add(2, std::memory_order_acq_rel);  // [V]
  MULTIPROCESSING_CRASH_POINT("list.drop.bumped");
}

// relaxed: under the lock, or nobody has the list any more
std::atomic<Word>& slot_in(const ListState& list, std::uint64_t index) noexcept {
  const std::uint32_t k = segment_of(index);
  const auto ref = shm::BlockRef::unpack(list.segments[k].load(std::memory_order_relaxed));
  return shm::block_as<std::atomic<Word>>(ref.id)[index - first_of(k)];
}

// False, too, for one that was freed by somebody who did not live to empty the location: with an
// overflowed journal nobody else does (shm's I4).
bool has_segment(const ListState& list, std::uint32_t k) noexcept {
  const auto ref = shm::BlockRef::unpack(list.segments[k].load(std::memory_order_relaxed));
  return ref && shm::is_linked(ref);
}

void free_at(shm::Location& location) noexcept {
  shm::Block block = shm::unlink(location);
  if (block) shm::release(block);
}

shm::OwnedBlock record_of(std::span<const std::byte> value,
                          std::span<const detail::HandleId> handles) {
  if (handles.empty()) {
    shm::OwnedBlock block(shm::allocate((1 + words_for(value.size())) * sizeof(Word)));
    auto* words = reinterpret_cast<Words>(block.get().data());
    store(words[0], kBare | value.size());
    copy_in(words + 1, value.data(), value.size());
    return block;
  }
  std::vector<shm::ObjectId> ids;
  for (const detail::HandleId id : handles) ids.push_back(id.value);
  shm::OwnedBlock block(shm::make_message(words_for(value.size()) * sizeof(Word), ids));
  auto* message = reinterpret_cast<shm::Message*>(block.get().data());
  message->size = value.size();
  copy_in(reinterpret_cast<Words>(message->bytes()), value.data(), value.size());
  return block;
}

}  // namespace

ListSession::ListSession(ListState& list) : list_(list), me_(shm::self()) {
  detail::enter(lock_of(list));
  recover();
}

ListSession::~ListSession() {
  if (shm::self() != me_) return;  // a forked child: its parent has the lock
  if (staged_ != 0) drop();
  detail::leave(lock_of(list_));
}

void ListSession::require_mine() const {
  if (shm::self() == me_) return;
  throw ValueError(
      "a forked child cannot finish what its parent changes in a List: change it in either, before "
      "or after the fork");
}

// relaxed, in these: the lock is ours
std::uint64_t ListSession::size() const noexcept {
  return list_.size.load(std::memory_order_relaxed);
}
std::uint64_t ListSession::version() const noexcept {
  return list_.version.load(std::memory_order_relaxed);
}

std::atomic<std::uint64_t>& ListSession::slot(std::uint64_t index) const noexcept {
  return slot_in(list_, index);
}

void ListSession::read(std::uint64_t index, detail::DictBytes& out) const {
  const Word word = load(slot(index));
  if (list_.item != 0) {
    std::memcpy(out.resize(list_.item), &word, list_.item);
    return;
  }
  auto* words = shm::block_as<std::atomic<Word>>(shm::BlockRef::unpack(word).id);
  const Word head = load(words[0]);
  if ((head & kBare) != 0) {
    copy_out(out.resize(head & ~kBare), words + 1, head & ~kBare);
    return;
  }
  auto* message = reinterpret_cast<shm::Message*>(words);
  copy_out(out.resize(message->size), reinterpret_cast<Words>(message->bytes()), message->size);
  pin_handles(word, out);
}

// Staging ----------------------------------------------------------------------------------------

void ListSession::ensure(std::uint64_t slots) {
  // Those with elements in them are there.
  for (std::uint32_t k = segment_of(size()); slots != 0 && k <= segment_of(slots - 1); ++k) {
    if (has_segment(list_, k)) continue;
    const std::uint64_t bytes = slots_in(k) * sizeof(Word);
    shm::OwnedBlock block(shm::allocate(bytes));
    std::memset(block.get().data(), 0, bytes);
    (void)shm::link(block.get(), list_.segments[k]);
    (void)block.let_go();  // the location's now
    MULTIPROCESSING_CRASH_POINT("list.segment.linked");
  }
}

void ListSession::stage(std::span<const std::byte> value,
                        std::span<const detail::HandleId> handles) {
  require_mine();
  const std::uint64_t index = size() + staged_;
  ensure(index + 1);
  if (list_.item != 0) {
    store(slot(index), word_of(value.data(), value.size(), 0));
  } else {
    shm::OwnedBlock block = record_of(value, handles);
    list_.reserved.store(index + 1, std::memory_order_release);
    MULTIPROCESSING_CRASH_POINT("list.stage.reserved");
    if (!shm::link(block.get(), slot(index))) broken_invariant("list I2");
    (void)block.let_go();  // the slot's now
    MULTIPROCESSING_CRASH_POINT("list.stage.linked");
  }
  ++staged_;
  MULTIPROCESSING_CRASH_POINT("list.stage.staged");
}

// Changing ---------------------------------------------------------------------------------------

void ListSession::arm_pairs(std::span<const std::uint64_t> indices) noexcept {
  list_.old_size.store(size(), std::memory_order_release);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    list_.pairs[i].index.store(indices[i], std::memory_order_release);
    list_.pairs[i].word.store(load(slot(indices[i])), std::memory_order_release);
  }
  list_.armed.store(indices.size(), std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("list.change.armed");
}

void ListSession::arm_block(std::uint64_t first, std::uint64_t last) {
  const std::uint64_t count = last - first;
  shm::OwnedBlock block(shm::allocate(sizeof(ListUndo) + count * sizeof(Word)));
  auto* undo = reinterpret_cast<ListUndo*>(block.get().data());
  undo->first.store(first, std::memory_order_relaxed);  // published by the link
  undo->count.store(count, std::memory_order_relaxed);
  undo->size.store(size(), std::memory_order_relaxed);
  auto* words = reinterpret_cast<Words>(undo + 1);
  for (std::uint64_t i = 0; i < count; ++i) store(words[i], load(slot(first + i)));
  if (!shm::link(block.get(), list_.undo)) broken_invariant("list I3");
  (void)block.let_go();  // the location's now
  MULTIPROCESSING_CRASH_POINT("list.change.armed");
}

/// Requires that the change is armed.
void ListSession::move(std::span<const std::uint64_t> indices, std::span<const std::uint64_t> words,
                       std::uint64_t size) noexcept {
  list_.version.fetch_add(1, std::memory_order_acq_rel);  // odd
  MULTIPROCESSING_CRASH_POINT("list.change.odd");
  for (std::size_t i = 0; i < indices.size(); ++i) {
    store(slot(indices[i]), words[i]);  // [W]
    MULTIPROCESSING_CRASH_POINT("list.change.moved");
  }
  // Until it is committed the slots that are given up may hold what the undo puts back.
  list_.reserved.store(std::max(list_.reserved.load(std::memory_order_relaxed), this->size()),
                       std::memory_order_release);
  list_.size.store(size, std::memory_order_release);  // [Z]
  MULTIPROCESSING_CRASH_POINT("list.change.sized");
  commit();
}

void ListSession::commit() noexcept {
  if (list_.armed.load(std::memory_order_relaxed) != 0) {
    list_.armed.store(0, std::memory_order_release);  // the publish
    MULTIPROCESSING_CRASH_POINT("list.change.committed");
  } else {
    shm::Block undo = shm::unlink(list_.undo);  // the publish is in it
    MULTIPROCESSING_CRASH_POINT("list.change.committed");
    if (undo) shm::release(undo);
  }
  list_.version.fetch_add(1, std::memory_order_acq_rel);  // even: [V]
  MULTIPROCESSING_CRASH_POINT("list.change.even");
}

/// The staged elements take the place of as many from `first` on.
void ListSession::swap_ends(std::uint64_t first, std::uint64_t count) noexcept {
  std::array<std::uint64_t, kPairs> indices;
  std::array<std::uint64_t, kPairs> words;
  for (std::uint64_t i = 0; i < count; ++i) {
    indices[2 * i] = first + i;
    indices[2 * i + 1] = size() + i;
    words[2 * i] = load(slot(size() + i));
    words[2 * i + 1] = load(slot(first + i));
  }
  const std::span<const std::uint64_t> moved(indices.data(), 2 * count);
  arm_pairs(moved);
  move(moved, {words.data(), 2 * count}, size());
}

/// [first, last) and what is behind them make room for the staged elements, and go behind all.
void ListSession::rotate_in(std::uint64_t first, std::uint64_t last) {
  const std::uint64_t end = size() + staged_;
  const std::uint64_t behind = size() - last;
  std::vector<std::uint64_t> words;
  words.reserve(end - first);
  for (std::uint64_t i = size(); i < end; ++i) words.push_back(load(slot(i)));
  for (std::uint64_t i = last; i < size(); ++i) words.push_back(load(slot(i)));
  for (std::uint64_t i = first; i < last; ++i) words.push_back(load(slot(i)));
  std::vector<std::uint64_t> indices(words.size());
  std::iota(indices.begin(), indices.end(), first);
  if (indices.size() <= kPairs) {
    arm_pairs(indices);
  } else {
    arm_block(first, end);
  }
  move(indices, words, first + staged_ + behind);
}

void ListSession::splice(std::uint64_t first, std::uint64_t last) {
  require_mine();
  const bool at_end = last == size();
  if (first == last && at_end) {
    list_.size.store(size() + staged_, std::memory_order_release);  // [Z]; the publish
    MULTIPROCESSING_CRASH_POINT("list.append.published");
    staged_ = 0;
    return;
  }
  if (staged_ == 0 && first == last) return;
  if (staged_ == 0 && at_end) {
    list_.reserved.store(size(), std::memory_order_release);
    list_.size.store(first, std::memory_order_release);  // [Z]; the publish
    MULTIPROCESSING_CRASH_POINT("list.append.published");
  } else if (list_.item != 0 && staged_ == 1 && last - first == 1) {
    store(slot(first), load(slot(size())));  // the publish
    MULTIPROCESSING_CRASH_POINT("list.store.stored");
  } else if (staged_ == last - first && 2 * staged_ <= kPairs) {
    swap_ends(first, staged_);
  } else {
    rotate_in(first, last);
  }
  drop();
}

void ListSession::permute(std::span<const std::uint64_t> order) {
  require_mine();
  std::vector<std::uint64_t> words;
  words.reserve(order.size());
  for (const std::uint64_t from : order) words.push_back(load(slot(from)));
  std::vector<std::uint64_t> indices(order.size());
  std::iota(indices.begin(), indices.end(), 0);
  if (indices.empty()) return;
  if (indices.size() <= kPairs) {
    arm_pairs(indices);
  } else {
    arm_block(0, order.size());
  }
  move(indices, words, size());
  drop();
}

// Dropping ---------------------------------------------------------------------------------------

/// Frees what stands behind the last element.
void ListSession::drop() noexcept {
  staged_ = 0;
  const std::uint64_t end = list_.reserved.load(std::memory_order_relaxed);
  if (end <= size()) {
    give_back_segments();
    return;
  }
  bump(list_);
  for (std::uint64_t i = size(); list_.item == 0 && i < end; ++i) {
    if (!has_segment(list_, segment_of(i))) break;
    if (load(slot(i)) == 0) continue;
    free_at(slot(i));
    MULTIPROCESSING_CRASH_POINT("list.drop.freed");
  }
  list_.reserved.store(0, std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("list.drop.done");
  give_back_segments();
}

/// Those that a list of twice the size would not need. Requires that nothing stands in them.
void ListSession::give_back_segments() noexcept {
  bool bumped = false;
  for (std::uint32_t k = kListSegments - 1; k > 0; --k) {
    if (list_.segments[k].load(std::memory_order_relaxed) == 0) continue;
    if (2 * size() >= first_of(k)) break;
    if (!bumped) bump(list_);
    bumped = true;
    free_at(list_.segments[k]);
    MULTIPROCESSING_CRASH_POINT("list.segment.freed");
  }
}

// After a death ----------------------------------------------------------------------------------

namespace {

void restore_pairs(ListState& list) noexcept {
  const std::uint64_t count = list.armed.load(std::memory_order_relaxed);
  if (count == 0) return;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(count, kPairs); ++i) {
    store(slot_in(list, list.pairs[i].index.load(std::memory_order_relaxed)),
          list.pairs[i].word.load(std::memory_order_relaxed));
  }
  list.size.store(list.old_size.load(std::memory_order_relaxed), std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("list.recover.restored");
  list.armed.store(0, std::memory_order_release);
}

void restore_block(ListState& list) noexcept {
  const auto ref = shm::BlockRef::unpack(list.undo.load(std::memory_order_acquire));
  if (!ref) return;
  if (shm::is_linked(ref)) {  // else it has been taken: the change is published
    auto* undo = shm::block_as<ListUndo>(ref.id);
    const std::uint64_t first = undo->first.load(std::memory_order_relaxed);
    const std::uint64_t count = undo->count.load(std::memory_order_relaxed);
    auto* words = reinterpret_cast<Words>(undo + 1);
    for (std::uint64_t i = 0; i < count; ++i) store(slot_in(list, first + i), load(words[i]));
    list.size.store(undo->size.load(std::memory_order_relaxed), std::memory_order_release);
    MULTIPROCESSING_CRASH_POINT("list.recover.restored");
  }
  free_at(list.undo);
}

}  // namespace

void ListSession::recover() noexcept {
  const bool odd = (version() & 1U) != 0;
  const bool changing = list_.armed.load(std::memory_order_relaxed) != 0 ||
                        list_.undo.load(std::memory_order_relaxed) != 0;
  const bool left_over = list_.reserved.load(std::memory_order_relaxed) > size();
  if (!odd && !changing && !left_over) [[likely]]
    return;
  MULTIPROCESSING_CRASH_POINT("list.recover.begun");
  if (changing && !odd) list_.version.fetch_add(1, std::memory_order_acq_rel);
  restore_pairs(list_);
  restore_block(list_);
  if ((version() & 1U) != 0) list_.version.fetch_add(1, std::memory_order_acq_rel);  // [V]
  MULTIPROCESSING_CRASH_POINT("list.recover.even");
  drop();
}

// Going ------------------------------------------------------------------------------------------

void destroy_list(ListState& list) noexcept {
  restore_pairs(list);  // so that each record stands in one slot, and none in no one
  restore_block(list);
  for (std::uint32_t k = 0; k < kListSegments; ++k) {
    const auto ref = shm::BlockRef::unpack(list.segments[k].load(std::memory_order_acquire));
    if (!ref) continue;
    if (list.item == 0 && shm::is_linked(ref)) {
      auto* slots = shm::block_as<shm::Location>(ref.id);
      for (std::uint64_t i = 0; i < slots_in(k); ++i) {
        if (slots[i].load(std::memory_order_acquire) != 0) free_at(slots[i]);
      }
    }
    free_at(list.segments[k]);
    MULTIPROCESSING_CRASH_POINT("list.destroy.segment");
  }
}

}  // namespace multiprocessing::shared
