// Objects live exactly as long as somebody holds them.

#include "shm/object.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <optional>
#include <thread>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>
#include <multiprocessing/errors.hpp>

#include "shm/hold_list.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "support/shared.hpp"

namespace multiprocessing::shm {
namespace {

LocalHold* make_test_object(std::uint64_t bytes = 64) {
  return create_object(
      ObjectKind::test, bytes,
      [](void* payload, const void*) { *static_cast<long*>(payload) = 42; }, nullptr);
}

// A location in an object that lives as long as the test program.
Location& mailbox() {
  static LocalHold* home = create_object(
      ObjectKind::test, 64, [](void* payload, const void*) { new (payload) Location(0); }, nullptr);
  return *payload<Location>(home->object);
}

TEST(ObjectTest, ObjectLivesUntilItsLastCountIsDropped) {
  LocalHold* held = make_test_object();
  const ObjectId id = held->id;
  hold_again(held);
  EXPECT_EQ(*payload<long>(find_object(id, ObjectKind::test)), 42);

  drop(held);
  EXPECT_NE(find_object(id, ObjectKind::test), nullptr);

  drop(held);
  EXPECT_EQ(find_object(id, ObjectKind::test), nullptr);
}

TEST(ObjectTest, ObjectOfAnotherKindIsNotFound) {
  LocalHold* held = make_test_object();

  EXPECT_EQ(find_object(held->id, ObjectKind::lock), nullptr);

  drop(held);
}

TEST(ObjectTest, HoldingAnObjectThatIsGoneFails) {
  LocalHold* held = make_test_object();
  const ObjectId id = held->id;
  drop(held);

  EXPECT_EQ(hold(id), nullptr);
  EXPECT_EQ(hold(0xFFFFFFFFFFFFFFFF), nullptr);
}

TEST(ObjectTest, ObjectWhoseHolderWasKilledGoesWithTheSweep) {
  const std::uint64_t before = census().blocks;
  auto child = test::Child::run([] {
    for (int i = 0; i < 1000; ++i) (void)make_test_object();
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  EXPECT_GE(census().blocks, before + 1000);

  child.kill(SIGKILL);
  child.wait();
  (void)bury_the_dead();

  EXPECT_EQ(census().blocks, before);
}

TEST(ObjectTest, MessageKeepsTheObjectsItListsUntilItIsReleased) {
  LocalHold* held = make_test_object();
  const ObjectId id = held->id;
  Block message = make_message(8, std::vector<ObjectId>{id});

  drop(held);
  EXPECT_NE(find_object(id, ObjectKind::test), nullptr);

  release(message);
  EXPECT_EQ(find_object(id, ObjectKind::test), nullptr);
}

TEST(ObjectTest, MessageOfAKilledProcessDropsWhatItHeld) {
  const std::uint64_t before = census().blocks;
  auto child = test::Child::run([] {
    LocalHold* held = make_test_object();
    (void)make_message(8, std::vector<ObjectId>{held->id});
    drop(held);
    test::hang_up_and_wait();
  });
  child.await_hang_up();

  child.kill(SIGKILL);
  child.wait();
  (void)bury_the_dead();

  EXPECT_EQ(census().blocks, before);
}

TEST(ObjectTest, HandleInALinkedMessageOutlivesItsSender) {
  (void)mailbox();
  auto child = test::Child::run([] {
    LocalHold* held = make_test_object();
    Block message = make_message(8, std::vector<ObjectId>{held->id});
    test::require(link(message, mailbox()));
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  child.kill(SIGKILL);
  child.wait();
  (void)bury_the_dead();

  Block message = unlink(mailbox());
  ASSERT_TRUE(message);
  const ObjectId id = block_as<Message>(message.ref.id)->ids()[0];
  LocalHold* held = hold(id);
  release(message);

  ASSERT_NE(held, nullptr);
  EXPECT_EQ(*payload<long>(held->object), 42);
  drop(held);
  EXPECT_EQ(find_object(id, ObjectKind::test), nullptr);
}

TEST(ObjectTest, MessageWithAHandleThatIsGoneIsRefused) {
  LocalHold* held = make_test_object();
  const ObjectId id = held->id;
  drop(held);
  const std::uint64_t before = census().blocks;

  EXPECT_THROW((void)make_message(8, std::vector<ObjectId>{id}), ValueError);

  EXPECT_EQ(census().blocks, before) << "the half-made message is released";
}

TEST(ObjectTest, MoreHoldersThanTheHeaderHasRoomForAreAllRemembered) {
  LocalHold* held = make_test_object();
  const ObjectId id = held->id;
  std::vector<Block> messages;
  for (int i = 0; i < 100; ++i) messages.push_back(make_message(8, std::vector<ObjectId>{id}));
  drop(held);

  for (std::size_t i = 0; i + 1 < messages.size(); ++i) release(messages[i]);
  EXPECT_NE(find_object(id, ObjectKind::test), nullptr);

  release(messages.back());
  EXPECT_EQ(find_object(id, ObjectKind::test), nullptr);
}

TEST(ObjectTest, ForkedChildInheritsWhatItsParentHeldAtTheFork) {
  LocalHold* held = make_test_object();
  const ObjectId id = held->id;
  std::optional<ChildSlot> slot(std::in_place);
  auto child = test::Child::run([&] {
    slot->become("heir");
    test::hang_up_and_wait();
  });
  slot->forked(child.pid());
  const Name heir = slot->name();
  slot.reset();
  child.await_hang_up();

  drop(held);
  EXPECT_NE(find_object(id, ObjectKind::test), nullptr) << "the child may still use it";

  child.kill(SIGKILL);
  child.wait();
  EXPECT_TRUE(bury_if_dead(heir));
  LocalHold* other = make_test_object();
  drop(other);  // looks through what was put off
  EXPECT_EQ(find_object(id, ObjectKind::test), nullptr);
}

TEST(ObjectTest, HoldsOfAParentThatDiedStayWhileItsHeirLives) {
  (void)mailbox();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  auto parent = test::Child::run([&] {
    LocalHold* held = make_test_object();
    ChildSlot slot;
    const pid_t pid = fork();
    if (pid == 0) {
      slot.become("heir");
      char byte = 0;
      close(ends[1]);
      (void)!read(ends[0], &byte, 1);  // until the test closes its end
      _exit(*payload<long>(find_object(held->id, ObjectKind::test)) == 42 ? 0 : 1);
    }
    slot.forked(pid);
    Block note = make_message(8, {});
    *reinterpret_cast<std::uint64_t*>(block_as<Message>(note.ref.id)->bytes()) = held->id;
    test::require(link(note, mailbox()));
    test::hang_up_and_wait();
  });
  parent.await_hang_up();
  parent.kill(SIGKILL);
  parent.wait();
  (void)bury_the_dead();
  Block note = unlink(mailbox());
  const auto id = *reinterpret_cast<ObjectId*>(block_as<Message>(note.ref.id)->bytes());
  release(note);

  EXPECT_NE(find_object(id, ObjectKind::test), nullptr) << "held by a husk for its heir";

  close(ends[0]);
  close(ends[1]);
  while (find_object(id, ObjectKind::test) != nullptr) (void)bury_the_dead();  // ctest's time-out
  SUCCEED();
}

TEST(ObjectTest, ThreadsThatPassOneObjectAroundDestroyItOnce) {
  for (int round = 0; round < 200; ++round) {
    LocalHold* held = make_test_object();
    const ObjectId id = held->id;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      hold_again(held);
      threads.emplace_back([id, held] {
        LocalHold* mine = hold(id);
        drop(held);
        if (mine != nullptr) drop(mine);
      });
    }
    drop(held);
    for (auto& thread : threads) thread.join();
    ASSERT_EQ(find_object(id, ObjectKind::test), nullptr);
  }
}

// More threads than a slot has notes for drops; each is killed inside of one.
TEST(ObjectTest, ProcessKilledInMoreDropsThanItCanNoteLeavesNothing) {
  constexpr std::size_t kDropping = kDrops + 4;
  std::array<ObjectId, kDropping> ids{};
  test::Shared<std::array<std::atomic<ObjectId>, kDropping>> made;
  auto child = test::Child::run([&] {
    static std::atomic<std::size_t> inside{0};
    register_kind(ObjectKind::test, [](ObjectHeader&) noexcept {
      ++inside;
      for (;;) pause();
    });
    std::vector<std::thread> threads;
    for (auto& id : *made) {
      LocalHold* held = make_test_object();
      id = held->id;
      // held by the message alone: nothing but the drop itself knows of it
      Block message = make_message(8, std::vector<ObjectId>{held->id});
      threads.emplace_back([held, message]() mutable {
        drop(held);
        release_message(message);
      });
    }
    while (inside < kDrops) sched_yield();
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  for (std::size_t i = 0; i < kDropping; ++i) ids[i] = (*made)[i];

  child.kill(SIGKILL);
  child.wait();

  (void)bury_the_dead();
  for (const ObjectId id : ids) EXPECT_EQ(find_object(id, ObjectKind::test), nullptr);
}

TEST(ObjectTest, ChildOfAPlainForkKeepsWhatItInheritedBeforeItsFirstUse) {
  LocalHold* held = make_test_object();
  const ObjectId id = held->id;
  auto child = test::Child::run([] { test::hang_up_and_wait(); });
  child.await_hang_up();

  drop(held);

  EXPECT_NE(find_object(id, ObjectKind::test), nullptr);
  child.kill(SIGKILL);
  child.wait();
  (void)bury_the_dead();
  LocalHold* other = make_test_object();
  drop(other);
  EXPECT_EQ(find_object(id, ObjectKind::test), nullptr);
}

// A program that forks a child for each of its tasks is never without one.
TEST(ObjectTest, ChildForkedAfterADropKeepsNothingOfIt) {
  LocalHold* held = make_test_object();
  const ObjectId id = held->id;
  auto heir = test::Child::run([] { test::hang_up_and_wait(); });
  heir.await_hang_up();
  drop(held);
  auto late = test::Child::run([] { test::hang_up_and_wait(); });
  late.await_hang_up();
  EXPECT_NE(find_object(id, ObjectKind::test), nullptr) << "the heir may still use it";

  heir.kill(SIGKILL);
  heir.wait();
  (void)bury_the_dead();
  drop(make_test_object());  // looks through what was put off

  EXPECT_EQ(find_object(id, ObjectKind::test), nullptr);
}

TEST(ObjectTest, ForkOfAChildIsCountedBeforeItHasSaidAnything) {
  LocalHold* held = make_test_object();
  const ObjectId id = held->id;
  auto heir = test::Child::run([] { test::hang_up_and_wait(); });
  heir.await_hang_up();
  drop(held);
  ChildSlot slot;
  auto silent = test::Child::run([] { test::hang_up_and_wait(); });  // never takes its slot
  slot.forked(silent.pid());
  silent.await_hang_up();

  heir.kill(SIGKILL);
  heir.wait();
  (void)bury_the_dead();
  drop(make_test_object());

  EXPECT_EQ(find_object(id, ObjectKind::test), nullptr);
}

TEST(ObjectTest, ParentOfAChildThatInheritsNothingLeavesNoHusk) {
  const std::uint64_t before = census().blocks;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  auto parent = test::Child::run([&] {
    (void)make_test_object();
    ChildSlot slot;
    const pid_t pid = fork();
    if (pid == 0) {
      char byte = 0;
      close(ends[1]);
      (void)!read(ends[0], &byte, 1);  // until the test closes its end: its parent is dead by then
      slot.become("keeper", false);
      _exit(0);
    }
    slot.forked(pid);
    _exit(0);
  });
  close(ends[0]);
  parent.await_hang_up();
  parent.wait();
  (void)bury_the_dead();
  close(ends[1]);

  while (census().blocks != before) (void)bury_the_dead();  // ends by ctest's time-out
  SUCCEED();
}

}  // namespace
}  // namespace multiprocessing::shm
