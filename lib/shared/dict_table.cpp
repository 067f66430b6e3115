// The directory of a dict: which bucket a key belongs to.

#include "shared/dict_table.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>

#include "shm/arena.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shared {
namespace {

Word offset_of(const Branch& branch) noexcept {
  return branch.offset.load(std::memory_order_acquire);  // [B]
}

// Links zeroed memory, if nobody else was faster, and says where it is.
Word make_branch(Branch& branch, std::size_t bytes) {
  if (branch.block.load(std::memory_order_acquire) == 0) {
    shm::OwnedBlock fresh(shm::allocate(bytes));
    auto* words = reinterpret_cast<Words>(fresh.get().data());
    for (std::size_t i = 0; i < bytes / sizeof(Word); ++i) store(words[i], 0);
    (void)shm::link(fresh.get(), branch.block);  // occupied: it is freed at the end of the scope
    MULTIPROCESSING_CRASH_POINT("dict.branch.linked");
  }
  const Word block = branch.block.load(std::memory_order_acquire);
  const Word offset = shm::arena().offset_of(shm::block_data(shm::BlockRef::unpack(block).id));
  branch.offset.store(offset, std::memory_order_release);  // [B]; whoever does it stores the same
  return offset;
}

struct Place {
  std::uint32_t branch;
  std::uint32_t count;  // buckets in the branch
  std::uint32_t at;     // in the branch
};

Place place_of(std::uint32_t index) noexcept {
  const auto branch = static_cast<std::uint32_t>(std::bit_width(index)) - 3;
  const std::uint32_t count = buckets_in_branch(branch);
  return {branch, count, index - count};
}

// False: the page was freed while we looked, and its chunk cut anew: its address is wrong (I4).
bool look_at_page(Leaf& leaf, Word hash) noexcept {
  const Word page = leaf.bucket->page.load(std::memory_order_acquire);  // [P]
  if (is_empty_page(page)) {
    leaf.words = nullptr;
    leaf.depth = depth_of_empty(page);
    return true;
  }
  leaf.words = page_words(page);
  if (!shm::arena().contains(leaf.words)) return false;
  // Most pages have so many slots: where the search will begin comes along with the header.
  __builtin_prefetch(leaf.words + kSlotsAt + start_of(hash, kUsualSlots));
  leaf.header = load(leaf.words[0]);
  leaf.depth = PageHeader::unpack(leaf.header).depth;
  return true;
}

}  // namespace

void broken_invariant(const char* which) noexcept {
  std::fprintf(stderr, "multiprocessing: a Dict's shared memory is damaged (invariant %s)\n",
               which);
  std::abort();
}

Bucket* Table::bucket(std::uint32_t index) const noexcept {
  if (index < kFirstBuckets) return &state_->first[index];
  const Place place = place_of(index);
  const Word offset = offset_of(state_->branches[place.branch]);
  if (offset == 0) return nullptr;
  shm::Arena& arena = shm::arena();
  if (place.count <= kMaxDirect) return arena.at<Bucket>(offset) + place.at;
  const Word array = offset_of(arena.at<Branch>(offset)[place.at / kMaxDirect]);
  return array == 0 ? nullptr : arena.at<Bucket>(array) + place.at % kMaxDirect;
}

Bucket& Table::make_bucket(std::uint32_t index) const {
  if (Bucket* there = bucket(index)) return *there;
  const Place place = place_of(index);
  Branch& branch = state_->branches[place.branch];
  if (place.count <= kMaxDirect) {
    make_branch(branch, place.count * sizeof(Bucket));
  } else {
    const Word table = make_branch(branch, place.count / kMaxDirect * sizeof(Branch));
    make_branch(shm::arena().at<Branch>(table)[place.at / kMaxDirect], kMaxDirect * sizeof(Bucket));
  }
  return *bucket(index);
}

// The logarithm of the buckets, rounded up: to guess too deep costs one look at an absent bucket;
// not deep enough, one at a bucket and at its page.
std::uint32_t Table::first_guess() const noexcept {
  // relaxed: a hint
  const Word buckets = state_->buckets.load(std::memory_order_relaxed);
  const auto depth = static_cast<std::uint32_t>(std::bit_width((buckets | 1U) - 1));
  return std::min(depth, kMaxDepth);
}

// Cases, at the bucket of the `depth` low bits of the hash:
//   1  absent                        its parent, by one bit less, is the leaf, or leads there
//   2  being changed                 wait
//   3  moved on while we looked      look again
//   4  the leaf                      done
//   5  it was split further          its child by the lowest bit that differs is present [P]
void Table::look(Word hash, Leaf& leaf) const {
  std::uint32_t depth = first_guess();
  for (;;) {
    leaf.index = static_cast<std::uint32_t>(hash & mask(depth));
    leaf.bucket = bucket(leaf.index);
    if (leaf.bucket == nullptr || leaf.bucket->page.load(std::memory_order_acquire) == 0) {
      --depth;  // 1; the bucket 0 is always present
      continue;
    }
    leaf.version = leaf.bucket->version.load(std::memory_order_acquire);  // [V]
    if ((leaf.version & 1U) != 0) {
      await_change(*leaf.bucket, leaf.index);  // 2
      continue;
    }
    if (!look_at_page(leaf, hash)) continue;  // 3
    if (leaf.changed()) continue;             // 3
    const Word differs = (hash ^ leaf.index) & mask(leaf.depth);
    if (differs == 0) return;                                           // 4
    depth = static_cast<std::uint32_t>(std::countr_zero(differs)) + 1;  // 5
  }
}

void view_page(Leaf& leaf) noexcept {
  const Word page = leaf.bucket->page.load(std::memory_order_relaxed);  // ours [C]
  if (is_empty_page(page)) {
    leaf.words = nullptr;
    leaf.depth = depth_of_empty(page);
  } else {
    leaf.words = page_words(page);
    leaf.header = load(leaf.words[0]);
    leaf.depth = PageHeader::unpack(leaf.header).depth;
  }
}

void Table::claim_leaf(Word hash, Word me, Leaf& leaf) const {
  for (;;) {
    look(hash, leaf);
    claim(*leaf.bucket, leaf.index, me);
    if (!leaf.changed()) return;  // what was seen before the claim still holds [C]
    view_page(leaf);
    if (((hash ^ leaf.index) & mask(leaf.depth)) == 0) return;
    release(*leaf.bucket);
  }
}

}  // namespace multiprocessing::shared
