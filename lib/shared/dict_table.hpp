#pragma once

// Buckets of a dict: where they are, who writes to them, what is repaired after a death.

#include <cstdint>

#include "shared/dict_layout.hpp"
#include "shared/dict_page.hpp"

namespace multiprocessing::shared {

/// A leaf as it was under one even version. Functions write it where it is wanted, word by word: a
/// copy, in wider pieces, would wait for the writes.
struct Leaf {
  Bucket* bucket = nullptr;
  std::uint32_t index = 0;
  std::uint32_t depth = 0;
  Word version = 0;
  Words words = nullptr;  // of its page; nullptr: it is empty
  Word header = 0;        // word 0 of the page

  /// Whether what was read since is worthless.
  [[nodiscard]] bool changed() const noexcept {
    // relaxed: [W] keeps it behind the loads of the page's words
    return bucket->version.load(std::memory_order_relaxed) != version;
  }
};

/// What a claimed bucket holds.
void view_page(Leaf& leaf) noexcept;

/// Plain view of one dict. Functions that need a claim say so.
class Table {
 public:
  explicit Table(DictState& state) noexcept : state_(&state) {}

  [[nodiscard]] DictState& state() const noexcept { return *state_; }
  [[nodiscard]] Word hash(Key key) const noexcept {
    // relaxed: written before the object was published
    return hash_bytes(key.data(), key.size(), state_->seed.load(std::memory_order_relaxed));
  }

  /// nullptr: its branch is not there.
  [[nodiscard]] Bucket* bucket(std::uint32_t index) const noexcept;
  /// Makes its branch if need be. \throws ArenaExhausted
  [[nodiscard]] Bucket& make_bucket(std::uint32_t index) const;

  /// The leaf of a hash. Waits while somebody changes it. \throws KeyboardInterrupt
  void look(Word hash, Leaf& leaf) const;
  /// The leaf of a hash, claimed for `me`. Waits for other writers. \throws KeyboardInterrupt
  void claim_leaf(Word hash, Word me, Leaf& leaf) const;

  /// nobody, or somebody dead -> me; recovers what a dead one left. \throws KeyboardInterrupt
  void claim(Bucket& bucket, std::uint32_t index, Word me) const;
  /// Claims the absent child of a bucket that we have claimed: nobody alive competes.
  void seize_child(Bucket& child, std::uint32_t index) const noexcept;
  /// Counts the entries of a claimed bucket, of which there are `live` now.
  void account(Bucket& bucket, std::uint32_t live) const noexcept;

  /// Recovers every bucket that a dead process has claimed.
  void recover_all() const;
  /// Calls visit(index, bucket) for every bucket whose branch is there.
  template <class Visit>
  void for_each_bucket(Visit visit) const;

 private:
  [[nodiscard]] std::uint32_t first_guess() const noexcept;
  void claim_slowly(Bucket& bucket, std::uint32_t index, Word me) const;
  bool try_claim(Bucket& bucket, std::uint32_t index, Word me, Word& seen, bool slept) const;
  void await_change(Bucket& bucket, std::uint32_t index) const;

  void recover(Bucket& bucket, std::uint32_t index) const noexcept;
  void finish_new_page(Bucket& bucket, std::uint32_t index) const noexcept;
  void recount(Bucket& bucket) const noexcept;

  DictState* state_;
};

inline std::uint32_t depth_of_page(Word page) noexcept {
  return is_empty_page(page) ? depth_of_empty(page) : Page(page).header().depth;
}

void release(Bucket& bucket) noexcept;
// Require the claim:
void begin_change(Bucket& bucket) noexcept;  // version odd
void end_change(Bucket& bucket) noexcept;    // version even

/// The claim's owner, packed as in Bucket::claim.
Word own_claim() noexcept;

/// Frees a page or record, with the handles that it holds, unless it has been freed already.
void free_block(Word block) noexcept;
/// Frees the records that a page refers to.
void free_records(const Page& page) noexcept;
/// The block has not been taken or freed.
bool is_there(Word block) noexcept;

/// Stops the program: shared memory is not as it can be.
[[noreturn]] void broken_invariant(const char* which) noexcept;

inline std::uint32_t buckets_in_branch(std::uint32_t branch) noexcept {
  return kFirstBuckets << branch;
}

template <class Visit>
void Table::for_each_bucket(Visit visit) const {
  for (std::uint32_t i = 0; i < kFirstBuckets; ++i) visit(i, state_->first[i]);
  for (std::uint32_t k = 0; k < kBranches; ++k) {
    const std::uint32_t count = buckets_in_branch(k);
    if (state_->branches[k].offset.load(std::memory_order_acquire) == 0) continue;  // [B]
    for (std::uint32_t i = 0; i < count; ++i) {
      Bucket* found = bucket(count + i);
      if (found == nullptr) {
        i |= kMaxDirect - 1;  // the rest of the array that is not there
      } else {
        visit(count + i, *found);
      }
    }
  }
}

}  // namespace multiprocessing::shared
