// Kills a process at each point named in lib/shm, on several visits, while others go on; then
// nothing may be lost, doubled or leaked.

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "shm/chunk.hpp"
#include "shm/hold_list.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "support/child.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shm {
namespace {

constexpr std::size_t kPlaces = 8;

struct Board {
  Location places[kPlaces];
  std::atomic<std::uint32_t> word;
};

Board& board() {
  static LocalHold* home = create_object(
      ObjectKind::test, sizeof(Board), [](void* payload, const void*) { new (payload) Board{}; },
      nullptr);
  return *payload<Board>(home->object);
}

void clear_board() {
  for (Location& place : board().places) {
    Block block = unlink(place);
    release(block);
  }
}

LocalHold* make_object() {
  return create_object(
      ObjectKind::test, 64, [](void* payload, const void*) { *static_cast<long*>(payload) = 42; },
      nullptr);
}

// One round of everything that lib/shm does to shared memory, on places that others work on, too.
void work(std::uint64_t& seed) {
  seed = seed * 6364136223846793005U + 1442695040888963407U;
  Location& here = board().places[(seed >> 33U) % kPlaces];
  Location& there = board().places[(seed >> 40U) % kPlaces];
  LocalHold* held = make_object();
  Block message = make_message(64, std::vector<ObjectId>{held->id});
  if (!link(message, here)) release(message);
  drop(held);
  if (Block taken = unlink(there)) {
    const auto* ids = block_as<Message>(taken.ref.id)->ids();
    if (LocalHold* mine = hold(ids[0])) {
      test::require(*payload<long>(mine->object) == 42);
      drop(mine);
    }
    keep(taken);
    if (!link(taken, here)) release(taken);
  }
  Block run = allocate(300000 + ((seed >> 20U) % 4) * 262144);
  release(run);
  Block alone = allocate(9000);  // of a class of its own: its slab is empty again at once
  release(alone);
  if (seed % 4 == 0) trim();
}

void work_until_killed(const char* point, int visit) {
  std::uint64_t seed = static_cast<std::uint64_t>(visit) * 77 + 1;
  sys::arm_crash_point(point, visit);
  for (int i = 0; i < 20000; ++i) work(seed);
}

class ShmCrash : public testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(ShmCrash, SurvivorsGoOnAndNothingLeaks) {
  const auto [point, visit] = GetParam();
  clear_board();
  (void)bury_the_dead();
  trim();
  const BlockCensus before = census();
  auto survivor = test::Child::run([] {
    std::uint64_t seed = 5;
    for (int i = 0; i < 500; ++i) work(seed);
  });
  auto victim = test::Child::run([&] { work_until_killed(point, visit); });

  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL)) << point << " was not visited " << visit;
  std::uint64_t seed = 9;
  for (int i = 0; i < 200; ++i) work(seed);
  EXPECT_EQ(survivor.wait(), test::exited(0));

  (void)bury_the_dead();
  clear_board();
  trim();
  EXPECT_EQ(census().blocks, before.blocks);
  EXPECT_EQ(census().runs, before.runs);
}

std::string name_of(const testing::TestParamInfo<std::tuple<const char*, int>>& info) {
  std::string name = std::get<0>(info.param);
  for (char& letter : name) letter = letter == '.' || letter == '_' ? 'X' : letter;
  return name + "Visit" + std::to_string(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(
    Blocks, ShmCrash,
    testing::Combine(testing::Values("block.allocate.noted", "block.allocate.claimed",
                                     "block.link.noted", "block.link.linked",
                                     "block.link.published", "block.take.noted", "block.take.taken",
                                     "block.take.emptied", "block.release.before",
                                     "block.release.after"),
                     testing::Values(1, 2, 7, 40)),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Chunks, ShmCrash,
    testing::Combine(testing::Values("chunk.noted", "chunk.claimed", "chunk.published",
                                     "chunk.release.claimed", "chunk.release.freed",
                                     "chunk.retire.marked", "chunk.retire.claimed"),
                     testing::Values(1, 3, 10)),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Objects, ShmCrash,
    testing::Combine(testing::Values("object.create.listed", "object.create.published",
                                     "object.enter.listed", "object.enter.entered",
                                     "object.enter.counted", "object.drop.noted",
                                     "object.drop.removed", "object.look.found",
                                     "object.drop.scanned", "object.drop.dying",
                                     "object.drop.destroyed", "message.marked", "message.held",
                                     "message.dropped"),
                     testing::Values(1, 2, 9)),
    name_of);

// One that drops its hold is stopped once it has found the object. Others destroy that meanwhile,
// and its block is somebody else's.
void expect_left_alone(std::uint64_t bytes) {
  OwnedBlock mine(allocate(64));
  OwnedBlock childs(allocate(64));
  LocalHold* held = make_object();
  const ObjectId id = held->id;
  const std::uint64_t holder = block_holder(childs.get().ref);
  ASSERT_TRUE(enter_hold(id, holder));
  ASSERT_TRUE(enter_hold(id, block_holder(mine.get().ref)));
  drop(held);
  auto late = test::Child::run([&] {
    (void)self();
    sys::arm_stop_point("object.look.found");
    leave_hold(id, holder);
  });
  ASSERT_TRUE(late.await_stop());
  leave_hold(id, block_holder(mine.get().ref));
  ASSERT_EQ(find_object(id, ObjectKind::none), nullptr);

  OwnedBlock next(allocate(sizeof(ObjectHeader) + 64));
  ASSERT_EQ(next.get().ref.id, BlockRef::unpack(id).id);
  auto* words = reinterpret_cast<std::uint64_t*>(next.get().data());
  std::fill_n(words, 16, bytes);
  late.kill(SIGCONT);
  EXPECT_EQ(late.wait(), test::exited(0));

  EXPECT_EQ(std::count(words, words + 16, bytes), 16);
}

TEST(LateDropTest, BytesThatLookLikeADyingObjectAreLeftAlone) {
  (void)self();
  expect_left_alone(2);
}

TEST(LateDropTest, BytesThatLookLikeTheLivingObjectAreLeftAlone) {
  LocalHold* probe = make_object();
  const std::uint64_t word = probe->object->word.load();
  const BlockRef ref = BlockRef::unpack(probe->id);
  drop(probe);
  // the sequence that the next object in the same block will have
  for (std::uint64_t later = 0; later < 8; ++later) {
    SCOPED_TRACE(later);
    expect_left_alone(((word & 3U) | (ref.sequence + later) << 2U) & 0xFFFFFFFFU);
  }
}

// A sweeper is killed in the middle of a sweep; whoever comes next finishes it.
class SweepCrash : public testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(SweepCrash, SweepOfADeadSweeperIsFinishedByTheNext) {
  const auto [point, visit] = GetParam();
  clear_board();
  (void)bury_the_dead();
  trim();
  const BlockCensus before = census();
  std::vector<test::Child> dead;
  for (int i = 0; i < 4; ++i) {
    dead.push_back(test::Child::run([i] {
      (void)i;
      for (int k = 0; k < 10; ++k) (void)make_object();
      for (int k = 0; k < 40; ++k) {
        LocalHold* held = make_object();
        (void)make_message(64, std::vector<ObjectId>{held->id});
      }
      (void)allocate(1 << 20);
      test::hang_up_and_wait();
    }));
    dead.back().await_hang_up();
  }
  for (auto& child : dead) {
    child.kill(SIGKILL);
    child.wait();
  }
  auto sweeper = test::Child::run([&] {
    (void)self();
    sys::arm_crash_point(point, visit);
    (void)bury_the_dead();
  });
  EXPECT_EQ(sweeper.wait(), test::killed_by(SIGKILL)) << point << " was not visited " << visit;

  (void)bury_the_dead();
  (void)bury_the_dead();
  trim();

  EXPECT_EQ(census().blocks, before.blocks);
  EXPECT_EQ(census().runs, before.runs);
}

INSTANTIATE_TEST_SUITE_P(Sweeps, SweepCrash,
                         testing::Combine(testing::Values("sweep.begun", "sweep.counted",
                                                          "sweep.woken", "sweep.journal",
                                                          "sweep.holds", "sweep.end"),
                                          testing::Values(1, 2, 3)),
                         name_of);

INSTANTIATE_TEST_SUITE_P(
    StepsWithinASweep, SweepCrash,
    testing::Combine(testing::Values("block.take.noted", "block.take.taken", "block.take.emptied",
                                     "block.release.before", "block.release.after",
                                     "object.drop.noted", "object.drop.removed",
                                     "object.drop.scanned", "object.drop.dying",
                                     "object.drop.destroyed", "message.dropped",
                                     "chunk.release.claimed", "chunk.release.freed"),
                     testing::Values(1, 3, 4)),
    name_of);

// Births: the parent is killed between claiming a slot for a child and the fork's return.
class BirthCrash : public testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(BirthCrash, SlotOfAChildThatWasNeverBornIsFreeAgain) {
  const auto [point, visit] = GetParam();
  (void)self();
  auto parent = test::Child::run([&] {
    (void)self();
    sys::arm_crash_point(point, visit);
    for (int i = 0; i < visit; ++i) {
      ChildSlot slot;
      if (std::string(point) == "slot.claim.forked") slot.forked(1);
    }
  });
  EXPECT_EQ(parent.wait(), test::killed_by(SIGKILL));

  (void)bury_the_dead();

  const std::uint64_t used = arena().header().slots_used.load();
  for (std::uint32_t i = 0; i < used; ++i) {
    EXPECT_TRUE(i == self().slot || (slot_at(i).state.load() & 3U) == 0) << "slot " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Births, BirthCrash,
                         testing::Combine(testing::Values("slot.claim.locked", "slot.claim.claimed",
                                                          "slot.claim.forked"),
                                          testing::Values(1, 2)),
                         name_of);

// Watchers: killed at any step of a sleep, they keep nobody from being woken.
class WatchCrash : public testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(WatchCrash, OtherSleepersAreStillWoken) {
  const auto [point, visit] = GetParam();
  std::atomic<std::uint32_t>& word = board().word;
  word.store(0);
  const auto sleep_until_set = [&word](sys::Nanoseconds at_most) {
    Sleeper sleeper(word);
    const sys::Nanoseconds deadline = sys::now() + at_most;
    for (;;) {
      sleeper.note();
      if (word.load() == 1) return true;
      if (!sleeper.sleep(0, deadline)) return false;
    }
  };
  auto survivor = test::Child::run([&] {
    test::hang_up();
    test::require(sleep_until_set(30'000'000'000));
  });
  survivor.await_hang_up();
  auto victim = test::Child::run([&] {
    sys::arm_crash_point(point, visit);
    for (int i = 0; i < 50; ++i) (void)sleep_until_set(200'000'000);
  });
  // The survivor holds the seat by now or will: for `watch.seated` it must be let go once.
  if (std::string(point) == "watch.seated") survivor.kill(SIGSTOP);
  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL));
  survivor.kill(SIGCONT);

  word.store(1);
  wake(word, INT32_MAX);

  EXPECT_EQ(survivor.wait(), test::exited(0));
}

INSTANTIATE_TEST_SUITE_P(Watch, WatchCrash,
                         testing::Combine(testing::Values("watch.noted", "watch.left",
                                                          "watch.seated"),
                                          testing::Values(1)),
                         name_of);

}  // namespace
}  // namespace multiprocessing::shm
