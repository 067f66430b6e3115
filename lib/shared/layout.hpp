#pragma once

// What this room lays into the arena, for its layout id (shm/layout.hpp).

#include "shared/dict_layout.hpp"
#include "shared/list_layout.hpp"
#include "shared/shared_head.hpp"
#include "shared/value_head.hpp"
#include "shm/layout.hpp"

namespace multiprocessing::shared {

inline constexpr std::uint64_t kLayout = []() consteval {
  return shm::Layout("shared", 1)
      .structure(MULTIPROCESSING_STRUCTURE(GuardedHead, lock, mode, reserved0, item, count, lock_id,
                                           lock_link, word, reserved1))
      .structure(MULTIPROCESSING_STRUCTURE(SharedHead, message, type, reserved))
      .structure(MULTIPROCESSING_STRUCTURE(DictState, seed, buckets, scan, deaths_seen, branches,
                                           counters, first))
      .structure(MULTIPROCESSING_STRUCTURE(Branch, block, offset))
      .structure(MULTIPROCESSING_STRUCTURE(Counter, entries))
      .structure(MULTIPROCESSING_STRUCTURE(Bucket, claim, version, page, counted, new_page,
                                           new_record, old_page, old_record))
      .structure(MULTIPROCESSING_STRUCTURE(ListState, lock, version, size, reserved, item, undo,
                                           armed, old_size, spare, pairs, segments))
      .structure(MULTIPROCESSING_STRUCTURE(ListPair, index, word))
      .structure(MULTIPROCESSING_STRUCTURE(ListUndo, first, count, size))
      .number(buffer_stride(9))
      .number(PageHeader{1, 2, 3, true}.packed())
      .number(PageUse{1, 2, 3, 4}.packed())
      .number(Slot{SlotKind::record, 1, 2, 3, 4}.packed())
      .number(empty_page(1))
      .number(tag_of(0x123456789ABCDEF))
      .number(start_of(0x123456789ABCDEF, 32))
      .number(entry_words({SlotKind::record, 0, 0, 0, 0}))
      .number(kBusy | kWaiters)
      .number(kFirstBuckets)
      .number(kMaxDirect)
      .number(kMaxDepth)
      .number(kMaxInside)
      .number(kSlotsAt)
      .number(kBare)
      .number(first_of(2))
      .value();
}();

}  // namespace multiprocessing::shared
