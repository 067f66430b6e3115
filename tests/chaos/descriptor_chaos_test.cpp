// Kills a process at each point of the store of descriptors: those under way arrive, and no file
// stays open that nobody has any more.

#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>

#include <unistd.h>

#include <array>
#include <csignal>
#include <optional>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "sys/crash_point.hpp"
#include "sys/pipe.hpp"

namespace multiprocessing {
namespace {

using test::require;

class DescriptorStoreChaosTest : public testing::TestWithParam<std::tuple<const char*, int>> {};

// Sends and receives, not in the order of sending, so that the store is turned over.
void work(const FileDescriptor& file) {
  const Queue<FileDescriptor> first;
  const Queue<FileDescriptor> second;
  for (int i = 0; i < 3; ++i) {
    first.put(file);
    second.put(file);
  }
  for (int i = 0; i < 3; ++i) require(second.get() == file);
  require(first.get() == file);  // two are dropped unread
}

TEST_P(DescriptorStoreChaosTest, OthersArriveAndNothingStaysOpen) {
  const auto [point, visit] = GetParam();
  sys::Pipe pipe = sys::make_pipe();
  std::optional<FileDescriptor> writer(pipe.write.get());
  pipe.write.reset();
  const Queue<FileDescriptor> kept;
  for (int i = 0; i < 4; ++i) kept.put(*writer);
  auto survivor = test::Child::run([&] {
    for (int i = 0; i < 200; ++i) work(*writer);
  });
  auto victim = test::Child::run([&, at = point, nth = visit] {
    sys::arm_crash_point(at, nth);
    for (int i = 0; i < 200; ++i) work(*writer);
  });

  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL)) << point << " was not visited " << visit;
  work(*writer);
  EXPECT_EQ(survivor.wait(), test::exited(0));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(kept.get(), *writer);

  (void)shm::bury_the_dead();
  work(FileDescriptor(STDERR_FILENO));  // uses the store
  writer.reset();
  char byte = 0;
  EXPECT_EQ(::read(pipe.read.get(), &byte, 1), 0) << "somebody could still write";
}

INSTANTIATE_TEST_SUITE_P(Store, DescriptorStoreChaosTest,
                         testing::Combine(testing::Values("store.put.stored", "store.turn.copied",
                                                          "store.gone.counted", "store.lock.taken"),
                                          testing::Values(1, 2, 5, 17, 40)),
                         [](const testing::TestParamInfo<std::tuple<const char*, int>>& test) {
                           std::string name = std::get<0>(test.param);
                           for (char& letter : name) letter = letter == '.' ? 'X' : letter;
                           return name + "Visit" + std::to_string(std::get<1>(test.param));
                         });

}  // namespace
}  // namespace multiprocessing
