#include "shared/shareable_bytes.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <charconv>
#include <cstring>
#include <string_view>
#include <variant>

#include <multiprocessing/errors.hpp>

namespace multiprocessing::detail {
namespace {

constexpr std::size_t kWord = 8;
constexpr std::size_t kMostRoom = 9'999'999 / kWord * kWord;  // "9999992s" fits into 8 bytes
constexpr std::string_view kBoolFormat = "xxxxxxx?";
constexpr std::string_view kNoneFormat = "xxxxxx?x";

enum class Code : std::uint8_t { plain = 0, text = 1, bytes = 2, none = 3 };

using Word = std::uint64_t;

// relaxed throughout: see "Layout"
Word load(std::span<std::byte> memory, std::size_t at) noexcept {
  return std::atomic_ref(*reinterpret_cast<Word*>(memory.data() + at))
      .load(std::memory_order_relaxed);
}
void store(std::span<std::byte> memory, std::size_t at, Word word) noexcept {
  std::atomic_ref(*reinterpret_cast<Word*>(memory.data() + at))
      .store(word, std::memory_order_relaxed);
}
constexpr std::size_t kNotText = ~std::size_t{0};
using CodeByte = std::uint8_t;
CodeByte load_code(std::span<std::byte> memory, std::size_t at) noexcept {
  return std::atomic_ref(*reinterpret_cast<CodeByte*>(memory.data() + at))
      .load(std::memory_order_relaxed);
}
void store_code(std::span<std::byte> memory, std::size_t at, Code code) noexcept {
  std::atomic_ref(*reinterpret_cast<CodeByte*>(memory.data() + at))
      .store(static_cast<CodeByte>(code), std::memory_order_relaxed);
}

void load_text(std::span<std::byte> memory, std::size_t at, std::span<char> to) noexcept {
  for (std::size_t i = 0; i < to.size(); i += kWord) {
    const Word word = load(memory, at + i);
    std::memcpy(to.data() + i, &word, std::min(kWord, to.size() - i));
  }
}
// Pads with zeros up to `room`, a multiple of 8.
void store_text(std::span<std::byte> memory, std::size_t at, std::size_t room,
                std::string_view text) noexcept {
  for (std::size_t i = 0; i < room; i += kWord) {
    Word word = 0;
    if (i < text.size()) std::memcpy(&word, text.data() + i, std::min(kWord, text.size() - i));
    store(memory, at + i, word);
  }
}

std::string_view text_of(const ShareableItem::Bytes& bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Text or bytes; nothing for other items.
const std::string* text_in(const ShareableItem& item) noexcept {
  return std::get_if<std::string>(&item.variant());
}
const ShareableItem::Bytes* bytes_in(const ShareableItem& item) noexcept {
  return std::get_if<ShareableItem::Bytes>(&item.variant());
}

std::size_t characters(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// As CPython counts it, in characters, unless that is too little for the encoded text, which
// CPython then cuts off.
std::size_t room_for(const ShareableItem& item) {
  std::size_t length = 0;
  std::size_t encoded = 0;
  if (const std::string* text = text_in(item)) {
    length = characters(*text);
    encoded = text->size();
  } else if (const ShareableItem::Bytes* bytes = bytes_in(item)) {
    length = encoded = bytes->size();
  }
  std::size_t room = kWord * (length / kWord + 1);
  if (encoded > room) room = kWord * (encoded / kWord + 1);
  if (room > kMostRoom) {
    throw ValueError("text or bytes of " + std::to_string(encoded) +
                     " bytes are too long for a ShareableList: at most " +
                     std::to_string(kMostRoom - 1) + " are possible");
  }
  return room;
}

Code code_of(const ShareableItem& item) noexcept {
  if (item.is_none()) return Code::none;
  if (text_in(item) != nullptr) return Code::text;
  return bytes_in(item) != nullptr ? Code::bytes : Code::plain;
}

std::string format_of(const ShareableItem& item, std::size_t room) {
  if (item.is_none()) return std::string(kNoneFormat);
  if (std::holds_alternative<bool>(item.variant())) return std::string(kBoolFormat);
  if (std::holds_alternative<std::int64_t>(item.variant())) return "q";
  if (std::holds_alternative<double>(item.variant())) return "d";
  return std::to_string(room) + "s";
}

Word word_of(const ShareableItem& item) noexcept {
  if (const auto* number = std::get_if<std::int64_t>(&item.variant())) {
    return static_cast<Word>(*number);
  }
  if (const auto* number = std::get_if<double>(&item.variant())) {
    return std::bit_cast<Word>(*number);
  }
  const bool* flag = std::get_if<bool>(&item.variant());
  std::array<std::uint8_t, kWord> bytes{};
  bytes.back() = flag != nullptr && *flag ? 1 : 0;  // None is all zeros
  return std::bit_cast<Word>(bytes);
}

// Format, code and bytes of one item; `at` are the three places.
struct Places {
  std::size_t item, format, code;
};
void write(std::span<std::byte> memory, const Places& at, std::size_t room,
           const ShareableItem& item) {
  store_text(memory, at.format, kWord, format_of(item, room));
  store_code(memory, at.code, code_of(item));
  if (const std::string* text = text_in(item)) {
    store_text(memory, at.item, room, *text);
  } else if (const ShareableItem::Bytes* bytes = bytes_in(item)) {
    store_text(memory, at.item, room, text_of(*bytes));
  } else {
    store(memory, at.item, word_of(item));
  }
}

[[noreturn]] void throw_no_list(const std::string& name, const char* why) {
  throw ValueError("shared memory '" + name + "' does not hold a ShareableList: " + why);
}

// The number before an "s"; more than any room if that is none.
std::size_t length_in(std::string_view format) noexcept {
  std::size_t length = 0;
  const auto end = format.data() + format.size();
  const auto result = std::from_chars(format.data(), end, length);
  if (result.ec != std::errc{} || result.ptr + 1 != end || *result.ptr != 's') return kNotText;
  return length;
}

}  // namespace

std::size_t ShareableBytes::needed(std::span<const ShareableItem> items) {
  std::size_t size = kWord * (items.size() + 2) + kWord * items.size() + items.size();
  for (const ShareableItem& item : items) size += room_for(item);
  return size;
}

void ShareableBytes::fill(std::span<std::byte> memory, std::span<const ShareableItem> items) {
  store(memory, 0, items.size());
  std::size_t offset = 0;
  store(memory, kWord, 0);
  for (std::size_t i = 0; i < items.size(); ++i) {
    offset += room_for(items[i]);
    store(memory, kWord * (i + 2), offset);
  }
  const std::size_t data = kWord * (items.size() + 2);
  const std::size_t formats = data + offset;
  std::size_t item = data;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t room = room_for(items[i]);
    const Places at{item, formats + kWord * i, formats + kWord * items.size() + i};
    write(memory, at, room, items[i]);
    item += room;
  }
}

ShareableBytes::ShareableBytes(std::span<std::byte> memory, const std::string& name) {
  if (memory.size() < 2 * kWord) throw_no_list(name, "it is too small");
  const Word count = load(memory, 0);
  if (count > memory.size() / kWord) throw_no_list(name, "it is too small for its items");
  const auto items = static_cast<std::size_t>(count);
  const std::size_t around = kWord * (items + 2) + (kWord + 1) * items;
  if (around > memory.size()) throw_no_list(name, "it is too small for its items");
  offsets_.reserve(items + 1);
  for (std::size_t i = 0; i <= items; ++i) {
    const Word offset = load(memory, kWord * (i + 1));
    const bool grows = i == 0 ? offset == 0 : offset >= offsets_.back() + kWord;
    if (!grows || offset % kWord != 0 || offset > memory.size() - around) {
      throw_no_list(name, "an item lies where none can be");
    }
    offsets_.push_back(static_cast<std::size_t>(offset));
  }
}

std::string ShareableBytes::format(std::span<std::byte> memory, std::size_t index) const {
  std::array<char, kWord> letters{};
  load_text(memory, formats() + kWord * index, letters);
  const std::string_view all(letters.data(), letters.size());
  const std::size_t last = all.find_last_not_of('\0');
  return std::string(all.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

ShareableItem ShareableBytes::get(std::span<std::byte> memory, std::size_t index) const {
  const std::size_t at = data() + offsets_[index];
  const auto code = static_cast<Code>(load_code(memory, formats() + kWord * size() + index));
  const std::string how = format(memory, index);
  if (code == Code::none) return {};
  if (how == "q") return static_cast<std::int64_t>(load(memory, at));
  if (how == "d") return std::bit_cast<double>(load(memory, at));
  if (how == kBoolFormat || how == kNoneFormat) {
    const auto bytes = std::bit_cast<std::array<std::uint8_t, kWord>>(load(memory, at));
    return bytes[how == kBoolFormat ? kWord - 1 : kWord - 2] != 0;
  }
  const std::size_t length = length_in(how);
  if (length > room(index)) {
    throw ValueError("item " + std::to_string(index) + " of a ShareableList is packed as '" + how +
                     "', which is not how lists are packed");
  }
  std::string text(length, '\0');
  load_text(memory, at, text);
  const std::size_t last = text.find_last_not_of('\0');
  text.resize(last == std::string::npos ? 0 : last + 1);
  if (code != Code::bytes) return text;
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return ShareableItem::Bytes(first, first + text.size());
}

void ShareableBytes::set(std::span<std::byte> memory, std::size_t index,
                         const ShareableItem& item) const {
  const std::string* text = text_in(item);
  const ShareableItem::Bytes* bytes = bytes_in(item);
  const std::size_t length = text != nullptr ? text->size() : bytes != nullptr ? bytes->size() : 0;
  if (length > room(index)) {
    throw ValueError("bytes/str item exceeds available storage: " + std::to_string(length) +
                     " bytes, and item " + std::to_string(index) + " has room for " +
                     std::to_string(room(index)));
  }
  const Places at{data() + offsets_[index], formats() + kWord * index,
                  formats() + kWord * size() + index};
  write(memory, at, room(index), item);
}

}  // namespace multiprocessing::detail
