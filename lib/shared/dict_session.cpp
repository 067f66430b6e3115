// Reading and writing one claimed key.

#include "shared/dict_session.hpp"

#include <vector>

#include <multiprocessing/errors.hpp>

#include "shared/dict_snapshot.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shared {
namespace {

thread_local Busy* busy_here = nullptr;

std::vector<shm::ObjectId> object_ids(std::span<const detail::HandleId> handles) {
  std::vector<shm::ObjectId> ids;
  ids.reserve(handles.size());
  for (const detail::HandleId handle : handles) ids.push_back(handle.value);
  return ids;
}

// The value is one word, and so is what a reader sees of it: the old one or the new one (I5).
bool store_in_place(const Found& found, std::span<const std::byte> value) noexcept {
  const Slot slot = found.view();
  if (!found || slot.kind != SlotKind::inside) return false;
  if (value.size() > 8 || slot.value_size != value.size()) return false;
  if (value.empty()) return true;
  MULTIPROCESSING_CRASH_POINT("dict.value.before");
  store(*found.value, word_of(value.data(), value.size(), 0));
  MULTIPROCESSING_CRASH_POINT("dict.value.after");
  return true;
}

}  // namespace

Busy::Busy(const DictState& state) noexcept : state_(&state), me_(own_claim()), outer_(busy_here) {
  busy_here = this;
}

Busy::~Busy() {
  busy_here = outer_;
}

void Busy::check(const DictState& state) {
  if (busy_here == nullptr) [[likely]]
    return;
  const Word me = own_claim();  // a forked child does not hold what its parent holds
  for (const Busy* busy = busy_here; busy != nullptr; busy = busy->outer_) {
    if (busy->state_ == &state && busy->me_ == me) {
      throw ValueError(
          "a function given to Dict::modify may not write to the same Dict: write once "
          "modify() has returned");
    }
  }
}

LeafClaim::LeafClaim(Table table, Word hash) : table_(table), hash_(hash), me_(own_claim()) {
  Busy::check(table.state());
  table_.claim_leaf(hash_, me_, leaf_);
}

LeafClaim::~LeafClaim() {
  if (leaf_.bucket != nullptr) release(*leaf_.bucket);
}

void LeafClaim::move_to(Bucket& bucket, std::uint32_t index) noexcept {
  release(*leaf_.bucket);
  leaf_.bucket = &bucket;
  leaf_.index = index;
  refresh();
}

const Found& Session::find() const {
  if (known_) return found_;
  found_.slot = 0;
  if (!leaf_.empty()) {
    (void)leaf_.page().find(leaf_.hash(), key_, found_, [] { return true; });
  }
  known_ = true;
  return found_;
}

bool Session::read(detail::DictBytes& out, bool pin) const {
  const Found& found = find();
  if (!found) return false;
  copy_out(out.resize(found.value_size), found.value, found.value_size);
  if (pin && found.record.handles != 0) pin_handles(found.record.block, out);
  return true;
}

const Found& Session::make_room(std::uint32_t words) {
  for (;;) {
    const Found& found = find();
    const std::uint32_t adding = found ? 0 : 1;
    if (!leaf_.empty()) {
      const Page now = leaf_.page();
      if ((adding == 0 || now.slot_left()) && now.room(words) != 0) return found;
    }
    known_ = false;
    Growth(leaf_).make_room(adding, words);
  }
}

void Session::put(std::span<const std::byte> value, std::span<const detail::HandleId> handles) {
  const bool inside = handles.empty() && key_.size() + value.size() <= kMaxInside;
  if (inside && store_in_place(find(), value)) return;
  const std::size_t words =
      inside ? words_for(value.size()) + words_for(key_.size()) : kRecordWords;
  const Found& found = make_room(static_cast<std::uint32_t>(words));
  if (!inside) link_record(value, handles);
  publish(found, value, inside, handles.size());
}

void Session::link_record(std::span<const std::byte> value,
                          std::span<const detail::HandleId> handles) {
  const std::size_t size = (words_for(value.size()) + words_for(key_.size())) * sizeof(Word);
  if (key_.size() > mask(40) || handles.size() > mask(24)) {
    throw ValueError("a key of a Dict is too long, or its value carries too many handles");
  }
  shm::OwnedBlock block(handles.empty() ? shm::allocate(size)
                                        : shm::make_message(size, object_ids(handles)));
  const RecordEntry entry{block.get().ref.packed(), value.size(), key_.size(), handles.size(),
                          leaf_.hash()};
  copy_in(entry.value(), value.data(), value.size());
  copy_in(entry.value() + words_for(value.size()), key_.data(), key_.size());
  if (!shm::link(block.get(), leaf_.bucket().new_record)) broken_invariant("I3");
  MULTIPROCESSING_CRASH_POINT("dict.entry.linked");
}

void Session::note_old_record(const Found& found) noexcept {
  if (!found || found.view().kind != SlotKind::record) return;
  leaf_.bucket().old_record.store(found.record.block, std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("dict.entry.noted");
}

void Session::free_old_record() noexcept {
  const Word old = leaf_.bucket().old_record.load(std::memory_order_relaxed);  // ours
  if (old == 0) return;
  free_block(old);
  MULTIPROCESSING_CRASH_POINT("dict.entry.freed");
  leaf_.bucket().old_record.store(0, std::memory_order_release);
}

void Session::write_entry(const Page& page, std::uint32_t at, std::span<const std::byte> value,
                          bool inside, std::size_t handles) noexcept {
  if (inside) {
    copy_in(page.at(at), value.data(), value.size());
    copy_in(page.at(at) + words_for(value.size()), key_.data(), key_.size());
  } else {
    const Word record = leaf_.bucket().new_record.load(std::memory_order_relaxed);  // ours
    RecordEntry{record, value.size(), key_.size(), handles, leaf_.hash()}.write(page.at(at));
  }
}

// Requires that make_room found room, and for a record that it is linked.
void Session::publish(const Found& found, std::span<const std::byte> value, bool inside,
                      std::size_t handles) noexcept {
  const Page now = leaf_.page();
  Slot slot{inside ? SlotKind::inside : SlotKind::record, 0, 0, 0, tag_of(leaf_.hash())};
  if (inside) {
    slot.key_size = static_cast<std::uint32_t>(key_.size());
    slot.value_size = static_cast<std::uint32_t>(value.size());
  }
  const std::uint32_t words = entry_words(slot);
  note_old_record(found);
  known_ = false;  // `found` stays as it is until the next search

  begin_change(leaf_.bucket());
  MULTIPROCESSING_CRASH_POINT("dict.entry.odd");
  PageUse use = now.use();
  slot.at = now.room(words);
  if (slot.at == use.top) {
    use.top += words;
  } else {
    use.spare_words = 0;
  }
  const std::uint32_t index = found ? found.index : now.slot_for(leaf_.hash());
  if (load(now.slot(index)) == 0) ++use.used;
  now.set_use(use);
  MULTIPROCESSING_CRASH_POINT("dict.entry.reserved");
  write_entry(now, slot.at, value, inside, handles);
  MULTIPROCESSING_CRASH_POINT("dict.entry.written");
  store(now.slot(index), slot.packed());  // the publish (I2)
  MULTIPROCESSING_CRASH_POINT("dict.entry.published");
  if (found) {
    use.spare_at = found.view().at;
    use.spare_words = entry_words(found.view());
    now.set_use(use);
  } else {
    const Word live = leaf_.bucket().counted.load(std::memory_order_relaxed) + 1;  // I6
    leaf_.table().account(leaf_.bucket(), static_cast<std::uint32_t>(live));
  }
  end_change(leaf_.bucket());
  MULTIPROCESSING_CRASH_POINT("dict.entry.even");

  if (!inside) leaf_.bucket().new_record.store(0, std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("dict.entry.forgotten");
  free_old_record();
}

bool Session::erase() {
  const Found& found = find();
  if (!found) return false;
  known_ = false;  // `found` stays as it is until the next search
  const Page now = leaf_.page();
  note_old_record(found);
  MULTIPROCESSING_CRASH_POINT("dict.erase.noted");
  begin_change(leaf_.bucket());
  MULTIPROCESSING_CRASH_POINT("dict.erase.odd");
  const std::uint32_t next = (found.index + 1) & (now.header().slots - 1);
  const bool last = load(now.slot(next)) == 0;  // of its sequence: nothing is behind it
  store(now.slot(found.index), last ? 0 : Slot{SlotKind::erased, 0, 0, 0, 0}.packed());
  MULTIPROCESSING_CRASH_POINT("dict.erase.published");
  PageUse use = now.use();
  if (last) --use.used;
  use.spare_at = found.view().at;
  use.spare_words = entry_words(found.view());
  now.set_use(use);
  const Word live = leaf_.bucket().counted.load(std::memory_order_relaxed) - 1;  // I6
  leaf_.table().account(leaf_.bucket(), static_cast<std::uint32_t>(live));
  end_change(leaf_.bucket());
  MULTIPROCESSING_CRASH_POINT("dict.erase.even");
  free_old_record();
  MULTIPROCESSING_CRASH_POINT("dict.erase.freed");
  if (live == 0) {
    Growth(leaf_).empty(false);
  } else {
    Growth(leaf_).shrink();
  }
  return true;
}

}  // namespace multiprocessing::shared
