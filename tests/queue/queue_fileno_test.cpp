// Waiting for queues with descriptors: fileno() in poll, and bells for waits of the library's own.

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <set>
#include <vector>

#include <multiprocessing/queues.hpp>

#include "queue/queue_watch.hpp"
#include "shm/bell.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "support/child.hpp"
#include "support/readable.hpp"
#include "sys/calls.hpp"
#include "sys/clock.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::readable;
using test::require;

TEST(QueueFilenoTest, ReadableAsLongAsSomethingIsThere) {
  const Queue<int> queue;
  const int fd = queue.fileno();
  EXPECT_EQ(queue.fileno(), fd);
  EXPECT_FALSE(readable(fd));

  queue.put(1);
  queue.put(2);
  EXPECT_TRUE(readable(fd));
  EXPECT_EQ(queue.get(), 1);
  EXPECT_TRUE(readable(fd));
  EXPECT_EQ(queue.get(), 2);
  EXPECT_FALSE(readable(fd));
  queue.put(3);
  EXPECT_TRUE(readable(fd));
}

TEST(QueueFilenoTest, ReadableAtOnceIfSomethingWasThereBefore) {
  const Queue<std::string> queue;
  queue.put(std::string(5000, 'x'));

  EXPECT_TRUE(readable(queue.fileno()));
  (void)queue.get_many(5);
  EXPECT_FALSE(readable(queue.fileno()));
}

TEST(QueueFilenoTest, ReadableAfterShutdownForGood) {
  const Queue<int> queue;
  const int fd = queue.fileno();
  queue.shutdown();

  EXPECT_TRUE(readable(fd));
  EXPECT_THROW(queue.get(), ShutDown);
  EXPECT_TRUE(readable(fd));
}

TEST(QueueFilenoTest, ClosedQueueHasNone) {
  const Queue<int> queue;
  queue.close();
  EXPECT_THROW((void)queue.fileno(), ValueError);
}

TEST(QueueFilenoTest, PutOfAnotherProcessMakesItReadable) {
  const Queue<int> queue;
  const Queue<int> go;
  const int fd = queue.fileno();
  auto child = Child::run([&] {
    for (int i = 0; i < 50; ++i) queue.put(go.get());
  });
  for (int i = 0; i < 50; ++i) {
    ASSERT_FALSE(readable(fd));
    go.put(i);
    ASSERT_TRUE(readable(fd, 10'000));
    ASSERT_EQ(queue.try_get(), i);
  }
  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(QueueFilenoTest, EachProcessHasItsOwnAndAllAreTold) {
  const Queue<int> queue;
  const int fd = queue.fileno();
  std::vector<Child> children;
  for (int i = 0; i < 3; ++i) {
    children.push_back(Child::run([&] {
      const int own = queue.fileno();
      require(own != fd && !readable(own));
      test::hang_up();
      require(readable(own, 10'000));
    }));
    children.back().await_hang_up();
  }
  queue.put(1);

  EXPECT_TRUE(readable(fd));
  for (Child& child : children) EXPECT_EQ(child.wait(), test::exited(0));
  EXPECT_EQ(queue.get(), 1);
}

TEST(QueueFilenoTest, ItemThatAnotherTookLeavesItReadableOnce) {
  const Queue<int> queue;
  const int fd = queue.fileno();
  queue.put(1);
  auto thief = Child::run([&] { require(queue.get() == 1); });
  ASSERT_EQ(thief.wait(), test::exited(0));

  EXPECT_EQ(queue.try_get(), std::nullopt);
  EXPECT_FALSE(readable(fd));
}

std::multiset<std::uint64_t> as_set(const std::vector<std::uint64_t>& items) {
  return {items.begin(), items.end()};
}

TEST(QueueFilenoTest, NothingIsLostBetweenPollingConsumers) {
  const Queue<std::uint64_t> queue;
  const Queue<std::vector<std::uint64_t>> results;
  constexpr std::uint64_t kItems = 30'000;
  std::vector<Child> consumers, producers;
  for (int i = 0; i < 2; ++i) {
    consumers.push_back(Child::run([&] {
      std::vector<std::uint64_t> got;
      const int fd = queue.fileno();
      try {
        for (;;) {
          require(readable(fd, 20'000));
          if (const auto item = queue.try_get()) got.push_back(*item);
        }
      } catch (const ShutDown&) {
        results.put(got);
      }
    }));
  }
  for (std::uint64_t p = 0; p < 2; ++p) {
    producers.push_back(Child::run([&, p] {
      for (std::uint64_t i = 0; i < kItems; ++i) {
        queue.put(p * kItems + i);
        if (i % 100 == 0) ::usleep(200);  // the consumers run dry
      }
    }));
  }
  for (Child& child : producers) ASSERT_EQ(child.wait(), test::exited(0));
  while (!queue.empty()) ::usleep(1000);  // for ever, if a ring was lost
  queue.shutdown();
  std::multiset<std::uint64_t> all;
  for (int i = 0; i < 2; ++i) all.merge(as_set(results.get(20s)));
  EXPECT_EQ(all.size(), 2 * kItems);
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), 2 * kItems);
}

TEST(QueueFilenoTest, RingThatFoundNoDescriptorIsTriedAgainByTheNextPut) {
  const Queue<int> queue;
  const int fd = queue.fileno();
  {
    const sys::ScopedCall none(&sys::Calls::socket, [](int, int, int) {
      errno = EMFILE;
      return -1;
    });
    queue.put(1);
    EXPECT_FALSE(readable(fd));
  }
  queue.put(2);
  EXPECT_TRUE(readable(fd));
}

TEST(QueueFilenoTest, NoDescriptorLeftIsAnError) {
  const Queue<int> queue;
  const sys::ScopedCall none(&sys::Calls::socket, [](int, int, int) {
    errno = EMFILE;
    return -1;
  });
  EXPECT_THROW((void)queue.fileno(), std::system_error);
}

TEST(QueueFilenoTest, RingerThatDiesBeforeItsRingIsMadeGood) {
  const Queue<int> queue;
  const int fd = queue.fileno();
  // As if one had died between its publication and its ring: nobody rings.
  queue.bytes().open().view.state.items.fetch_and(~lanes::kBelled);
  auto child = Child::run([&] {
    queue.put(1);
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  EXPECT_FALSE(readable(fd));
  child.kill(SIGKILL);
  (void)child.wait();
  (void)shm::bury_the_dead();

  EXPECT_TRUE(readable(fd));
  EXPECT_EQ(queue.try_get(), 1);
}

// What multiprocessing::wait does.
std::vector<int> wait_for(const std::vector<Queue<int>>& queues, int other, Timeout timeout) {
  shm::Bell& bell = shm::thread_bell();
  std::vector<std::unique_ptr<lanes::QueueWatch>> watches;
  for (const auto& queue : queues) {
    watches.push_back(std::make_unique<lanes::QueueWatch>(queue.bytes().open(), bell));
  }
  const sys::Nanoseconds deadline = timeout.deadline();
  struct pollfd fds[] = {{bell.fd(), POLLIN, 0}, {other, POLLIN, 0}};
  shm::Sleeper sleeper(bell);
  for (bool in_time = true;;) {
    sleeper.note();
    bell.drain();
    std::vector<int> ready;
    for (auto& watch : watches) watch->arm();
    for (std::size_t i = 0; i < watches.size(); ++i) {
      if (watches[i]->ready()) ready.push_back(static_cast<int>(i));
    }
    if (fds[1].revents != 0) ready.push_back(-1);
    if (!ready.empty() || !in_time) return ready;
    in_time = sleeper.sleep_polling(fds, deadline);
  }
}

TEST(QueueWatchTest, WaitsForSeveralQueuesAndADescriptorAtOnce) {
  std::vector<Queue<int>> all;
  for (int i = 0; i < 3; ++i) all.emplace_back();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_TRUE(wait_for(all, ends[0], 20ms).empty());
  auto child = Child::run([&] {
    ::usleep(20'000);  // the parent is most likely asleep
    all[1].put(1);
  });
  EXPECT_EQ(wait_for(all, ends[0], 10s), std::vector{1});
  EXPECT_EQ(child.wait(), test::exited(0));
  all[2].put(1);
  EXPECT_EQ(wait_for(all, ends[0], 10s), (std::vector{1, 2}));
  (void)all[1].get();
  (void)all[2].get();
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  EXPECT_EQ(wait_for(all, ends[0], 10s), std::vector{-1});
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(QueueWatchTest, SleeperIsRungThoughItsRingerDied) {
  const Queue<int> queue;
  auto sleeper = Child::run([&] {
    test::hang_up();
    require(wait_for({queue}, -1, 20s) == std::vector{0});
  });
  sleeper.await_hang_up();
  ::usleep(30'000);  // most likely asleep
  auto ringer = Child::run([&] {
    const sys::ScopedCall dies(
        &sys::Calls::sendto,
        [](int, const void*, std::size_t, int, const struct sockaddr*, socklen_t) -> ssize_t {
          ::kill(::getpid(), SIGKILL);
          return -1;
        });
    queue.put(1);
  });
  EXPECT_EQ(ringer.wait(), test::killed_by(SIGKILL));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(sleeper.wait(), test::exited(0));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
}

// As in another network namespace, where no bell of the family can be reached.
TEST(QueueWatchTest, AProcessThatReachesNoBellLeavesThemToOthers) {
  const Queue<int> queue;
  const int fd = queue.fileno();
  auto stranger = Child::run([&] {
    const sys::ScopedCall refused(
        &sys::Calls::sendto,
        [](int, const void*, std::size_t, int, const struct sockaddr*, socklen_t) -> ssize_t {
          errno = ECONNREFUSED;
          return -1;
        });
    queue.put(1);
    queue.put(2);
    test::hang_up_and_wait();  // its death would ring
  });
  stranger.await_hang_up();
  shm::Bell other;
  other.open();
  lanes::QueueWatch watch(queue.bytes().open(), other);  // has a note of its own
  watch.arm();

  queue.put(3);
  EXPECT_TRUE(readable(fd));
  EXPECT_TRUE(readable(other.fd()));
  for (const int item : {1, 2, 3}) EXPECT_EQ(queue.get(), item);
}

TEST(QueueWatchTest, DeadWaitersNotesAreUsedAgain) {
  const Queue<int> queue;
  for (int i = 0; i < 100; ++i) {
    auto child = Child::run([&] {
      (void)queue.fileno();
      test::hang_up_and_wait();
    });
    child.await_hang_up();
    child.kill(SIGKILL);
    (void)child.wait();
    (void)shm::bury_the_dead();
    queue.put(i);
    ASSERT_EQ(queue.get(), i);
  }
  const auto& first = queue.bytes().open().view.state.bells;
  const auto page = shm::BlockRef::unpack(first.load());
  ASSERT_TRUE(page);
  EXPECT_EQ(shm::block_as<lanes::BellPage>(page.id)->next.load(), 0U);
}

}  // namespace
}  // namespace multiprocessing
