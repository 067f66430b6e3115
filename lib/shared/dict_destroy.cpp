#include "shared/dict_destroy.hpp"

#include "shared/dict_table.hpp"
#include "shm/arena.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shared {
namespace {

void free_location(shm::Location& location) noexcept {
  shm::Block block = shm::unlink(location);
  if (block) shm::release(block);
}

// What is freed already is found out by its sequence, so that any step may be done twice.
void free_bucket(Bucket& bucket) noexcept {
  const Word page = bucket.page.load(std::memory_order_acquire);
  if (page != 0 && !is_empty_page(page) && is_there(page)) {
    free_records(Page(page));
    free_block(page);
  }
  const Word old = bucket.old_page.load(std::memory_order_acquire);
  if (old != 0 && is_there(old)) {
    const Page dropped(old);
    if (dropped.header().condemned) free_records(dropped);
    free_block(old);
  }
  if (const Word record = bucket.old_record.load(std::memory_order_acquire)) free_block(record);
  free_location(bucket.new_record);
  free_location(bucket.new_page);
  MULTIPROCESSING_CRASH_POINT("dict.destroy.bucket");
}

}  // namespace

void destroy_dict(shm::ObjectHeader& object) noexcept {
  auto& state = *shm::payload<DictState>(&object);
  const Table table(state);
  table.for_each_bucket([](std::uint32_t, Bucket& bucket) { free_bucket(bucket); });
  for (std::uint32_t k = 0; k < kBranches; ++k) {
    Branch& branch = state.branches[k];
    const Word offset = branch.offset.load(std::memory_order_acquire);
    if (offset != 0 && buckets_in_branch(k) > kMaxDirect) {
      auto* arrays = shm::arena().at<Branch>(offset);
      for (std::uint32_t i = 0; i < buckets_in_branch(k) / kMaxDirect; ++i) {
        arrays[i].offset.store(0, std::memory_order_release);
        free_location(arrays[i].block);
      }
    }
    branch.offset.store(0, std::memory_order_release);
    free_location(branch.block);
    MULTIPROCESSING_CRASH_POINT("dict.destroy.branch");
  }
}

}  // namespace multiprocessing::shared
