// fileno() of a connection: readable for messages, for the end, and for the deaths that lead to it.

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <csignal>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/queues.hpp>

#include "support/child.hpp"
#include "support/readable.hpp"
#include "sys/calls.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::readable;

TEST(ConnectionFilenoTest, TheDescriptorIsReadableForAMessageAndForTheEnd) {
  auto [here, there] = Pipe();
  const int fd = here.fileno();
  EXPECT_FALSE(readable(fd));
  there.send(1);
  EXPECT_TRUE(readable(fd, 10'000));
  EXPECT_EQ(here.recv<int>(), 1);
  EXPECT_FALSE(here.poll());
  EXPECT_FALSE(readable(fd));
  there.close();
  EXPECT_TRUE(readable(fd, 10'000));
  EXPECT_THROW((void)here.recv<int>(), EOFError);
}

TEST(ConnectionFilenoTest, TheDescriptorTellsOfADeathThoughNobodyIsOnWatch) {
  auto [here, there] = Pipe();
  auto child = Child::run([] { test::hang_up_and_wait(); });
  child.await_hang_up();
  there.close();
  const int fd = here.fileno();
  EXPECT_FALSE(readable(fd));
  child.kill(SIGKILL);
  EXPECT_TRUE(readable(fd, 20'000));
  EXPECT_TRUE(here.poll());
  EXPECT_THROW((void)here.recv<int>(), EOFError);
}

TEST(ConnectionFilenoTest, TheDescriptorFollowsTheOtherEndFromHolderToHolder) {
  auto [here, there] = Pipe();
  Queue<Connection> queue;
  auto [tell, told] = Pipe(false);
  queue.put(there);
  there.close();
  const int fd = here.fileno();  // held by a message alone
  EXPECT_FALSE(here.poll());
  auto taker = Child::run([queue, told, here] {
    here.close();
    const auto end = queue.get();
    told.send(1);
    test::hang_up_and_wait();
  });
  EXPECT_EQ(tell.recv<int>(), 1);
  EXPECT_TRUE(readable(fd, 20'000)) << "somebody has taken it: look";
  EXPECT_FALSE(here.poll());
  taker.kill(SIGKILL);
  EXPECT_TRUE(readable(fd, 20'000));
  EXPECT_THROW((void)here.recv<int>(), EOFError);
}

// As an event loop does: sleeps by the descriptor, then polls.
bool ends_by_descriptor(const Connection& connection) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (readable(connection.fileno(), 20'000) && std::chrono::steady_clock::now() < deadline) {
    if (connection.poll()) return true;
  }
  return false;
}

TEST(ConnectionFilenoTest, TheDescriptorTellsWhenWhoCouldReceiveTheOtherEndHasDied) {
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
  (void)here.fileno();
  EXPECT_FALSE(here.poll());
  child.kill(SIGKILL);
  EXPECT_TRUE(ends_by_descriptor(here));
  EXPECT_THROW((void)here.recv<int>(), EOFError);
}

TEST(ConnectionFilenoTest, TheDescriptorTellsOfADeathThoughThereWasNoneForTheHolder) {
  auto [here, there] = Pipe();
  auto child = Child::run([here] {
    here.close();
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  there.close();
  {
    const sys::ScopedCall refused(&sys::Calls::pidfd_open, [](pid_t, unsigned) {
      errno = EMFILE;
      return -1;
    });
    (void)here.fileno();
  }
  child.kill(SIGKILL);
  EXPECT_TRUE(ends_by_descriptor(here));
}

TEST(ConnectionFilenoTest, TheDescriptorRestsWhenOneOfSeveralHoldersHasDied) {
  auto [here, there] = Pipe();
  auto first = Child::run([] { test::hang_up_and_wait(); });
  auto second = Child::run([] { test::hang_up_and_wait(); });
  first.await_hang_up();
  second.await_hang_up();
  there.close();
  const int fd = here.fileno();
  first.kill(SIGKILL);
  EXPECT_TRUE(readable(fd, 20'000));
  EXPECT_FALSE(here.poll());
  EXPECT_FALSE(readable(fd, 50));
  second.kill(SIGKILL);
  EXPECT_TRUE(readable(fd, 20'000));
  EXPECT_THROW((void)here.recv<int>(), EOFError);
}

}  // namespace
}  // namespace multiprocessing
