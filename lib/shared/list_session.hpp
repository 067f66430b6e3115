#pragma once

// A list whose lock this thread holds: what a writer does.

#include <cstdint>
#include <span>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/dict_bytes.hpp>

#include "shared/list_layout.hpp"
#include "shm/name.hpp"

namespace multiprocessing::shared {

class ListSession {
 public:
  /// Waits for other writers; recovers what a dead one left. \throws KeyboardInterrupt
  explicit ListSession(ListState& list);
  /// Drops what was staged and not published.
  ~ListSession();
  ListSession(const ListSession&) = delete;
  ListSession& operator=(const ListSession&) = delete;

  [[nodiscard]] std::uint64_t size() const noexcept;
  /// Changes with every change but an append.
  [[nodiscard]] std::uint64_t version() const noexcept;

  /// Copies the element; what its handles name lives as long as `out` does. `index` is in range.
  void read(std::uint64_t index, detail::DictBytes& out) const;

  /// Puts a new element behind the others, for the next `splice`.
  /// \throws ArenaExhausted, ValueError if a handle is gone, or in a forked child of the holder
  void stage(std::span<const std::byte> value, std::span<const detail::HandleId> handles);
  /// Replaces the elements [first, last) by what was staged. One step. \throws ArenaExhausted
  void splice(std::uint64_t first, std::uint64_t last);
  /// Element i becomes what element order[i] was. One step. \throws ArenaExhausted
  void permute(std::span<const std::uint64_t> order);

 private:
  void require_mine() const;
  void recover() noexcept;
  void ensure(std::uint64_t slots);
  void arm_pairs(std::span<const std::uint64_t> indices) noexcept;
  void arm_block(std::uint64_t first, std::uint64_t last);
  void move(std::span<const std::uint64_t> indices, std::span<const std::uint64_t> words,
            std::uint64_t size) noexcept;
  void swap_ends(std::uint64_t first, std::uint64_t count) noexcept;
  void rotate_in(std::uint64_t first, std::uint64_t last);
  void commit() noexcept;
  void drop() noexcept;
  void give_back_segments() noexcept;
  [[nodiscard]] std::atomic<std::uint64_t>& slot(std::uint64_t index) const noexcept;

  ListState& list_;
  shm::Name me_;
  std::uint64_t staged_ = 0;
};

/// Frees what belongs to the list besides its own block. May run again after a death.
void destroy_list(ListState& list) noexcept;

enum class ListLook { got, none, spoilt, needs_lock };
/// The element, copied without the lock. `index` counts from the end if it is negative.
ListLook look_at(const ListState& list, std::int64_t index, detail::DictBytes& out);

}  // namespace multiprocessing::shared
