#include <algorithm>
#include <cmath>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <multiprocessing/detail/dict_repr.hpp>
#include <multiprocessing/detail/shareable_list.hpp>

#include "shared/shareable_bytes.hpp"

namespace multiprocessing {
namespace {

using Bytes = ShareableItem::Bytes;

// Equal to what a Python number is; long double holds each of either exactly.
bool number_of(const ShareableItem::Variant& value, long double& number) noexcept {
  if (const bool* flag = std::get_if<bool>(&value)) {
    number = *flag ? 1 : 0;
  } else if (const std::int64_t* integer = std::get_if<std::int64_t>(&value)) {
    number = static_cast<long double>(*integer);
  } else if (const double* real = std::get_if<double>(&value)) {
    number = *real;
  } else {
    return false;
  }
  return true;
}

void print_bytes(std::ostream& out, const Bytes& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::ostringstream text;
  for (const std::byte one : bytes) {
    const auto value = std::to_integer<unsigned>(one);
    const char letter = static_cast<char>(value);
    if (letter == '\'' || letter == '\\') {
      text << '\\' << letter;
    } else if (letter == '\n' || letter == '\r' || letter == '\t') {
      text << '\\' << (letter == '\n' ? 'n' : letter == '\r' ? 'r' : 't');
    } else if (value >= 0x20 && value < 0x7F) {
      text << letter;
    } else {
      text << "\\x" << kDigits[value >> 4U] << kDigits[value & 0xFU];
    }
  }
  out << "b'" << text.str() << '\'';
}

std::vector<ShareableItem> characters_of(std::string_view text) {
  std::vector<ShareableItem> items;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) ++end;
    items.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return items;
}

std::size_t place_of(std::ptrdiff_t position, std::size_t size, const char* what) {
  const auto count = static_cast<std::ptrdiff_t>(size);
  const std::ptrdiff_t place = position < 0 ? position + count : position;
  if (place < 0 || place >= count) {
    throw ValueError(std::string(what) + " out of range: " + std::to_string(position) +
                     " in a ShareableList of " + std::to_string(size));
  }
  return static_cast<std::size_t>(place);
}

}  // namespace

namespace detail {

void throw_beyond_int64() {
  throw ValueError(
      "an int of a ShareableList has 64 bits with a sign: this one is larger; put it in as text");
}

void throw_other_item(const ShareableItem& item, std::string_view wanted) {
  std::ostringstream text;
  text << "this item of a ShareableList is " << item << ", not of type " << wanted;
  throw ValueError(text.str());
}

}  // namespace detail

bool ShareableItem::equal(const ShareableItem& a, const ShareableItem& b) noexcept {
  long double left = 0;
  long double right = 0;
  if (number_of(a.value_, left)) return number_of(b.value_, right) && left == right;
  return a.value_ == b.value_;
}

void ShareableItem::print(std::ostream& out) const {
  std::visit(
      [&]<class T>(const T& value) {
        if constexpr (std::same_as<T, std::monostate>) {
          out << "None";
        } else if constexpr (std::same_as<T, Bytes>) {
          print_bytes(out, value);
        } else {
          detail::write_repr(out, value);
        }
      },
      value_);
}

ShareableList::ShareableList(std::span<const Item> sequence, const ShareableListOptions& options)
    : memory_(SharedMemory::filled(
          {.name = options.name, .create = true, .size = detail::ShareableBytes::needed(sequence)},
          [&](std::span<std::byte> memory) { detail::ShareableBytes::fill(memory, sequence); })),
      bytes_(std::make_shared<detail::ShareableBytes>(memory_.buf(), memory_.name())) {}

ShareableList::ShareableList(std::string_view characters, const ShareableListOptions& options)
    : ShareableList(std::span<const Item>(characters_of(characters)), options) {}

ShareableList::ShareableList(std::nullptr_t /*no_sequence*/, const ShareableListOptions& existing)
    : memory_(existing.name),
      bytes_(std::make_shared<detail::ShareableBytes>(memory_.buf(), memory_.name())) {}

std::size_t ShareableList::size() const noexcept {
  return bytes_->size();
}

ShareableItem ShareableList::get(std::ptrdiff_t position) const {
  return bytes_->get(memory_.buf(), place_of(position, size(), "list index"));
}

void ShareableList::set(std::ptrdiff_t position, const Item& item) const {
  bytes_->set(memory_.buf(), place_of(position, size(), "assignment index"), item);
}

std::size_t ShareableList::count(const Item& value) const {
  return static_cast<std::size_t>(std::count(begin(), end(), value));
}

std::size_t ShareableList::index(const Item& value) const {
  std::size_t position = 0;
  for (const Item& item : *this) {
    if (item == value) return position;
    ++position;
  }
  throw ValueError("ShareableList.index(x): x not in list");
}

std::string ShareableList::format() const {
  std::string all;
  for (std::size_t i = 0; i < size(); ++i) all += bytes_->format(memory_.buf(), i);
  return all;
}

void ShareableList::print(std::ostream& out) const {
  out << "ShareableList([";
  for (std::size_t i = 0; i < size(); ++i) {
    out << (i == 0 ? "" : ", ") << get(static_cast<std::ptrdiff_t>(i));
  }
  out << "], name='" << memory_.name() << "')";
}

}  // namespace multiprocessing
