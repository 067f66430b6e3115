#pragma once

// The bytes of a ShareableList, as CPython lays them out.
//
// Layout: 64-bit integers of the machine; N items, a_i bytes of room for item i
//
//   0             N
//   8             off[0..N]: off[0] = 0, off[i + 1] = off[i] + a_i
//   D = 8(N + 2)  item i at D + off[i]
//   F = D + off[N]   format of item i, 8 bytes, zero-padded: q d xxxxxxx? xxxxxx?x <a_i>s
//   F + 8N        code of item i, one byte: 0 as it is, 1 text, 2 bytes, 3 None
//
// Beyond that the memory may go on. N and off never change; the process that opens a list checks
// and copies them once, so that no later scribbling leads it out of bounds.
//
// Each a_i is a multiple of 8: items and formats are read and written in 64-bit words, relaxed,
// because nothing is promised about their order: an item that is replaced while it is read may come
// out mixed, but for numbers, which are one word.
//
// Death: between format, code and item, the item is what the three say: a value of either type, or
// text that is cut off.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <multiprocessing/detail/shareable_item.hpp>

namespace multiprocessing::detail {

class ShareableBytes {
 public:
  /// How many bytes a list of these takes. \throws ValueError for text that is too long
  static std::size_t needed(std::span<const ShareableItem> items);
  /// Writes them into `memory`, of which nobody else knows yet.
  static void fill(std::span<std::byte> memory, std::span<const ShareableItem> items);

  /// What `memory` holds; `name` is for messages. \throws ValueError if that is no list
  explicit ShareableBytes(std::span<std::byte> memory, const std::string& name);

  [[nodiscard]] std::size_t size() const noexcept { return offsets_.size() - 1; }
  /// `index` is below size().
  [[nodiscard]] ShareableItem get(std::span<std::byte> memory, std::size_t index) const;
  /// \throws ValueError if it does not fit
  void set(std::span<std::byte> memory, std::size_t index, const ShareableItem& item) const;
  [[nodiscard]] std::string format(std::span<std::byte> memory, std::size_t index) const;

 private:
  [[nodiscard]] std::size_t data() const noexcept { return 8 * (size() + 2); }
  [[nodiscard]] std::size_t formats() const noexcept { return data() + offsets_.back(); }
  [[nodiscard]] std::size_t room(std::size_t index) const noexcept {
    return offsets_[index + 1] - offsets_[index];
  }

  std::vector<std::size_t> offsets_;  // off[0..N]
};

}  // namespace multiprocessing::detail
