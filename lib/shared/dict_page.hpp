#pragma once

// One page of a dict: slots and the entries that they point to (layout in dict_layout.hpp).
//
// Readers use it while a writer may change it: every word is loaded with acquire and stored with
// release ([W] of dict_layout.hpp), and no size or position is believed before it is checked.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "shared/dict_layout.hpp"
#include "shm/object.hpp"

namespace multiprocessing::shared {

using Key = std::span<const std::byte>;

inline Word load(const std::atomic<Word>& word) noexcept {
  return word.load(std::memory_order_acquire);  // [W]
}
inline void store(std::atomic<Word>& word, Word value) noexcept {
  word.store(value, std::memory_order_release);  // [W]
}

/// wyhash's way of mixing, 64 bits.
Word hash_bytes(const std::byte* bytes, std::size_t size, Word seed) noexcept;

/// The word at `bytes + 8 * index` of `size` bytes, padded with zeros.
inline Word word_of(const std::byte* bytes, std::size_t size, std::size_t index) noexcept {
  Word word = 0;
  const std::size_t at = index * 8;
  const std::byte* from = bytes + at;
  if (at + 8 <= size) {
    std::memcpy(&word, from, 8);
    return word;
  }
  // Pieces of known sizes: a memcpy of a size known at run time only is a call.
  std::size_t left = size - at;
  unsigned shift = 0;
  const auto piece = [&]<class T>(T part) {
    if (left < sizeof part) return;
    std::memcpy(&part, from, sizeof part);
    word |= Word{part} << shift;
    from += sizeof part;
    left -= sizeof part;
    shift += 8 * sizeof part;
  };
  piece(std::uint32_t{});
  piece(std::uint16_t{});
  piece(std::uint8_t{});
  return word;
}

inline void copy_in(Words to, const std::byte* from, std::size_t size) noexcept {
  const std::size_t count = words_for(size);
  for (std::size_t i = 0; i < count; ++i) store(to[i], word_of(from, size, i));
}

/// `to` has room for whole words.
inline void copy_out(std::byte* to, const std::atomic<Word>* from, std::size_t size) noexcept {
  const std::size_t count = words_for(size);
  for (std::size_t i = 0; i < count; ++i) {
    const Word word = load(from[i]);
    std::memcpy(to + i * 8, &word, 8);
  }
}

inline bool same_bytes(const std::atomic<Word>* words, Key key) noexcept {
  const std::size_t count = words_for(key.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (load(words[i]) != word_of(key.data(), key.size(), i)) return false;
  }
  return true;
}

inline Words page_words(Word page) noexcept {
  return shm::block_as<std::atomic<Word>>(shm::BlockRef::unpack(page).id);
}

/// An entry that refers to a record.
struct RecordEntry {
  Word block = 0;  // BlockRef
  Word value_size = 0;
  Word key_size = 0;
  Word handles = 0;
  Word hash = 0;

  static RecordEntry read(const std::atomic<Word>* at) noexcept {
    const Word third = load(at[2]);
    return {load(at[0]), load(at[1]), third & mask(40), third >> 40U, load(at[3])};
  }
  void write(Words at) const noexcept {
    store(at[0], block);
    store(at[1], value_size);
    store(at[2], key_size | handles << 40U);
    store(at[3], hash);
  }
  /// The value; the key follows after whole words.
  [[nodiscard]] Words value() const noexcept {
    std::byte* memory = shm::block_data(shm::BlockRef::unpack(block).id);
    return reinterpret_cast<Words>(handles == 0 ? memory : memory + shm::message_bytes(0, handles));
  }
  [[nodiscard]] std::size_t words() const noexcept {
    return words_for(value_size) + words_for(key_size);
  }
};

/// Whether a reader may look there: what it took for an address may be out of date.
bool in_arena(const std::atomic<Word>* words, std::size_t count) noexcept;

/// What a search has found.
struct Found {
  Word slot = 0;            // 0: nothing
  std::uint32_t index = 0;  // of the slot
  RecordEntry record;       // if it is one
  Words value = nullptr;
  std::size_t value_size = 0;

  explicit operator bool() const noexcept { return slot != 0; }
  [[nodiscard]] Slot view() const noexcept { return Slot::unpack(slot); }
};

class Page {
 public:
  /// `header` is word 0 as it was read.
  Page(Words words, Word header) noexcept : words_(words), header_(header) {}
  explicit Page(Word page) noexcept : words_(page_words(page)), header_(load(words_[0])) {}

  [[nodiscard]] PageHeader header() const noexcept { return PageHeader::unpack(header_); }
  [[nodiscard]] std::atomic<Word>& slot(std::uint32_t index) const noexcept {
    return words_[kSlotsAt + index];
  }
  [[nodiscard]] Words at(std::uint32_t word) const noexcept { return words_ + word; }

  /// The key's slot, in `found`. `valid()` says whether what was read so far may be followed; false
  /// ends the search with nothing.
  ///
  /// What is found is written where it is read, word by word: returned by value it is copied in
  /// wider pieces than it was written in, and such a copy waits for the writes (a third of a get).
  template <class Valid>
  bool find(Word hash, Key key, Found& found, Valid valid) const {
    const PageHeader page = header();
    std::uint32_t index = start_of(hash, page.slots);
    for (std::uint32_t i = 0; i < page.slots; ++i, index = (index + 1) & (page.slots - 1)) {
      const Word word = load(slot(index));
      if (word == 0) break;
      if (word >> 43U != tag_of(hash)) continue;  // of most others; the rest is not looked at
      const Slot seen = Slot::unpack(word);
      if (seen.at + entry_words(seen) > page.words) continue;
      found.index = index;
      found.value = at(seen.at);
      found.value_size = seen.value_size;
      found.record.handles = 0;
      if (seen.kind == SlotKind::inside && is_inside(seen, key)) {
        found.slot = word;
        return true;
      }
      if (seen.kind != SlotKind::record) continue;
      found.record = RecordEntry::read(found.value);
      if (!valid()) break;
      if (is_record(found, hash, key)) {
        found.slot = word;
        return true;
      }
    }
    found.slot = 0;
    return false;
  }

  /// Calls visit(slot) for each entry. Requires the bucket's claim, or a page nobody changes.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint32_t i = 0, slots = header().slots; i < slots; ++i) {
      const Slot seen = Slot::unpack(load(slot(i)));
      if (is_entry(seen.kind)) visit(seen);
    }
  }

  [[nodiscard]] std::uint32_t live() const noexcept;        // entries
  [[nodiscard]] std::uint32_t live_words() const noexcept;  // of them
  [[nodiscard]] bool refers_to(Word record) const noexcept;
  [[nodiscard]] Word hash_of(const Slot& slot, Word seed) const;

  /// Room for `words` more: the spare region if it fits exactly, or at the top. 0: none.
  [[nodiscard]] std::uint32_t room(std::uint32_t words) const noexcept;
  /// Whether one more slot may be used.
  [[nodiscard]] bool slot_left() const noexcept;
  /// The first slot of the key's sequence that holds no entry.
  [[nodiscard]] std::uint32_t slot_for(Word hash) const noexcept;

  [[nodiscard]] PageUse use() const noexcept { return PageUse::unpack(load(words_[1])); }
  void set_use(const PageUse& use) const noexcept { store(words_[1], use.packed()); }
  void condemn(bool condemned) noexcept {
    PageHeader mine = header();
    mine.condemned = condemned;
    header_ = mine.packed();
    store(words_[0], header_);
  }

  /// Makes an empty page in memory that nobody looks at.
  static Page make(Words words, PageHeader header) noexcept;
  /// Copies an entry of another page into this one, which has room for it and is not yet seen.
  void adopt(const Page& other, const Slot& from, Word hash) const noexcept;

 private:
  [[nodiscard]] bool is_inside(const Slot& slot, Key key) const {
    return slot.key_size == key.size() && same_bytes(at(slot.at) + words_for(slot.value_size), key);
  }
  static bool is_record(Found& found, Word hash, Key key) {
    const RecordEntry& record = found.record;
    if (record.hash != hash || record.key_size != key.size()) return false;
    found.value = record.value();
    found.value_size = record.value_size;
    return in_arena(found.value, record.words()) &&
           same_bytes(found.value + words_for(record.value_size), key);
  }

  Words words_;
  Word header_;
};

}  // namespace multiprocessing::shared
