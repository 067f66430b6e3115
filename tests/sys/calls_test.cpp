// The seam, and the two smallest things that stand on it: descriptors and errors.

#include "sys/calls.hpp"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include <gtest/gtest.h>

#include "sys/error.hpp"
#include "sys/errors.hpp"
#include "sys/fd.hpp"
#include "sys/pipe.hpp"

namespace multiprocessing::sys {
namespace {

using test::expect_system_error;

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

UniqueFd any_descriptor() {
  return make_pipe().read;
}

TEST(ScopedCallTest, ReplacementHoldsUntilTheEndOfTheScope) {
  const auto before = calls().pidfd_open;
  {
    const ScopedCall refused(&Calls::pidfd_open, [](pid_t, unsigned) { return -7; });
    EXPECT_EQ(calls().pidfd_open(1, 0), -7);
    EXPECT_EQ(refused.original(), before);
  }

  EXPECT_EQ(calls().pidfd_open, before);
}

TEST(SystemErrorTest, MessageNamesTheCallAndTheDetail) {
  expect_system_error(ENOENT, "open: /nowhere", [] { throw_error(ENOENT, "open", "/nowhere"); });
}

TEST(SystemErrorTest, CodeComesFromErrno) {
  expect_system_error(EMFILE, "pipe2", [] {
    errno = EMFILE;
    throw_errno("pipe2");
  });
}

TEST(UniqueFdTest, DescriptorIsClosedAtTheEndOfTheScope) {
  int number = -1;
  {
    const UniqueFd fd = any_descriptor();
    number = fd.get();
    ASSERT_TRUE(is_open(number));
  }

  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFdTest, MovedFromHoldsNothing) {
  UniqueFd from = any_descriptor();
  const int number = from.get();

  const UniqueFd to = std::move(from);

  EXPECT_EQ(to.get(), number);
  EXPECT_FALSE(from);  // NOLINT(bugprone-use-after-move): the state after a move is promised
}

TEST(UniqueFdTest, AssignmentClosesWhatWasHeld) {
  UniqueFd fd = any_descriptor();
  const int old = fd.get();

  fd = any_descriptor();

  EXPECT_FALSE(is_open(old));
  EXPECT_TRUE(fd);
}

TEST(UniqueFdTest, ReleasedDescriptorStaysOpen) {
  UniqueFd fd = any_descriptor();

  const UniqueFd owner(fd.release());

  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(owner.get()));
}

TEST(UniqueFdTest, FailedCloseIsNeitherRepeatedNorSeenInErrno) {
  static int closes = 0;
  closes = 0;
  UniqueFd fd(12345);
  const ScopedCall interrupted(&Calls::close, [](int) {
    ++closes;
    errno = EINTR;
    return -1;
  });
  errno = ENOSPC;

  fd.reset();

  EXPECT_EQ(closes, 1);
  EXPECT_EQ(errno, ENOSPC);
}

}  // namespace
}  // namespace multiprocessing::sys
