// Ends of connections in messages that nobody can receive any more: they are closed, as the kernel
// closes descriptors that are under way to nobody.

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/queues.hpp>

#include "connection/ends.hpp"
#include "shm/block.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::at_end;
using test::broken;
using test::Child;

TEST(UntakenEndTest, IsClosedWhenTheReceiverCloses) {
  auto [here, there] = Pipe();
  auto [sender, receiver] = Pipe();
  sender.send(there);
  there.close();
  EXPECT_FALSE(here.poll()) << "it may be received yet";
  receiver.close();
  EXPECT_TRUE(at_end(here));
  EXPECT_TRUE(broken(here));
  EXPECT_TRUE(broken(sender));
}

TEST(UntakenEndTest, IsClosedWhenTheReceiverIsKilled) {
  auto [here, there] = Pipe();
  auto [sender, receiver] = Pipe();
  auto child = Child::run([] { test::hang_up_and_wait(); });
  child.await_hang_up();
  receiver.close();
  auto [tell, told] = Pipe(false);
  auto watcher = Child::run([told, here, there, sender] {
    there.close();
    sender.close();
    told.send(at_end(here));
  });
  sender.send(there);
  there.close();
  here.close();
  child.kill(SIGKILL);
  EXPECT_TRUE(tell.recv<bool>(20s));
}

TEST(UntakenEndTest, IsSeenToBeClosedByWhoPollsWithoutWaiting) {
  auto [here, there] = Pipe();
  auto [sender, receiver] = Pipe();
  auto child = Child::run([here, there, sender] {
    here.close();
    there.close();
    sender.close();
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  receiver.close();
  sender.send(there);
  there.close();
  EXPECT_FALSE(here.poll());
  child.kill(SIGKILL);
  (void)child.wait();
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  bool ended = false;
  while (!ended && std::chrono::steady_clock::now() < deadline) ended = here.poll();
  EXPECT_TRUE(ended);
}

TEST(UntakenEndTest, IsClosedWithAllThatIsUnderWayInIt) {
  const auto before = [] {
    (void)Pipe();
    return shm::census().blocks;
  }();
  {
    auto [here, there] = Pipe();
    auto [second, first] = Pipe();
    auto [fourth, third] = Pipe();
    second.send(there);
    second.send(std::string(5000, 'x'));
    fourth.send(first);
    there.close();
    first.close();
    EXPECT_FALSE(here.poll());
    third.close();
    EXPECT_TRUE(at_end(here));
    EXPECT_TRUE(broken(second));
  }
  EXPECT_EQ(shm::census().blocks, before);
}

TEST(UntakenEndTest, StaysOpenWhileTheReceiverLives) {
  auto [here, there] = Pipe();
  auto [sender, receiver] = Pipe();
  sender.send(there);
  there.close();
  sender.close();  // what was sent before is received, whoever has left since
  EXPECT_FALSE(here.poll(60ms));
  const auto arrived = receiver.recv<Connection>();
  arrived.send(6);
  EXPECT_EQ(here.recv<int>(20s), 6);
  EXPECT_TRUE(at_end(receiver));
}

TEST(UntakenEndTest, IsTheCallersAsBeforeWhenItCannotBeSent) {
  auto [here, there] = Pipe();
  auto [sender, receiver] = Pipe();
  receiver.close();
  EXPECT_THROW(sender.send(there), std::system_error);
  there.send(2);
  EXPECT_EQ(here.recv<int>(20s), 2);
  there.close();
  EXPECT_TRUE(at_end(here));
}

TEST(UntakenEndTest, IsClosedWithTheQueueThatItLiesIn) {
  auto [here, there] = Pipe();
  std::optional<Queue<Connection>> queue(std::in_place);
  queue->put(there);
  there.close();
  EXPECT_FALSE(here.poll(60ms));
  queue.reset();
  EXPECT_TRUE(at_end(here));
}

TEST(UntakenEndTest, WhatTheReceiverHadTakenBeforeItLeftWasSent) {
  for (int i = 0; i < 300; ++i) {
    auto [here, there] = Pipe();
    auto child = Child::run([here, there] {
      here.close();
      test::require(there.recv<int>() == 7);
      there.close();
    });
    there.close();
    EXPECT_NO_THROW(here.send(7)) << "it was received";
    EXPECT_EQ(child.wait(), test::exited(0));
    EXPECT_TRUE(broken(here));
  }
}

}  // namespace
}  // namespace multiprocessing
