// Reads and writes that come in pieces, with interruptions between.

#include "sys/io.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "sys/calls.hpp"
#include "sys/pipe.hpp"

namespace multiprocessing::sys {
namespace {

// One byte at a time, and every second call interrupted.
int read_calls = 0;
ssize_t grudging_read(int fd, void* bytes, std::size_t) {
  if (++read_calls % 2 == 1) {
    errno = EINTR;
    return -1;
  }
  return ::read(fd, bytes, 1);
}

int write_calls = 0;
ssize_t grudging_write(int fd, const void* bytes, std::size_t) {
  if (++write_calls % 2 == 1) {
    errno = EINTR;
    return -1;
  }
  return ::write(fd, bytes, 1);
}

TEST(IoTest, ShortAndInterruptedReadsAreContinued) {
  const Pipe pipe = make_pipe();
  ASSERT_EQ(::write(pipe.write.get(), "hello", 5), 5);
  const ScopedCall grudging(&Calls::read, grudging_read);
  std::array<char, 5> bytes{};

  const ssize_t got = read_full(pipe.read.get(), bytes.data(), bytes.size());

  EXPECT_EQ(got, 5);
  EXPECT_EQ(std::string(bytes.data(), 5), "hello");
}

TEST(IoTest, ReadStopsAtTheEndOfTheFile) {
  Pipe pipe = make_pipe();
  ASSERT_EQ(::write(pipe.write.get(), "abc", 3), 3);
  pipe.write.reset();
  std::array<char, 8> bytes{};

  EXPECT_EQ(read_full(pipe.read.get(), bytes.data(), bytes.size()), 3);
}

TEST(IoTest, FailedReadKeepsItsErrno) {
  char byte = 0;

  EXPECT_EQ(read_full(-1, &byte, 1), -1);
  EXPECT_EQ(errno, EBADF);
}

TEST(IoTest, ShortAndInterruptedWritesAreContinued) {
  const Pipe pipe = make_pipe();
  const ScopedCall grudging(&Calls::write, grudging_write);

  ASSERT_TRUE(write_full(pipe.write.get(), "hello", 5));

  std::array<char, 5> bytes{};
  EXPECT_EQ(::read(pipe.read.get(), bytes.data(), bytes.size()), 5);
  EXPECT_EQ(std::string(bytes.data(), 5), "hello");
}

TEST(IoTest, FailedWriteReturnsFalse) {
  EXPECT_FALSE(write_full(-1, "x", 1));
}

TEST(IoTest, TextOfAFileIsCutToCapacityAndTerminated) {
  std::array<char, 4> text{'?', '?', '?', '?'};

  EXPECT_EQ(read_text("/proc/self/stat", text.data(), text.size()), 3);
  EXPECT_EQ(text[3], '\0');
}

TEST(IoTest, MissingFileIsReportedInErrno) {
  std::array<char, 4> text{};

  EXPECT_EQ(read_text("/nowhere", text.data(), text.size()), -1);
  EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace multiprocessing::sys
