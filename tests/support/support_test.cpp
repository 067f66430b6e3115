#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <gtest/gtest.h>

#include "support/child.hpp"
#include "support/fd_snapshot.hpp"
#include "support/shared.hpp"

namespace multiprocessing::test {
namespace {

sigset_t only(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  return set;
}

void block(int signal) {
  const sigset_t set = only(signal);
  require(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
}

void await(int signal) {
  const sigset_t set = only(signal);
  int received = 0;
  require(::sigwait(&set, &received) == 0);
}

TEST(ChildTest, CallableThatReturnsEndsWithZero) {
  auto child = Child::run([] {});

  EXPECT_EQ(child.wait(), exited(0));
}

TEST(ChildTest, FailedRequireIsToldApartFromOtherEnds) {
  auto child = Child::run([] { require(1 + 1 == 3); });

  EXPECT_EQ(child.wait(), exited(kRequireFailed));
}

TEST(ChildTest, EscapedExceptionIsToldApartFromOtherEnds) {
  auto child = Child::run([] { throw std::runtime_error("on purpose"); });

  EXPECT_EQ(child.wait(), exited(kUncaughtException));
}

TEST(ChildTest, ExitCodeAndSignalOfTheSameNumberDiffer) {
  EXPECT_NE(exited(SIGKILL), killed_by(SIGKILL));
}

TEST(ChildTest, StatusPrintsWhatHappened) {
  std::ostringstream out;

  out << exited(kRequireFailed) << ", " << killed_by(9);

  EXPECT_EQ(out.str(), "exited with 97 (a require failed), killed by signal 9");
}

TEST(ChildTest, KilledAfterHangUpIsSeenAsKilledWithItsStepsDone) {
  Shared<int> steps(0);
  auto child = Child::run([&] {
    *steps = 1;
    hang_up_and_wait();
  });

  child.await_hang_up();
  child.kill(SIGKILL);

  EXPECT_EQ(child.wait(), killed_by(SIGKILL));
  EXPECT_EQ(*steps, 1);
}

TEST(ChildTest, AwaitHangUpReturnsWhenTheChildDiesFirst) {
  auto child = Child::run([] { require(false); });

  child.await_hang_up();

  EXPECT_EQ(child.wait(), exited(kRequireFailed));
}

TEST(ChildTest, AwaitHangUpReturnsWhileAGrandchildHoldsThePipe) {
  auto child = Child::run([] {
    const pid_t grandchild = ::fork();
    if (grandchild == 0) ::pause();
    block(SIGTERM);
    hang_up();
    await(SIGTERM);
    ::kill(grandchild, SIGKILL);
  });

  child.await_hang_up();
  child.kill(SIGTERM);

  EXPECT_EQ(child.wait(), exited(0));
}

TEST(ChildTest, WaitingTwiceSaysTheSame) {
  auto child = Child::run([] {});
  const auto first = child.wait();

  EXPECT_EQ(child.wait(), first);
}

TEST(ChildTest, DestructorLeavesNothingBehind) {
  const FdSnapshot before;

  {
    const auto child = Child::run([] { ::pause(); });
  }

  EXPECT_EQ(FdSnapshot(), before);
}

TEST(FdSnapshotTest, OpenDescriptorIsADifference) {
  const FdSnapshot before;

  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);

  EXPECT_NE(FdSnapshot(), before);
  ::close(fd);
  EXPECT_EQ(FdSnapshot(), before);
}

TEST(FdSnapshotTest, LivingChildIsADifference) {
  const FdSnapshot before;

  std::optional<Child> child(Child::run([] { ::pause(); }));

  EXPECT_NE(FdSnapshot(), before);
}

TEST(SharedTest, ChildWritesWhatTheParentReads) {
  Shared<std::pair<int, int>> pair(1, 2);
  auto child = Child::run([&] { pair->second = 3; });

  ASSERT_EQ(child.wait(), exited(0));

  EXPECT_EQ(pair->first, 1);
  EXPECT_EQ(pair->second, 3);
}

}  // namespace
}  // namespace multiprocessing::test
