// Ends that nobody can escape or delay: the life pipe, the kill timer, the lock of the dead.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>

#include <gtest/gtest.h>

#include "sys/forked.hpp"
#include "sys/memory.hpp"
#include "sys/ofd.hpp"
#include "sys/timer.hpp"

namespace multiprocessing::sys {
namespace {

using test::exited;
using test::Forked;
using test::killed_by;
using test::require;
using test::Signpost;
using test::wait_to_be_killed;

constexpr Nanoseconds kMillisecond = 1'000'000;
constexpr Nanoseconds kHour = 3600'000 * kMillisecond;

class DieWithTest : public test::LeavesNothingBehind {};
class KillTimerTest : public test::LeavesNothingBehind {};
class OfdLockTest : public test::LeavesNothingBehind {};

[[noreturn]] void spin_deaf_to_signals() {
  const BlockedSignals blocked;
  while (true) relax();
}

// A child of `parent`, bound to its life, that cannot be asked to end.
void fork_bound_child(Pipe& life, const Signpost& ready) {
  if (fork_process() != 0) return;
  life.write.reset();
  const UniqueFd bound = die_with(life.read.get());
  require(static_cast<bool>(bound));
  ready.raise();
  spin_deaf_to_signals();
}

TEST_F(DieWithTest, EveryChildOfAKilledParentIsGone) {
  Signpost ready;
  Signpost alive;
  Forked parent([&] {
    Pipe life = make_pipe();
    for (int child = 0; child < 3; ++child) fork_bound_child(life, ready);
    wait_to_be_killed();
  });
  for (int child = 0; child < 3; ++child) ASSERT_TRUE(ready.await());

  parent.kill();

  EXPECT_FALSE(alive.await()) << "the hang-up comes when the last holder is gone";
  EXPECT_EQ(parent.wait(), killed_by(SIGKILL));
}

TEST_F(DieWithTest, ChildThatBindsItselfTooLateDiesAtOnce) {
  Signpost survived;
  Forked child([&] {
    Pipe life = make_pipe();
    life.write.reset();
    (void)die_with(life.read.get());
    survived.raise();
  });

  EXPECT_EQ(child.wait(), killed_by(SIGKILL));
  EXPECT_FALSE(survived.await());
}

TEST_F(DieWithTest, ChildOutlivesItsParentOnceTheBindingIsClosed) {
  Signpost unbound;
  Pipe life = make_pipe();
  Forked child([&] {
    life.write.reset();
    UniqueFd bound = die_with(life.read.get());
    bound.reset();
    unbound.raise();
    require(wait_readable(life.read.get()) == Ready::yes);
  });
  ASSERT_TRUE(unbound.await());

  life.write.reset();

  EXPECT_EQ(child.wait(), exited(0));
}

TEST_F(KillTimerTest, ProcessThatBlocksAllSignalsIsEnded) {
  Forked child([] {
    KillTimer limit;
    limit.arm(kMillisecond);
    spin_deaf_to_signals();
  });

  EXPECT_EQ(child.wait(), killed_by(SIGKILL));
}

TEST_F(KillTimerTest, StoppedProcessIsEnded) {
  Forked child([] {
    KillTimer limit;
    limit.arm(kMillisecond);
    while (true) ::raise(SIGSTOP);
  });

  EXPECT_EQ(child.wait(), killed_by(SIGKILL));
}

TEST_F(KillTimerTest, TimeThatHasPassedEndsAtOnce) {
  Forked child([] {
    KillTimer limit;
    limit.arm(-5);
    wait_to_be_killed();
  });

  EXPECT_EQ(child.wait(), killed_by(SIGKILL));
}

TEST_F(KillTimerTest, DisarmedOrDestroyedTimerDoesNotEnd) {
  Forked child([] {
    KillTimer disarmed;
    disarmed.arm(50 * kMillisecond);
    disarmed.disarm();
    std::optional<KillTimer> destroyed(std::in_place);
    destroyed->arm(50 * kMillisecond);
    destroyed.reset();
    disarmed.arm(kForever);
    const Pipe silent = make_pipe();
    require(wait_readable(silent.read.get(), deadline_after(100 * kMillisecond)) ==
            Ready::timed_out);
  });

  EXPECT_EQ(child.wait(), exited(0));
}

TEST_F(KillTimerTest, InheritedTimerDoesNotTouchTheChildsOwn) {
  std::optional<KillTimer> inherited(std::in_place);
  Forked child([&] {
    KillTimer own;
    own.arm(20 * kMillisecond);
    inherited->arm(kHour);
    inherited.reset();
    wait_to_be_killed();
  });

  EXPECT_EQ(child.wait(), killed_by(SIGKILL));
}

TEST_F(OfdLockTest, LockIsGoneWithAKilledHolderEvenUnreaped) {
  const UniqueFd file = create_memfd("test", 4096);
  Signpost locked;
  Forked holder([&] {
    const UniqueFd life = reopen(file.get());
    require(lock_byte(life.get(), 7));
    locked.raise();
    wait_to_be_killed();
  });
  ASSERT_TRUE(locked.await());
  ASSERT_EQ(byte_held(file.get(), 7), Held::yes);

  holder.kill();
  holder.wait_unreaped();

  EXPECT_EQ(byte_held(file.get(), 7), Held::no);
}

TEST_F(OfdLockTest, DescriptionOpenedBeforeTheForkIsTheChildsOnceTheParentClosesIt) {
  const UniqueFd file = create_memfd("test", 4096);
  UniqueFd life = reopen(file.get());
  ASSERT_TRUE(lock_byte(life.get(), 7));
  Forked child([] { wait_to_be_killed(); });  // killed before it runs a line of its own

  life.reset();
  ASSERT_EQ(byte_held(file.get(), 7), Held::yes);
  child.kill();
  child.wait_unreaped();

  EXPECT_EQ(byte_held(file.get(), 7), Held::no);
}

TEST_F(OfdLockTest, StoppedHolderStillHolds) {
  const UniqueFd file = create_memfd("test", 4096);
  const Forked holder([&] {
    const UniqueFd life = reopen(file.get());
    require(lock_byte(life.get(), 7));
    ::raise(SIGSTOP);
  });
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(holder.pid()), &info, WSTOPPED), 0);

  EXPECT_EQ(byte_held(file.get(), 7), Held::yes);
}

TEST_F(OfdLockTest, LockIsGoneAfterExec) {
  const UniqueFd file = create_memfd("test", 4096);
  const Pipe question = make_pipe();
  Pipe answer = make_pipe();
  const Forked holder([&] {
    const UniqueFd life = reopen(file.get());
    require(lock_byte(life.get(), 7));
    require(::dup2(question.read.get(), STDIN_FILENO) >= 0);
    require(::dup2(answer.write.get(), STDOUT_FILENO) >= 0);
    ::execlp("cat", "cat", nullptr);
    require(false);
  });

  // The echo shows that the new program runs, in the same process.
  ASSERT_EQ(::write(question.write.get(), "x", 1), 1);
  ASSERT_EQ(wait_readable(answer.read.get()), Ready::yes);

  EXPECT_EQ(byte_held(file.get(), 7), Held::no);
  EXPECT_TRUE(process_runs(holder.pid(), start_time(holder.pid())));
}

}  // namespace
}  // namespace multiprocessing::sys
