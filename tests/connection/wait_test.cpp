// Waiting for connections, queues, processes and descriptors at once.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/signals.hpp>

#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Child;
using Clock = std::chrono::steady_clock;

class SocketPair {
 public:
  SocketPair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds_.data()), 0); }
  SocketPair(const SocketPair&) = delete;
  SocketPair& operator=(const SocketPair&) = delete;
  ~SocketPair() {
    ::close(fds_[0]);
    ::close(fds_[1]);
  }
  [[nodiscard]] int here() const { return fds_[0]; }
  void speak() const { EXPECT_EQ(::write(fds_[1], "x", 1), 1); }

 private:
  std::array<int, 2> fds_{};
};

TEST(WaitTest, NothingReadyGivesNothingWhenTheTimeIsOver) {
  auto [a, b] = Pipe();
  const auto start = Clock::now();
  EXPECT_TRUE(wait({a, b}, 50ms).empty());
  EXPECT_GE(Clock::now() - start, 50ms);
}

TEST(WaitTest, ANegativeTimeoutDoesNotWait) {
  auto [a, b] = Pipe();
  EXPECT_TRUE(wait({a}, -1s).empty());
  b.send(1);
  EXPECT_EQ(wait({a, b}, -1s), std::vector{a});
}

TEST(WaitTest, NoObjectsPassTheTime) {
  const auto start = Clock::now();
  EXPECT_TRUE(wait(std::vector<Connection>{}, 20ms).empty());
  EXPECT_GE(Clock::now() - start, 20ms);
}

TEST(WaitTest, AllThatAreReadyComeInTheOrderGiven) {
  std::vector<std::pair<Connection, Connection>> pipes;
  std::list<Connection> ends;
  for (int i = 0; i < 5; ++i) {
    pipes.push_back(Pipe());
    ends.push_back(pipes.back().first);
  }
  pipes[3].second.send(1);
  pipes[1].second.close();
  EXPECT_EQ(wait(ends), (std::vector{pipes[1].first, pipes[3].first}));
  EXPECT_EQ(wait(ends), (std::vector{pipes[1].first, pipes[3].first})) << "it takes nothing";
}

TEST(WaitTest, DescriptorsAreWaitedForAsTheyAre) {
  const SocketPair first;
  const SocketPair second;
  EXPECT_TRUE(wait({first.here(), second.here()}, 10ms).empty());
  second.speak();
  EXPECT_EQ(wait({first.here(), second.here()}), std::vector{second.here()});
}

TEST(WaitTest, MessagesOfManyProcessesAllCome) {
  std::vector<Connection> readers;
  std::vector<Child> children;
  for (int i = 0; i < 4; ++i) {
    auto [reader, writer] = Pipe(false);
    children.push_back(Child::run([writer, i] {
      for (int k = 0; k < 10; ++k) {
        ::usleep(static_cast<useconds_t>(1000 * ((i * 7 + k * 3) % 5)));  // so that they come mixed
        writer.send(std::pair(i, k));
      }
    }));
    readers.push_back(reader);
  }
  std::set<std::pair<int, int>> seen;
  while (!readers.empty()) {
    for (const Connection& reader : wait(readers)) {
      try {
        seen.insert(reader.recv<std::pair<int, int>>());
      } catch (const EOFError&) {
        std::erase(readers, reader);
      }
    }
  }
  EXPECT_EQ(seen.size(), 40U);
}

TEST(WaitTest, AMixtureOfAllKindsIsWaitedForAtOnce) {
  auto [a, b] = Pipe();
  const Queue<int> queue;
  const SocketPair sockets;
  Process child([b] { (void)b.recv<int>(); });
  child.start();
  const std::vector<Waitable> all{a, queue, sockets.here(), &child, child.sentinel()};
  EXPECT_TRUE(wait(all, 10ms).empty());

  queue.put(1);
  EXPECT_EQ(wait(all), std::vector<Waitable>{queue});
  EXPECT_EQ(wait(all)[0].get<Queue<int>>().get(), 1);
  sockets.speak();
  EXPECT_EQ(wait(all), std::vector<Waitable>{sockets.here()});
  a.send(1);
  EXPECT_TRUE(child.join(20s));
  const auto ready = wait(all);
  ASSERT_EQ(ready.size(), 3U);
  EXPECT_TRUE(ready[1].holds<Process*>());
  EXPECT_EQ(*ready[2].get_if<int>(), child.sentinel());
  EXPECT_THROW((void)ready[2].get<Connection>(), ValueError);
}

TEST(WaitTest, ProcessesEndAWaitByPointer) {
  Process quick([] {});
  Process slow([] { ::pause(); });
  quick.start();
  slow.start();
  const std::vector<Process*> both{&slow, &quick};
  EXPECT_EQ(wait(both), std::vector<Process*>{&quick});
  slow.kill();
  EXPECT_TRUE(slow.join(20s));
  EXPECT_EQ(wait(both), both);
}

TEST(WaitTest, AVariantOfWhatCanBeWaitedForIsFine) {
  auto [a, b] = Pipe<int>();
  using Either = std::variant<TypedConnection<int>, Queue<std::string>>;
  const Queue<std::string> queue;
  queue.put("x");
  const std::vector<Either> both{a, queue};
  const auto ready = wait(both, 10s);
  ASSERT_EQ(ready.size(), 1U);
  EXPECT_EQ(std::get<1>(ready[0]).get(), "x");
}

TEST(WaitTest, SignalsCanBeWaitedFor) {
  const Signals signals({SIGUSR1});
  auto [a, b] = Pipe();
  const std::vector<Waitable> all{&signals, a};
  EXPECT_TRUE(wait(all, 10ms).empty());
  ASSERT_EQ(::kill(::getpid(), SIGUSR1), 0);
  EXPECT_EQ(wait(all, 10s).size(), 1U);
  EXPECT_EQ(signals.wait(), SIGUSR1);
}

TEST(WaitTest, TheDeathOfTheOtherSideEndsAWait) {
  auto [here, there] = Pipe();
  auto [quiet, also_quiet] = Pipe();
  auto child = Child::run([] { test::hang_up_and_wait(); });
  child.await_hang_up();
  there.close();
  auto killer = Child::run([pid = child.pid()] {
    ::usleep(30'000);  // mostly amid the wait, which must end whenever it comes
    ::kill(pid, SIGKILL);
  });
  EXPECT_EQ(wait({quiet, here}, 20s), std::vector{here});
  EXPECT_EQ(killer.wait(), test::exited(0));
}

TEST(WaitTest, AWaitThatDoesNotBlockSeesTheDeath) {
  auto [here, there] = Pipe();
  auto child = Child::run([] { test::hang_up_and_wait(); });
  child.await_hang_up();
  there.close();
  child.kill(SIGKILL);
  (void)child.wait();
  EXPECT_EQ(wait({here}, 0s), std::vector{here});
}

TEST(WaitTest, WhatIsClosedOrOnlySendsIsRefused) {
  auto [reader, writer] = Pipe(false);
  EXPECT_THROW((void)wait({writer}, 1s), std::system_error);
  reader.close();
  EXPECT_THROW((void)wait({reader}, 1s), std::system_error);
  EXPECT_THROW((void)wait({-1}, 1s), std::system_error);
  const int closed = ::dup(0);
  ::close(closed);
  EXPECT_THROW((void)wait({closed}, 1s), std::system_error);
  Process unstarted([] {});
  EXPECT_THROW((void)wait({&unstarted}, 1s), ValueError);
}

}  // namespace
}  // namespace multiprocessing
