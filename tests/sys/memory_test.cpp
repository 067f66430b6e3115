// Shared memory files: their seals, their holes, and every way the kernel may refuse them.

#include "sys/memory.hpp"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "sys/calls.hpp"
#include "sys/errors.hpp"

namespace multiprocessing::sys {
namespace {

using test::expect_system_error;

constexpr std::uint64_t kSize = 1U << 20U;

// VmFlags of the mapping at `address`.
std::string flags_of_mapping(const void* address) {
  std::array<char, 20> start{};
  std::snprintf(start.data(), start.size(), "%lx-", reinterpret_cast<unsigned long>(address));
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.starts_with(start.data())) inside = true;
    if (inside && line.starts_with("VmFlags:")) return line;
  }
  return {};
}

TEST(MemfdTest, FileIsSparseSealedAndCloseOnExec) {
  const UniqueFd file = create_memfd("test", kSize);

  EXPECT_EQ(allocated_bytes(file.get()), 0U);
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  EXPECT_EQ(::fcntl(file.get(), F_GET_SEALS) & kSeals, kSeals);
  EXPECT_NE(::fcntl(file.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::ftruncate(file.get(), 1), 0);
}

TEST(MemfdTest, KernelWithoutNoexecSealIsAskedAgainWithout) {
  static int (*real)(const char*, unsigned) = nullptr;
  const ScopedCall old(&Calls::memfd_create, [](const char* name, unsigned flags) {
    if (flags == (MFD_CLOEXEC | MFD_ALLOW_SEALING)) return real(name, flags);
    errno = EINVAL;
    return -1;
  });
  real = old.original();

  EXPECT_TRUE(create_memfd("test", kSize));
}

TEST(MemfdTest, EveryRefusalNamesItsCall) {
  {
    const ScopedCall refused(&Calls::memfd_create, [](const char*, unsigned) {
      errno = EMFILE;
      return -1;
    });
    expect_system_error(EMFILE, "memfd_create", [] { (void)create_memfd("test", kSize); });
  }
  {
    const ScopedCall refused(&Calls::ftruncate, [](int, off_t) {
      errno = EFBIG;
      return -1;
    });
    expect_system_error(EFBIG, "ftruncate", [] { (void)create_memfd("test", kSize); });
  }
  const ScopedCall refused(&Calls::fcntl_int, [](int, int, int) {
    errno = EPERM;
    return -1;
  });
  expect_system_error(EPERM, "fcntl", [] { (void)create_memfd("test", kSize); });
}

TEST(MemfdTest, InterruptedSizingIsRepeated) {
  static int interruptions = 0;
  interruptions = 2;
  const ScopedCall interrupted(&Calls::ftruncate, [](int fd, off_t size) {
    if (interruptions-- <= 0) return ::ftruncate(fd, size);
    errno = EINTR;
    return -1;
  });

  EXPECT_TRUE(create_memfd("test", kSize));
}

TEST(MappingTest, SharedMappingIsReadWriteAndLeftOutOfCoreDumps) {
  const UniqueFd file = create_memfd("test", kSize);

  std::byte* const memory = map_shared(file.get(), kSize);

  const std::string flags = flags_of_mapping(memory);
  EXPECT_NE(flags.find(" dd"), std::string::npos) << flags;
  EXPECT_NE(flags.find(" sh"), std::string::npos) << flags;
  memory[kSize - 1] = std::byte{7};
  EXPECT_EQ(memory[kSize - 1], std::byte{7});
  unmap(memory, kSize);
}

TEST(MappingTest, RefusalNamesItsCallAndLeavesNoMapping) {
  const UniqueFd file = create_memfd("test", kSize);
  {
    const ScopedCall refused(&Calls::mmap, [](void*, std::size_t, int, int, int, off_t) {
      errno = ENOMEM;
      return MAP_FAILED;
    });
    expect_system_error(ENOMEM, "mmap", [&] { (void)map_shared(file.get(), kSize); });
    expect_system_error(ENOMEM, "mmap", [] { (void)wipe_on_fork_page(); });
  }
  static int unmapped = 0;
  unmapped = 0;
  const ScopedCall refused(&Calls::madvise, [](void*, std::size_t, int) {
    errno = EINVAL;
    return -1;
  });
  const ScopedCall counted(&Calls::munmap, [](void* address, std::size_t size) {
    ++unmapped;
    return ::munmap(address, size);
  });
  expect_system_error(EINVAL, "madvise", [&] { (void)map_shared(file.get(), kSize); });
  expect_system_error(EINVAL, "madvise", [] { (void)wipe_on_fork_page(); });
  EXPECT_EQ(unmapped, 2);
}

TEST(CommitTest, CommittedMemoryIsCountedAndPunchedMemoryIsNot) {
  const UniqueFd file = create_memfd("test", kSize);

  ASSERT_EQ(commit(file.get(), 0, kSize / 2), 0);
  EXPECT_EQ(allocated_bytes(file.get()), kSize / 2);

  punch(file.get(), 0, kSize / 4);
  EXPECT_EQ(allocated_bytes(file.get()), kSize / 4);
}

TEST(CommitTest, CommittingAgainKeepsTheContents) {
  const UniqueFd file = create_memfd("test", kSize);
  std::byte* const memory = map_shared(file.get(), kSize);
  memory[5] = std::byte{9};

  ASSERT_EQ(commit(file.get(), 0, kSize), 0);

  EXPECT_EQ(memory[5], std::byte{9});
  unmap(memory, kSize);
}

TEST(CommitTest, FullMemoryIsReportedAsItsError) {
  const ScopedCall full(&Calls::fallocate, [](int, int, off_t, off_t) {
    errno = ENOSPC;
    return -1;
  });

  EXPECT_EQ(commit(3, 0, kSize), ENOSPC);
}

TEST(CommitTest, InterruptedCommitIsRepeated) {
  static int interruptions = 0;
  interruptions = 3;
  const ScopedCall interrupted(&Calls::fallocate, [](int, int, off_t, off_t) {
    if (interruptions-- <= 0) return 0;
    errno = EINTR;
    return -1;
  });

  EXPECT_EQ(commit(3, 0, kSize), 0);
}

TEST(CommitTest, CountingABadDescriptorNamesFstat) {
  expect_system_error(EBADF, "fstat", [] { (void)allocated_bytes(-1); });
}

}  // namespace
}  // namespace multiprocessing::sys
