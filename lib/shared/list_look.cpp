// Reading an element without the lock.

#include <cstring>

#include "shared/dict_page.hpp"
#include "shared/list_session.hpp"
#include "shm/block.hpp"

namespace multiprocessing::shared {
namespace {

/// A block that a stale word may name: nullptr unless it lies in the arena.
Words words_at(Word word) noexcept {
  const auto ref = shm::BlockRef::unpack(word);
  return ref && shm::is_linked(ref) ? shm::block_as<std::atomic<Word>>(ref.id) : nullptr;
}

ListLook copy_record(Word word, detail::DictBytes& out) {
  Words words = words_at(word);
  if (words == nullptr) return ListLook::spoilt;
  const Word head = load(words[0]);
  if ((head & kBare) == 0) return ListLook::needs_lock;  // what it names must not go meanwhile
  const Word bytes = head & ~kBare;
  const std::uint64_t room = shm::block_capacity(shm::BlockRef::unpack(word).id);
  if (room < sizeof(Word) || bytes > room - sizeof(Word)) return ListLook::spoilt;
  copy_out(out.resize(bytes), words + 1, bytes);
  return ListLook::got;
}

ListLook copy_element(const ListState& list, std::int64_t index, detail::DictBytes& out) {
  const auto size = static_cast<std::int64_t>(list.size.load(std::memory_order_acquire));  // [Z]
  const std::int64_t at = index < 0 ? index + size : index;
  if (at < 0 || at >= size) return ListLook::none;
  const auto place = static_cast<std::uint64_t>(at);
  const std::uint32_t k = segment_of(place);
  if (k >= kListSegments) return ListLook::spoilt;
  Words slots = words_at(list.segments[k].load(std::memory_order_acquire));
  if (slots == nullptr) return ListLook::spoilt;
  const Word word = load(slots[place - first_of(k)]);  // [W]
  if (list.item == 0) return copy_record(word, out);
  std::memcpy(out.resize(list.item), &word, list.item);
  return ListLook::got;
}

}  // namespace

ListLook look_at(const ListState& list, std::int64_t index, detail::DictBytes& out) {
  const std::uint64_t before = list.version.load(std::memory_order_acquire);  // [V]
  if ((before & 1U) != 0) return ListLook::spoilt;
  const ListLook look = copy_element(list, index, out);
  return list.version.load(std::memory_order_acquire) == before ? look : ListLook::spoilt;
}

}  // namespace multiprocessing::shared
