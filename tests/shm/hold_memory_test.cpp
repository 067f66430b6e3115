// A hold for which the heap has no memory leaves nothing behind, wherever it fails.

#include <cstdlib>
#include <new>
#include <vector>

#include <gtest/gtest.h>

#include "shm/block.hpp"
#include "shm/hold_list.hpp"
#include "shm/hold_page.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"

namespace {
thread_local int allocations_left = -1;  // until one fails; -1: none does
}  // namespace

// NOLINTBEGIN(cppcoreguidelines-no-malloc): they are what new and delete are made of. Not inlined:
// GCC would compare what is inside one with what is outside the other.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (allocations_left == 0) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
// NOLINTEND(cppcoreguidelines-no-malloc)

namespace multiprocessing::shm {
namespace {

// Entries in this process's list of holds.
std::size_t listed() {
  std::size_t count = 0;
  for (const Location* next = &own_slot().hold_list;;) {
    const BlockRef ref = BlockRef::unpack(next->load());
    if (!ref) return count;
    const auto* page = block_as<HoldPage>(ref.id);
    for (const auto& entry : page->entries) count += entry.load() != 0 ? 1 : 0;
    next = &page->next;
  }
}

LocalHold* make(ObjectKind kind) {
  return create_object(
      kind, 64, [](void* payload, const void*) { *static_cast<long*>(payload) = 42; }, nullptr);
}

// Runs `attempt` with no memory at all, then with memory for one allocation, and so on until it
// succeeds, and `look` after each failure.
template <class Attempt, class Look>
LocalHold* retry_with_more(Attempt attempt, Look look) {
  for (int allocations = 0; allocations < 50; ++allocations) {
    LocalHold* held = nullptr;
    try {
      allocations_left = allocations;
      held = attempt();
      allocations_left = -1;
    } catch (const std::bad_alloc&) {
      allocations_left = -1;
    }
    if (held != nullptr) {
      EXPECT_GT(allocations, 1) << "nothing has failed";
      return held;
    }
    look();
  }
  return nullptr;
}

// Of a kind that is held one by one, and of one that is not.
class HoldMemoryTest : public testing::TestWithParam<bool> {
 protected:
  static ObjectKind kind() { return GetParam() ? ObjectKind::connection : ObjectKind::test; }
  void SetUp() override {
    register_kind(kind(), [](ObjectHeader&) noexcept {});
    anything_ = make(ObjectKind::test);  // so that there is a list
  }
  void TearDown() override { drop(anything_); }

 private:
  LocalHold* anything_ = nullptr;
};

TEST_P(HoldMemoryTest, FailedHoldIsNeitherListedNorEntered) {
  LocalHold* made = make(kind());
  const ObjectId id = made->id;
  Block message = make_message(64, std::vector<ObjectId>{id});
  drop(made);
  const std::size_t before = listed();
  const std::size_t held_before = held_objects();

  LocalHold* held = retry_with_more([id] { return hold(id); },
                                    [&] {
                                      EXPECT_EQ(listed(), before);
                                      EXPECT_EQ(held_objects(), held_before);
                                      EXPECT_TRUE(living_holders(id).empty());
                                    });

  ASSERT_NE(held, nullptr);
  drop(held);
  release(message);
  EXPECT_EQ(find_object(id, kind()), nullptr) << "an entry without an owner keeps it";
}

TEST_P(HoldMemoryTest, ObjectThatFailsToBeMadeLeavesNothing) {
  const std::size_t before = listed();
  const std::size_t held_before = held_objects();
  const std::uint64_t blocks_before = census().blocks;

  LocalHold* held = retry_with_more([] { return make(kind()); },
                                    [&] {
                                      EXPECT_EQ(listed(), before);
                                      EXPECT_EQ(held_objects(), held_before);
                                      EXPECT_EQ(census().blocks, blocks_before);
                                    });

  ASSERT_NE(held, nullptr);
  drop(held);
}

INSTANTIATE_TEST_SUITE_P(OneByOne, HoldMemoryTest, testing::Bool());

}  // namespace
}  // namespace multiprocessing::shm
