// Who is alive, as the kernel's record locks tell.

#include "shm/process_table.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <optional>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include <multiprocessing/errors.hpp>

#include <gtest/gtest.h>

#include "shm/arena.hpp"
#include "shm/local.hpp"
#include "support/child.hpp"
#include "sys/calls.hpp"
#include "sys/ofd.hpp"
#include "sys/pipe.hpp"

namespace multiprocessing::shm {
namespace {

TEST(ProcessTableTest, NamesPackAndUnpackAndNobodyIsZero) {
  const Name name{65534, kGenerationMask};

  EXPECT_EQ(unpack_name(pack_name(name)), name);
  EXPECT_EQ(pack_name({}), 0U);
  EXPECT_TRUE(unpack_name(0).nobody());
}

TEST(ProcessTableTest, ThisProcessIsLiveAndNotDead) {
  EXPECT_TRUE(is_live(self()));
  EXPECT_FALSE(is_dead(self()));
  EXPECT_EQ(pid_of(self()), getpid());
}

// ctest runs each case in a process of its own: this is the first use of the library in it.
TEST(ProcessTableTest, ThreadsThatUseTheLibraryFirstAtOnceAgreeOnTheName) {
  std::atomic<int> ready{0};
  std::vector<Name> names(4);
  std::vector<std::thread> threads;
  for (Name& name : names) {
    threads.emplace_back([&] {
      ++ready;
      while (ready < 4) sched_yield();
      name = self();
    });
  }
  for (auto& thread : threads) thread.join();

  for (const Name& name : names) EXPECT_TRUE(name == names.front() && is_live(name));
}

TEST(ProcessTableTest, ForkedChildRegistersItselfUnderANameOfItsOwn) {
  const Name parent = self();

  auto child = test::Child::run([parent] {
    test::require(self() != parent);
    test::require(pid_of(self()) == getpid());
    test::require(is_live(parent));
  });

  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(ProcessTableTest, RawCloneThatUsesTheLibraryRegistersItself) {
  const Name parent = self();
  const pid_t pid = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  if (pid == 0) _exit(self() != parent && is_live(parent) ? 0 : 1);

  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

TEST(ProcessTableTest, ThreadsOfARawCloneThatUseTheLibraryAtOnceAgreeOnTheName) {
  const Name parent = self();
  for (int round = 0; round < 20; ++round) {
    const pid_t pid = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    if (pid == 0) {
      std::atomic<int> ready{0};
      std::vector<Name> names(4);
      std::vector<std::thread> threads;
      for (Name& name : names) {
        threads.emplace_back([&] {
          ++ready;
          while (ready < 4) sched_yield();
          name = self();
        });
      }
      for (auto& thread : threads) thread.join();
      bool right = names.front() != parent && is_live(parent);
      for (const Name& name : names) right = right && name == names.front() && is_live(name);
      _exit(right ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_EQ(status, 0) << "round " << round;
  }
}

TEST(ProcessTableTest, ChildKilledBeforeItTookOnItsNameIsDead) {
  std::optional<ChildSlot> slot(std::in_place);
  auto child = test::Child::run([] { test::hang_up_and_wait(); });
  slot->forked(child.pid());
  const Name name = slot->name();
  slot.reset();

  child.kill(SIGKILL);
  child.wait();

  EXPECT_TRUE(is_live(name)) << "nobody has looked yet";
  EXPECT_TRUE(is_dead(name));
  EXPECT_TRUE(bury_if_dead(name));
}

// As daemons do. Its byte is free, and its memory is what shows that it lives.
TEST(ProcessTableTest, ProcessThatClosedAllDescriptorsIsAliveUntilItEnds) {
  std::optional<ChildSlot> slot(std::in_place);
  auto child = test::Child::run([&] {
    slot->become("daemon");
    test::require(close_range(3, ~0U, 0) == 0);  // hangs up
    for (;;) pause();
  });
  slot->forked(child.pid());
  const Name name = slot->name();
  slot.reset();
  child.await_hang_up();
  while (sys::byte_held(arena().fd(), name.slot) != sys::Held::no) sched_yield();

  EXPECT_FALSE(is_dead(name));
  EXPECT_FALSE(is_dead(name)) << "when somebody has found that out already";
  EXPECT_FALSE(bury_if_dead(name));
  child.kill(SIGKILL);
  child.wait();
  while (!is_dead(name)) sched_yield();  // within a second
  EXPECT_TRUE(bury_if_dead(name));
}

TEST(ProcessTableTest, ProcessThatCalledExecIsDeadThoughItRuns) {
  sys::Pipe question = sys::make_pipe();
  const sys::Pipe answer = sys::make_pipe();
  std::optional<ChildSlot> slot(std::in_place);
  auto child = test::Child::run([&] {
    slot->become("cat");
    question.write.reset();
    test::require(dup2(question.read.get(), STDIN_FILENO) >= 0);
    test::require(dup2(answer.write.get(), STDOUT_FILENO) >= 0);
    execlp("cat", "cat", nullptr);
    test::require(false);
  });
  slot->forked(child.pid());
  const Name name = slot->name();
  slot.reset();

  // The echo shows that the new program runs, in the same process.
  ASSERT_EQ(write(question.write.get(), "x", 1), 1);
  ASSERT_EQ(sys::wait_readable(answer.read.get()), sys::Ready::yes);

  EXPECT_TRUE(is_dead(name));
  EXPECT_TRUE(bury_if_dead(name));
  question.write.reset();
  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(ProcessTableTest, ProgramThatClosedTheLibrarysDescriptorsIsToldSo) {
  auto child = test::Child::run([] {
    (void)self();
    test::require(close_range(3, ~0U, 0) == 0);
    try {
      const ChildSlot slot;
    } catch (const ValueError& error) {
      const std::string_view text(error.what());
      test::require(text.find("closed the descriptors of this library") != text.npos);
      return;
    }
    test::require(false);
  });

  EXPECT_EQ(child.wait(), test::exited(0));
}

// A daemon closes all descriptors, then opens its own.
TEST(ProcessTableTest, ForkedChildKeepsADescriptorThatHasTheNumberOfTheLibrarys) {
  auto daemon = test::Child::run([] {
    (void)self();
    const int number = local().life_fd;
    test::require(close_range(3, ~0U, 0) == 0);
    const sys::UniqueFd opened(open("/dev/null", O_RDONLY | O_CLOEXEC));
    test::require(opened.get() == number || dup3(opened.get(), number, O_CLOEXEC) == number);
    auto child = test::Child::run([number] { test::require(fcntl(number, F_GETFD) >= 0); });
    test::require(child.wait() == test::exited(0));
  });

  EXPECT_EQ(daemon.wait(), test::exited(0));
}

TEST(ProcessTableTest, ZombieIsDeadAtOnce) {
  Name name;
  std::optional<ChildSlot> slot(std::in_place);
  auto child = test::Child::run([&] {
    slot->become("short");
    test::hang_up_and_wait();
  });
  slot->forked(child.pid());
  name = slot->name();
  slot.reset();
  child.await_hang_up();
  EXPECT_FALSE(is_dead(name));

  child.kill(SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);

  EXPECT_TRUE(is_dead(name));
  EXPECT_TRUE(bury_if_dead(name));
  EXPECT_FALSE(is_present(name));
  child.wait();
}

TEST(ProcessTableTest, StoppedProcessIsAlive) {
  std::optional<ChildSlot> slot(std::in_place);
  auto child = test::Child::run([&] {
    slot->become("stopped");
    test::hang_up_and_wait();
  });
  slot->forked(child.pid());
  const Name name = slot->name();
  slot.reset();
  child.await_hang_up();

  child.kill(SIGSTOP);

  EXPECT_FALSE(is_dead(name));
  child.kill(SIGKILL);
  child.wait();
  EXPECT_TRUE(bury_if_dead(name));
}

TEST(ProcessTableTest, SlotOfAForkThatFailedIsFreeAgain) {
  Name first;
  {
    ChildSlot slot;
    first = slot.name();
    EXPECT_TRUE(is_live(first));
  }

  EXPECT_FALSE(is_present(first));
  ChildSlot next;
  EXPECT_EQ(next.name().slot, first.slot);
  EXPECT_GT(next.name().generation, first.generation);
}

TEST(ProcessTableTest, GrandchildDoesNotKeepItsDeadParentAlive) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::optional<ChildSlot> slot(std::in_place);
  auto child = test::Child::run([&] {
    slot->become("parent");
    if (fork() == 0) {
      char byte = 0;
      close(ends[1]);
      (void)!read(ends[0], &byte, 1);
      _exit(0);
    }
    test::hang_up_and_wait();
  });
  slot->forked(child.pid());
  const Name name = slot->name();
  slot.reset();
  child.await_hang_up();

  child.kill(SIGKILL);
  child.wait();

  // the grandchild lets go of the inherited description first thing, but not at once
  while (!bury_if_dead(name)) sched_yield();  // ends by ctest's time-out
  EXPECT_FALSE(is_live(name));
  close(ends[0]);
  close(ends[1]);
}

TEST(ProcessTableTest, ThousandShortLivedChildrenReuseAFewSlots) {
  std::set<std::uint32_t> slots;
  for (int i = 0; i < 300; ++i) {
    std::optional<ChildSlot> slot(std::in_place);
    auto child = test::Child::run([&] { slot->become("brief"); });
    slot->forked(child.pid());
    const Name name = slot->name();
    slots.insert(name.slot);
    slot.reset();
    child.wait();
    ASSERT_TRUE(bury_if_dead(name));
  }

  EXPECT_LE(slots.size(), 3U);
}

TEST(ProcessTableTest, RecordedExitIsReadUntilTheSlotIsReused) {
  std::optional<ChildSlot> slot(std::in_place);
  auto child = test::Child::run([&] {
    slot->become("exits");
    record_exit(7);
  });
  slot->forked(child.pid());
  const Name name = slot->name();
  slot.reset();
  child.wait();

  EXPECT_EQ(recorded_exit(name), 7);
  EXPECT_TRUE(bury_if_dead(name));
  EXPECT_EQ(recorded_exit(name), 7);
}

}  // namespace
}  // namespace multiprocessing::shm
