#include "shared/dict_page.hpp"

#include <array>

#include "shm/arena.hpp"

namespace multiprocessing::shared {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr Word kFirst = 0xa0761d6478bd642fU;
constexpr Word kSecond = 0xe7037ed1a0b428dbU;

Word mix(Word a, Word b) noexcept {
  const Wide product = Wide{a} * b;
  return static_cast<Word>(product) ^ static_cast<Word>(product >> 64U);
}

template <class T>
Word read(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace

Word hash_bytes(const std::byte* bytes, std::size_t size, Word seed) noexcept {
  Word a = 0;
  Word b = 0;
  seed ^= kFirst;
  if (size > 16) {
    std::size_t left = size;
    for (; left > 16; left -= 16, bytes += 16) {
      seed = mix(read<Word>(bytes) ^ kSecond, read<Word>(bytes + 8) ^ seed);
    }
    a = read<Word>(bytes + left - 16);
    b = read<Word>(bytes + left - 8);
  } else if (size >= 8) {
    a = read<Word>(bytes);
    b = read<Word>(bytes + size - 8);
  } else if (size >= 4) {
    a = read<std::uint32_t>(bytes);
    b = read<std::uint32_t>(bytes + size - 4);
  } else if (size > 0) {
    a = read<std::uint8_t>(bytes) << 16U | read<std::uint8_t>(bytes + size / 2) << 8U |
        read<std::uint8_t>(bytes + size - 1);
  }
  return mix(kSecond ^ size, mix(a ^ kSecond, b ^ seed));
}

bool in_arena(const std::atomic<Word>* words, std::size_t count) noexcept {
  const shm::Arena& arena = shm::arena();
  return arena.contains(words) && arena.contains(words + count);
}

std::uint32_t Page::live() const noexcept {
  std::uint32_t count = 0;
  for_each([&](const Slot&) { ++count; });
  return count;
}

std::uint32_t Page::live_words() const noexcept {
  std::uint32_t count = 0;
  for_each([&](const Slot& slot) { count += entry_words(slot); });
  return count;
}

bool Page::refers_to(Word record) const noexcept {
  bool found = false;
  for_each([&](const Slot& slot) {
    found = found || (slot.kind == SlotKind::record && load(*at(slot.at)) == record);
  });
  return found;
}

Word Page::hash_of(const Slot& slot, Word seed) const {
  if (slot.kind == SlotKind::record) return RecordEntry::read(at(slot.at)).hash;
  std::array<std::byte, kMaxInside + 8> key;  // not zeroed: it is written before it is read
  copy_out(key.data(), at(slot.at + (slot.value_size + 7) / 8), slot.key_size);
  return hash_bytes(key.data(), slot.key_size, seed);
}

std::uint32_t Page::room(std::uint32_t words) const noexcept {
  const PageUse now = use();
  if (now.spare_words >= words && words > 0) return now.spare_at;
  return now.top + words <= header().words ? now.top : 0;
}

bool Page::slot_left() const noexcept {
  return (use().used + 1) * 8 <= header().slots * 7;
}

std::uint32_t Page::slot_for(Word hash) const noexcept {
  const std::uint32_t slots = header().slots;
  std::uint32_t index = start_of(hash, slots);
  while (is_entry(Slot::unpack(load(slot(index))).kind)) index = (index + 1) & (slots - 1);
  return index;
}

Page Page::make(Words words, PageHeader header) noexcept {
  const Page page(words, header.packed());
  store(words[0], header.packed());
  page.set_use({kSlotsAt + header.slots, 0, 0, 0});
  for (std::uint32_t i = 0; i < header.slots; ++i) store(page.slot(i), 0);
  return page;
}

void Page::adopt(const Page& other, const Slot& from, Word hash) const noexcept {
  PageUse now = use();
  const std::uint32_t words = entry_words(from);
  for (std::uint32_t i = 0; i < words; ++i) {
    store(*at(now.top + i), load(*other.at(from.at + i)));
  }
  Slot mine = from;
  mine.at = now.top;
  store(slot(slot_for(hash)), mine.packed());
  now.top += words;
  ++now.used;
  set_use(now);
}

}  // namespace multiprocessing::shared
