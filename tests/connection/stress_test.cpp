// Many messages, threads, signals and deaths at moments of chance.

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>

#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::require;

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The number says length and content.
std::string message(std::uint32_t number) {
  std::string text(number * 7919 % (number % 16 == 0 ? 60'000 : 1500), '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(number + i);
  return text;
}

TEST(ConnectionStressTest, AStreamOfStringsKeepsItsBoundaries) {
  auto [here, there] = Pipe();
  const std::array<std::string, 5> strings{"hello", "", "a", "", "bye"};
  auto child = Child::run([&strings, there] {
    for (const std::string& text : strings) there.send_bytes(text);
  });
  there.close();
  for (const std::string& text : strings) {
    EXPECT_TRUE(here.poll(20s));
    EXPECT_EQ(text_of(here.recv_bytes()), text);
  }
  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(ConnectionStressTest, AnEndArrivesWhileAnotherThreadClosesIt) {
  const Queue<Connection> ends;
  for (int i = 0; i < 500; ++i) {
    auto [here, there] = Pipe();
    ends.put(there);
    std::thread closer([&there] { there.close(); });
    const Connection arrived = ends.get();
    closer.join();
    arrived.close();
    EXPECT_THROW((void)here.recv<int>(), EOFError);
  }
}

TEST(ConnectionStressTest, PollingInOneProcessLeavesTheMessageToAnother) {
  auto [here, there] = Pipe(false);
  auto [polled, told] = Pipe(false);
  auto child = Child::run([here, told] {
    for (int i = 0; i < 100; ++i) require(here.poll(20s));
    told.send(1);
  });
  there.send_bytes(message(5));
  EXPECT_EQ(polled.recv<int>(), 1);
  EXPECT_EQ(text_of(here.recv_bytes()), message(5));
  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(ConnectionStressTest, ASenderKilledAtAnyMomentTearsNothing) {
  std::mt19937 random(20261122);
  for (int round = 0; round < 60; ++round) {
    auto [here, there] = Pipe(false);
    auto child = Child::run([there] {
      for (std::uint32_t i = 0;; ++i) there.send(std::pair(i, message(i)));
    });
    there.close();
    std::uint32_t next = 0;
    const auto killed_at = random() % 200;
    try {
      for (;; ++next) {
        if (next == killed_at) child.kill(SIGKILL);
        const auto [number, text] = here.recv<std::pair<std::uint32_t, std::string>>(20s);
        ASSERT_EQ(number, next);
        ASSERT_EQ(text, message(number));
      }
    } catch (const EOFError&) {
    }
    EXPECT_GE(next, killed_at);
  }
}

TEST(ConnectionStressTest, AReceiverKilledAtAnyMomentCostsOneMessageAtMost) {
  std::mt19937 random(2211);
  for (int round = 0; round < 40; ++round) {
    auto [reader, writer] = Pipe(false);
    auto [done, tell] = Pipe(false);
    auto child = Child::run([reader, tell] {
      for (std::uint32_t next = 0;; ++next) {
        require(reader.recv<std::uint32_t>() == next);
        tell.send(next);
      }
    });
    tell.close();
    constexpr std::uint32_t kCount = 200;
    const auto killed_at = random() % kCount;
    for (std::uint32_t i = 0; i < kCount; ++i) {
      if (i == killed_at) child.kill(SIGKILL);
      writer.send(i);
    }
    (void)child.wait();
    writer.close();
    std::uint32_t received = 0;
    std::uint32_t left = 0;
    try {
      for (;; ++received) (void)done.recv<std::uint32_t>(20s);
    } catch (const EOFError&) {
    }
    try {
      for (;; ++left) (void)reader.recv<std::uint32_t>(20s);
    } catch (const EOFError&) {
    }
    // It may have been killed between receiving and telling.
    EXPECT_GE(received + left + 1, kCount);
    EXPECT_LE(received + left, kCount);
  }
}

TEST(ConnectionStressTest, ThreadsMayShareAnEnd) {
  auto [a, b] = Pipe();
  constexpr int kThreads = 3;
  constexpr int kEach = 2000;
  std::atomic<int> sum{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([a, t] {
        for (int i = 0; i < kEach; ++i) a.send(t * kEach + i);
      });
      threads.emplace_back([b, &sum] {
        for (int i = 0; i < kEach; ++i) sum += b.recv<int>() % 7;
      });
    }
  }
  int expected = 0;
  for (int i = 0; i < kThreads * kEach; ++i) expected += i % 7;
  EXPECT_EQ(sum.load(), expected);
  EXPECT_FALSE(b.poll());
}

TEST(ConnectionStressTest, ReceivingAndSendingGoOnThroughSignals) {
  auto [here, there] = Pipe();
  auto child = Child::run([here, there] {
    here.close();
    struct sigaction action{};
    action.sa_handler = [](int) {};  // and no SA_RESTART
    ::sigaction(SIGALRM, &action, nullptr);
    const itimerval often{{0, 2000}, {0, 2000}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
    require(there.recv<int>() == 1);
    for (int i = 0; i < 600; ++i) there.send(i);  // more than a pipe takes
  });
  there.close();
  EXPECT_FALSE(here.poll(50ms));
  here.send(1);
  ::usleep(20'000);  // the child waits for room, and is interrupted
  for (int i = 0; i < 600; ++i) ASSERT_EQ(here.recv<int>(20s), i);
  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(ConnectionStressTest, AChildThatEndsByItselfIsAtItsEndWithoutBeingFoundDead) {
  auto [here, there] = Pipe();
  Process child([there] { there.send(1); });
  child.start();
  there.close();
  EXPECT_EQ(here.recv<int>(), 1);
  EXPECT_THROW((void)here.recv<int>(20s), EOFError);
  EXPECT_TRUE(child.join(20s));
  EXPECT_EQ(child.exitcode(), 0);
}

}  // namespace
}  // namespace multiprocessing
