// SharedMemory, as test_multiprocessing asks of CPython's, and what it does where there is no room.

#include <multiprocessing/shared_memory.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <unordered_set>

#include <gtest/gtest.h>

#include "shared/segment.hpp"
#include "shared_memory/program.hpp"
#include "support/child.hpp"
#include "sys/calls.hpp"

namespace multiprocessing {
namespace {

using test::fresh_name;
using test::is_there;
using test::require;

// What `action` throws: its error number; 0 if it throws nothing.
template <class F>
int error_of(F action, std::string* text = nullptr) {
  try {
    action();
  } catch (const std::system_error& error) {
    if (text != nullptr) *text = error.what();
    return error.code().value();
  }
  return 0;
}

TEST(SharedMemoryTest, NewOneIsZeroedAndAsLargeAsAsked) {
  const SharedMemory memory({.create = true, .size = 10});

  EXPECT_EQ(memory.size(), 10U);
  EXPECT_EQ(memory.buf().size(), 10U);
  EXPECT_TRUE(std::ranges::all_of(memory.buf(), [](std::byte b) { return b == std::byte{0}; }));
  EXPECT_TRUE(memory.name().starts_with("psm_"));
  EXPECT_EQ(memory.name().size(), 12U);
  memory.unlink();
}

TEST(SharedMemoryTest, SecondOpenerSeesTheSameBytesWhateverSizeItNames) {
  const std::string name = fresh_name();
  const SharedMemory memory(name, true, 512);
  const SharedMemory same(name, false, 100);

  memory.as<int>()[3] = 42;

  EXPECT_EQ(same.size(), 512U);
  EXPECT_EQ(same.as<int>()[3], 42);
  EXPECT_EQ(memory, same);
  EXPECT_EQ(std::unordered_set<SharedMemory>({memory, same}).size(), 1U);
  memory.unlink();
}

TEST(SharedMemoryTest, LeadingSlashChangesNothing) {
  const std::string name = fresh_name();
  const SharedMemory memory("/" + name, true, 10);

  EXPECT_EQ(memory.name(), name);
  EXPECT_EQ(SharedMemory(name), memory);
  EXPECT_EQ(SharedMemory("/" + name), memory);
  memory.unlink();
}

TEST(SharedMemoryTest, NameThatIsTakenIsAnErrorAndLeavesTheOtherAlone) {
  const std::string name = fresh_name();
  const SharedMemory memory(name, true, 10);
  std::string text;

  EXPECT_EQ(error_of([&] { const SharedMemory other(name, true, 20); }, &text), EEXIST);

  EXPECT_NE(text.find("/dev/shm/" + name), std::string::npos) << text;
  EXPECT_EQ(SharedMemory(name).size(), 10U);
  memory.unlink();
}

TEST(SharedMemoryTest, UnlinkedOneStaysWithThoseWhoHaveIt) {
  const SharedMemory memory({.create = true, .size = 10});
  memory.unlink();

  memory.buf()[9] = std::byte{7};

  EXPECT_EQ(memory.buf()[9], std::byte{7});
  EXPECT_EQ(error_of([&] { memory.unlink(); }), ENOENT);
  EXPECT_EQ(error_of([&] { const SharedMemory gone(memory.name()); }), ENOENT);
}

TEST(SharedMemoryTest, ClosedOneHasNoBytesButAllElse) {
  const SharedMemory memory({.create = true, .size = 10});
  const SharedMemory copy = memory;

  copy.close();
  copy.close();

  EXPECT_THROW((void)memory.buf(), ValueError);
  EXPECT_THROW((void)memory.as<int>(), ValueError);
  EXPECT_EQ(memory.size(), 10U);
  EXPECT_EQ(SharedMemory(memory.name()).size(), 10U);
  memory.unlink();
}

TEST(SharedMemoryTest, CreationWithoutASizeIsRefused) {
  EXPECT_THROW(SharedMemory("", true), ValueError);
  EXPECT_THROW(SharedMemory({.create = true, .size = 0}), ValueError);
  EXPECT_THROW(SharedMemory("", true, static_cast<std::size_t>(-1)), ValueError);
  EXPECT_THROW(SharedMemory(""), ValueError);
  EXPECT_THROW(SharedMemory{}, ValueError);
}

TEST(SharedMemoryTest, WhatCannotBeANameIsRefusedWithAReason) {
  using namespace std::string_literals;
  for (const std::string& name : {"a/b"s, "a\0b"s, "/"s, std::string(256, 'x'), "."s, "/.."s}) {
    EXPECT_THROW(SharedMemory(name, true, 10), ValueError) << name;
    EXPECT_THROW((void)SharedMemory(name), ValueError) << name;
    EXPECT_THROW(shared::unlink_segment(name), ValueError) << name;
  }
  const SharedMemory longest(std::string(255, 'x'), true, 10);
  longest.unlink();
}

TEST(SharedMemoryTest, NameWithColonsAndNewlinesIsOneLikeAnyOther) {
  const SharedMemory memory(fresh_name() + ":a:b\n:c", true, 10);

  EXPECT_EQ(SharedMemory(memory.name()), memory);
  memory.unlink();
  EXPECT_FALSE(is_there(memory.name()));
}

TEST(SharedMemoryTest, MadeUpNameThatIsTakenIsDrawnAgain) {
  static constinit int refused = 0;
  static int (*real)(int, const char*, int, const char*, int) = nullptr;
  refused = 0;
  real = sys::calls().linkat;
  const sys::ScopedCall taken(
      &sys::Calls::linkat,
      [](int from, const char* path, int to, const char* name, int flags) -> int {
        if (std::strstr(name, "/psm_") != nullptr && ++refused <= 3) {
          errno = EEXIST;
          return -1;
        }
        return real(from, path, to, name, flags);
      });

  const SharedMemory memory({.create = true, .size = 10});

  EXPECT_EQ(refused, 4);
  EXPECT_TRUE(is_there(memory.name()));
  memory.unlink();
}

TEST(SharedMemoryTest, ViewsAreCheckedForSizeAndAlignment) {
  const SharedMemory memory({.create = true, .size = 100});

  EXPECT_EQ(memory.as<double>().size(), 12U);
  EXPECT_EQ(memory.as<double>(8, 2).size(), 2U);
  EXPECT_EQ(memory.as<char>(100).size(), 0U);
  EXPECT_THROW((void)memory.as<double>(4), ValueError);
  EXPECT_THROW((void)memory.as<double>(8, 12), ValueError);
  EXPECT_THROW((void)memory.as<char>(101), ValueError);
  EXPECT_THROW((void)memory.as<double>(0, std::numeric_limits<std::size_t>::max() / 8), ValueError);
  memory.unlink();
}

TEST(SharedMemoryTest, PrintsAsPythons) {
  const SharedMemory memory(fresh_name(), true, 10);
  std::ostringstream text;

  text << memory;

  EXPECT_EQ(text.str(), "SharedMemory('" + memory.name() + "', size=10)");
  memory.unlink();
}

TEST(SharedMemoryTest, LeavesNothingInTheDirectoryOnceAllIsUnlinked) {
  const SharedMemory one({.create = true, .size = 10});
  const SharedMemory two({.create = true, .size = 10});
  const std::string list = test::list_of(one.name());
  ASSERT_FALSE(list.empty());

  one.unlink();
  two.unlink();

  EXPECT_FALSE(test::is_there(list));
}

TEST(SharedMemoryTest, WhereThereAreNoNamelessFilesAnotherWayIsTaken) {
  static int (*real)(const char*, int, mode_t) = nullptr;
  real = sys::calls().open;
  const sys::ScopedCall old(&sys::Calls::open, [](const char* path, int flags, mode_t mode) -> int {
    if ((flags & O_TMPFILE) == O_TMPFILE) {
      errno = EOPNOTSUPP;
      return -1;
    }
    return real(path, flags, mode);
  });
  const std::string name = fresh_name();

  const SharedMemory memory(name, true, 10);

  EXPECT_EQ(SharedMemory(name), memory);
  EXPECT_EQ(error_of([&] { const SharedMemory other(name, true, 10); }), EEXIST);
  EXPECT_TRUE(test::names_that_begin("multiprocessing-unfinished-").empty());
  memory.unlink();
}

TEST(SharedMemoryTest, EmptyFileIsNotTakenForASegment) {
  const std::string name = fresh_name();
  const int fd = ::open(("/dev/shm/" + name).c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);

  EXPECT_THROW((void)SharedMemory(name), ValueError);

  ::close(fd);
  ::unlink(("/dev/shm/" + name).c_str());
}

// In a mount namespace of its own, /dev/shm has 1 MiB.
class SmallMemoryTest : public testing::Test {
 protected:
  // False where that is not allowed.
  static bool try_small(const std::function<void()>& body) {
    constexpr int kNotAllowed = 3;
    auto child = test::Child::run([&] {
      if (::unshare(CLONE_NEWNS) != 0 ||
          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m") != 0) {
        ::_exit(kNotAllowed);
      }
      body();
    });
    const test::Status status = child.wait();
    if (status == test::exited(kNotAllowed)) return false;
    EXPECT_EQ(status, test::exited(0));
    return true;
  }
};

TEST_F(SmallMemoryTest, WhatDoesNotFitIsAnErrorWithPathWantedAndFreeBytes) {
  const bool allowed = try_small([] {
    for (const std::size_t size : {std::size_t{10} << 20U, std::size_t{100} << 20U}) {
      std::string text;
      require(error_of([&] { const SharedMemory much("much", true, size); }, &text) == ENOSPC);
      require(text.find("/dev/shm/much") != std::string::npos);
      require(text.find(std::to_string(size) + " bytes wanted") != std::string::npos);
      require(text.find("1048576 bytes free") != std::string::npos);
      require(!is_there("much"));
    }
    const SharedMemory little({.create = true, .size = 100'000});
    std::ranges::fill(little.buf(), std::byte{1});
    little.unlink();
  });
  if (!allowed) GTEST_SKIP() << "mounting is not allowed";
}

TEST_F(SmallMemoryTest, WhenItFillsUpNobodyGetsASignal) {
  const bool allowed = try_small([] {
    std::vector<SharedMemory> all;
    const int error = error_of([&] {
      for (;;) {
        all.emplace_back(SharedMemoryOptions{.create = true, .size = 8192});
        std::ranges::fill(all.back().buf(), std::byte{1});
      }
    });
    require(error == ENOSPC);
    require(all.size() > 100);
    for (const SharedMemory& memory : all) memory.unlink();
  });
  if (!allowed) GTEST_SKIP() << "mounting is not allowed";
}

// As another user, which only root can become.
class OtherUserTest : public testing::Test {
 protected:
  static constexpr uid_t kOther = 12345;
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  }
  static test::Status as_other(const std::function<void()>& body) {
    return test::Child::run([&] {
             require(::setgid(kOther) == 0 && ::setuid(kOther) == 0);
             body();
           })
        .wait();
  }
};

TEST_F(OtherUserTest, ErrorNamesOwnerModeAndWhatIsWanted) {
  const SharedMemory memory({.create = true, .size = 10});

  const test::Status status = as_other([&] {
    std::string text;
    require(error_of([&] { const SharedMemory same(memory.name()); }, &text) == EACCES);
    require(text.find("/dev/shm/" + memory.name()) != std::string::npos);
    require(text.find("belongs to user 0 and has mode 0600") != std::string::npos);
    require(text.find("user 12345 wants to read and write it") != std::string::npos);
    const int removed = error_of([&] { memory.unlink(); }, &text);
    require(removed == EACCES || removed == EPERM);
    require(text.find("belongs to user 0") != std::string::npos);
  });

  EXPECT_EQ(status, test::exited(0));
  memory.unlink();
}

TEST_F(OtherUserTest, PermissionsCanBeGivenAtCreationWhateverTheUmask) {
  const mode_t before = ::umask(077);
  const SharedMemory memory({.create = true, .size = 10, .permissions = 0666});
  ::umask(before);

  const test::Status status =
      as_other([&] { SharedMemory(memory.name()).buf()[0] = std::byte{5}; });

  EXPECT_EQ(status, test::exited(0));
  EXPECT_EQ(memory.buf()[0], std::byte{5});
  memory.unlink();
}

}  // namespace
}  // namespace multiprocessing
