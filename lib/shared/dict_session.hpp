#pragma once

// Claimed leaves of a dict: what a writer does while it has one.

#include <cstdint>
#include <span>

#include <multiprocessing/detail/dict_bytes.hpp>

#include "shared/dict_table.hpp"

namespace multiprocessing::shared {

/// The leaf of a hash, claimed for a scope.
class LeafClaim {
 public:
  /// \throws ValueError in a function that modifies the same dict, KeyboardInterrupt
  LeafClaim(Table table, Word hash);
  ~LeafClaim();
  LeafClaim(const LeafClaim&) = delete;
  LeafClaim& operator=(const LeafClaim&) = delete;

  [[nodiscard]] const Table& table() const noexcept { return table_; }
  [[nodiscard]] Word hash() const noexcept { return hash_; }
  [[nodiscard]] Bucket& bucket() const noexcept { return *leaf_.bucket; }
  [[nodiscard]] std::uint32_t index() const noexcept { return leaf_.index; }
  [[nodiscard]] std::uint32_t depth() const noexcept { return leaf_.depth; }
  [[nodiscard]] bool empty() const noexcept { return leaf_.words == nullptr; }
  /// Requires that it is not empty.
  [[nodiscard]] Page page() const noexcept { return {leaf_.words, leaf_.header}; }
  /// Bucket::page.
  [[nodiscard]] Word page_word() const noexcept {
    return leaf_.bucket->page.load(std::memory_order_relaxed);  // ours
  }
  /// The page was replaced.
  void refresh() noexcept { view_page(leaf_); }
  /// The claim goes on with another bucket, which is claimed too; the former one is released.
  void move_to(Bucket& bucket, std::uint32_t index) noexcept;

  /// False in a child that a caller's function has forked: its parent has the claim.
  [[nodiscard]] bool is_mine() const noexcept { return own_claim() == me_; }
  /// Leaves the claim to the parent.
  void forget() noexcept { leaf_.bucket = nullptr; }

 private:
  Table table_;
  Word hash_;
  Word me_;
  Leaf leaf_;
};

/// One key, claimed for a scope: reads, puts, erases.
class Session {
 public:
  /// `key` must outlive the session. \throws as LeafClaim
  Session(Table table, Key key) : key_(key), leaf_(table, table.hash(key)) {}

  [[nodiscard]] bool contains() const { return static_cast<bool>(find()); }
  /// Copies the value. Its handles live as long as the entry stays, or longer if `pin`.
  [[nodiscard]] bool read(detail::DictBytes& out, bool pin = false) const;
  /// \throws ArenaExhausted, ValueError if a handle is gone; nothing has changed then
  void put(std::span<const std::byte> value, std::span<const detail::HandleId> handles);
  bool erase();
  [[nodiscard]] LeafClaim& leaf() noexcept { return leaf_; }

 private:
  [[nodiscard]] const Found& find() const;
  const Found& make_room(std::uint32_t words);
  void link_record(std::span<const std::byte> value, std::span<const detail::HandleId> handles);
  void publish(const Found& found, std::span<const std::byte> value, bool inside,
               std::size_t handles) noexcept;
  void write_entry(const Page& page, std::uint32_t at, std::span<const std::byte> value,
                   bool inside, std::size_t handles) noexcept;
  void note_old_record(const Found& found) noexcept;
  void free_old_record() noexcept;

  Key key_;
  LeafClaim leaf_;
  mutable Found found_;         // of the last search
  mutable bool known_ = false;  // nothing has changed since
};

/// This thread runs a caller's function that modifies the dict.
class Busy {
 public:
  explicit Busy(const DictState& state) noexcept;
  ~Busy();
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  /// \throws ValueError if it does
  static void check(const DictState& state);

 private:
  const DictState* state_;
  Word me_;
  Busy* outer_;
};

/// Gives a claimed leaf a page with more room, or less: a new page, or two by a split.
class Growth {
 public:
  explicit Growth(LeafClaim& leaf) noexcept : leaf_(leaf) {}
  /// After it, or after some repetitions, the page has room. \throws ArenaExhausted
  void make_room(std::uint32_t entries, std::uint32_t words);
  /// Replaces a page that is mostly empty; without memory for that it stays as it is.
  void shrink() noexcept;
  /// The leaf becomes empty. `records`: frees what its entries refer to.
  void empty(bool records) noexcept;

 private:
  void rebuild(const Page& old, std::uint32_t entries, std::uint32_t words);
  void split(const Page& old);
  void publish_split(Bucket& child, std::uint32_t live_left) noexcept;
  void replace(shm::OwnedBlock& fresh) noexcept;
  [[nodiscard]] Word hash_of(const Page& page, const Slot& slot) const;

  LeafClaim& leaf_;
};

}  // namespace multiprocessing::shared
